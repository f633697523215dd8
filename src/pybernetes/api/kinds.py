"""Every built-in kind: its names, where it is served, and what can be done with it.

Source of names, short names and categories: the discovery documents of Kubernetes 1.36.
"""

from __future__ import annotations

from functools import cache

from pybernetes.api.kind import Kind as Kind
from pybernetes.api.kind import Subresource

STATUS = Subresource("status")
SCALE = Subresource("scale", group="autoscaling", version="v1", kind="Scale")
_CREATE = ("create",)


def _proxy(name: str, kind: str) -> Subresource:
    return Subresource(name, ("create", "delete", "get", "patch", "update"), "", "v1", kind)


def _connect(name: str, kind: str) -> Subresource:
    return Subresource(name, ("create", "get"), "", "v1", kind)


EVENTS_FIELDS = (
    "involvedObject.kind",
    "involvedObject.namespace",
    "involvedObject.name",
    "involvedObject.uid",
    "involvedObject.apiVersion",
    "involvedObject.resourceVersion",
    "involvedObject.fieldPath",
    "reason",
    "reportingComponent",
    "source",
    "type",
)

# core/v1
BINDINGS = Kind("", "v1", "Binding", "bindings", verbs=_CREATE)
COMPONENT_STATUSES = Kind(
    "", "v1", "ComponentStatus", "componentstatuses", False, ("cs",), verbs=("get", "list")
)
CONFIG_MAPS = Kind("", "v1", "ConfigMap", "configmaps", short_names=("cm",))
ENDPOINTS = Kind("", "v1", "Endpoints", "endpoints", short_names=("ep",))
CORE_EVENTS = Kind("", "v1", "Event", "events", short_names=("ev",), selectable=EVENTS_FIELDS)
LIMIT_RANGES = Kind("", "v1", "LimitRange", "limitranges", short_names=("limits",))
NAMESPACES = Kind(
    "",
    "v1",
    "Namespace",
    "namespaces",
    False,
    ("ns",),
    verbs=("create", "delete", "get", "list", "patch", "update", "watch"),
    subresources=(Subresource("finalize", ("update",)), STATUS),
    selectable=("status.phase",),
)
NODES = Kind(
    "",
    "v1",
    "Node",
    "nodes",
    False,
    ("no",),
    subresources=(_proxy("proxy", "NodeProxyOptions"), STATUS),
    selectable=("spec.unschedulable",),
)
PERSISTENT_VOLUME_CLAIMS = Kind(
    "", "v1", "PersistentVolumeClaim", "persistentvolumeclaims", short_names=("pvc",), subresources=(STATUS,)
)
PERSISTENT_VOLUMES = Kind(
    "", "v1", "PersistentVolume", "persistentvolumes", False, ("pv",), subresources=(STATUS,)
)
PODS = Kind(
    "",
    "v1",
    "Pod",
    "pods",
    short_names=("po",),
    categories=("all",),
    subresources=(
        _connect("attach", "PodAttachOptions"),
        Subresource("binding", _CREATE, "", "v1", "Binding"),
        Subresource("ephemeralcontainers"),
        Subresource("eviction", _CREATE, "policy", "v1", "Eviction"),
        _connect("exec", "PodExecOptions"),
        Subresource("log", ("get",)),
        _connect("portforward", "PodPortForwardOptions"),
        _proxy("proxy", "PodProxyOptions"),
        Subresource("resize"),
        STATUS,
    ),
    selectable=(
        "spec.nodeName",
        "spec.restartPolicy",
        "spec.schedulerName",
        "spec.serviceAccountName",
        "spec.hostNetwork",
        "status.phase",
        "status.podIP",
        "status.podIPs",
        "status.nominatedNodeName",
    ),
)
POD_TEMPLATES = Kind("", "v1", "PodTemplate", "podtemplates")
REPLICATION_CONTROLLERS = Kind(
    "",
    "v1",
    "ReplicationController",
    "replicationcontrollers",
    short_names=("rc",),
    categories=("all",),
    subresources=(SCALE, STATUS),
    selectable=("status.replicas",),
)
RESOURCE_QUOTAS = Kind(
    "", "v1", "ResourceQuota", "resourcequotas", short_names=("quota",), subresources=(STATUS,)
)
SECRETS = Kind("", "v1", "Secret", "secrets", selectable=("type",))
SERVICE_ACCOUNTS = Kind(
    "",
    "v1",
    "ServiceAccount",
    "serviceaccounts",
    short_names=("sa",),
    subresources=(Subresource("token", _CREATE, "authentication.k8s.io", "v1", "TokenRequest"),),
)
SERVICES = Kind(
    "",
    "v1",
    "Service",
    "services",
    short_names=("svc",),
    categories=("all",),
    subresources=(_proxy("proxy", "ServiceProxyOptions"), STATUS),
    selectable=("spec.clusterIP", "spec.type"),
)

# apps/v1
CONTROLLER_REVISIONS = Kind("apps", "v1", "ControllerRevision", "controllerrevisions")
DAEMON_SETS = Kind("apps", "v1", "DaemonSet", "daemonsets", True, ("ds",), ("all",), subresources=(STATUS,))
DEPLOYMENTS = Kind(
    "apps", "v1", "Deployment", "deployments", True, ("deploy",), ("all",), subresources=(SCALE, STATUS)
)
REPLICA_SETS = Kind(
    "apps",
    "v1",
    "ReplicaSet",
    "replicasets",
    True,
    ("rs",),
    ("all",),
    subresources=(SCALE, STATUS),
    selectable=("status.replicas",),
)
STATEFUL_SETS = Kind(
    "apps", "v1", "StatefulSet", "statefulsets", True, ("sts",), ("all",), subresources=(SCALE, STATUS)
)

# batch/v1
CRON_JOBS = Kind("batch", "v1", "CronJob", "cronjobs", True, ("cj",), ("all",), subresources=(STATUS,))
JOBS = Kind(
    "batch",
    "v1",
    "Job",
    "jobs",
    categories=("all",),
    subresources=(STATUS,),
    selectable=("status.successful",),
)

# autoscaling/v1 and v2
HORIZONTAL_POD_AUTOSCALERS = Kind(
    "autoscaling",
    "v2",
    "HorizontalPodAutoscaler",
    "horizontalpodautoscalers",
    True,
    ("hpa",),
    ("all",),
    subresources=(STATUS,),
)
HORIZONTAL_POD_AUTOSCALERS_V1 = Kind(
    "autoscaling",
    "v1",
    "HorizontalPodAutoscaler",
    "horizontalpodautoscalers",
    True,
    ("hpa",),
    ("all",),
    subresources=(STATUS,),
)

# networking.k8s.io/v1
INGRESSES = Kind("networking.k8s.io", "v1", "Ingress", "ingresses", True, ("ing",), subresources=(STATUS,))
INGRESS_CLASSES = Kind("networking.k8s.io", "v1", "IngressClass", "ingressclasses", False)
IP_ADDRESSES = Kind(
    "networking.k8s.io", "v1", "IPAddress", "ipaddresses", False, ("ip",), selectable=("spec.parentRef",)
)
NETWORK_POLICIES = Kind("networking.k8s.io", "v1", "NetworkPolicy", "networkpolicies", True, ("netpol",))
SERVICE_CIDRS = Kind("networking.k8s.io", "v1", "ServiceCIDR", "servicecidrs", False, subresources=(STATUS,))

# policy/v1
POD_DISRUPTION_BUDGETS = Kind(
    "policy", "v1", "PodDisruptionBudget", "poddisruptionbudgets", True, ("pdb",), subresources=(STATUS,)
)

# rbac.authorization.k8s.io/v1
CLUSTER_ROLE_BINDINGS = Kind(
    "rbac.authorization.k8s.io", "v1", "ClusterRoleBinding", "clusterrolebindings", False
)
CLUSTER_ROLES = Kind("rbac.authorization.k8s.io", "v1", "ClusterRole", "clusterroles", False)
ROLE_BINDINGS = Kind("rbac.authorization.k8s.io", "v1", "RoleBinding", "rolebindings")
ROLES = Kind("rbac.authorization.k8s.io", "v1", "Role", "roles")

# storage.k8s.io/v1
CSI_DRIVERS = Kind("storage.k8s.io", "v1", "CSIDriver", "csidrivers", False)
CSI_NODES = Kind("storage.k8s.io", "v1", "CSINode", "csinodes", False)
CSI_STORAGE_CAPACITIES = Kind("storage.k8s.io", "v1", "CSIStorageCapacity", "csistoragecapacities")
STORAGE_CLASSES = Kind("storage.k8s.io", "v1", "StorageClass", "storageclasses", False, ("sc",))
VOLUME_ATTACHMENTS = Kind(
    "storage.k8s.io", "v1", "VolumeAttachment", "volumeattachments", False, subresources=(STATUS,)
)
VOLUME_ATTRIBUTES_CLASSES = Kind(
    "storage.k8s.io", "v1", "VolumeAttributesClass", "volumeattributesclasses", False, ("vac",)
)

# scheduling.k8s.io/v1, coordination.k8s.io/v1, discovery.k8s.io/v1, events.k8s.io/v1, node.k8s.io/v1
PRIORITY_CLASSES = Kind("scheduling.k8s.io", "v1", "PriorityClass", "priorityclasses", False, ("pc",))
LEASES = Kind("coordination.k8s.io", "v1", "Lease", "leases")
ENDPOINT_SLICES = Kind("discovery.k8s.io", "v1", "EndpointSlice", "endpointslices")
EVENTS = Kind(
    "events.k8s.io",
    "v1",
    "Event",
    "events",
    True,
    ("ev",),
    selectable=tuple(name.replace("involvedObject", "regarding") for name in EVENTS_FIELDS),
)
RUNTIME_CLASSES = Kind("node.k8s.io", "v1", "RuntimeClass", "runtimeclasses", False)

# certificates.k8s.io/v1
CERTIFICATE_SIGNING_REQUESTS = Kind(
    "certificates.k8s.io",
    "v1",
    "CertificateSigningRequest",
    "certificatesigningrequests",
    False,
    ("csr",),
    subresources=(Subresource("approval"), STATUS),
    selectable=("spec.signerName",),
)

# admissionregistration.k8s.io/v1
MUTATING_ADMISSION_POLICIES = Kind(
    "admissionregistration.k8s.io",
    "v1",
    "MutatingAdmissionPolicy",
    "mutatingadmissionpolicies",
    False,
    categories=("api-extensions",),
)
MUTATING_ADMISSION_POLICY_BINDINGS = Kind(
    "admissionregistration.k8s.io",
    "v1",
    "MutatingAdmissionPolicyBinding",
    "mutatingadmissionpolicybindings",
    False,
    categories=("api-extensions",),
)
MUTATING_WEBHOOK_CONFIGURATIONS = Kind(
    "admissionregistration.k8s.io",
    "v1",
    "MutatingWebhookConfiguration",
    "mutatingwebhookconfigurations",
    False,
    categories=("api-extensions",),
)
VALIDATING_ADMISSION_POLICIES = Kind(
    "admissionregistration.k8s.io",
    "v1",
    "ValidatingAdmissionPolicy",
    "validatingadmissionpolicies",
    False,
    categories=("api-extensions",),
    subresources=(STATUS,),
)
VALIDATING_ADMISSION_POLICY_BINDINGS = Kind(
    "admissionregistration.k8s.io",
    "v1",
    "ValidatingAdmissionPolicyBinding",
    "validatingadmissionpolicybindings",
    False,
    categories=("api-extensions",),
)
VALIDATING_WEBHOOK_CONFIGURATIONS = Kind(
    "admissionregistration.k8s.io",
    "v1",
    "ValidatingWebhookConfiguration",
    "validatingwebhookconfigurations",
    False,
    categories=("api-extensions",),
)

# apiextensions.k8s.io/v1 and apiregistration.k8s.io/v1
CUSTOM_RESOURCE_DEFINITIONS = Kind(
    "apiextensions.k8s.io",
    "v1",
    "CustomResourceDefinition",
    "customresourcedefinitions",
    False,
    ("crd", "crds"),
    ("api-extensions",),
    subresources=(STATUS,),
)
API_SERVICES = Kind(
    "apiregistration.k8s.io",
    "v1",
    "APIService",
    "apiservices",
    False,
    categories=("api-extensions",),
    subresources=(STATUS,),
)

# authentication.k8s.io/v1 and authorization.k8s.io/v1: asked, answered, never stored
SELF_SUBJECT_REVIEWS = Kind(
    "authentication.k8s.io", "v1", "SelfSubjectReview", "selfsubjectreviews", False, verbs=_CREATE
)
TOKEN_REVIEWS = Kind("authentication.k8s.io", "v1", "TokenReview", "tokenreviews", False, verbs=_CREATE)
LOCAL_SUBJECT_ACCESS_REVIEWS = Kind(
    "authorization.k8s.io", "v1", "LocalSubjectAccessReview", "localsubjectaccessreviews", verbs=_CREATE
)
SELF_SUBJECT_ACCESS_REVIEWS = Kind(
    "authorization.k8s.io", "v1", "SelfSubjectAccessReview", "selfsubjectaccessreviews", False, verbs=_CREATE
)
SELF_SUBJECT_RULES_REVIEWS = Kind(
    "authorization.k8s.io", "v1", "SelfSubjectRulesReview", "selfsubjectrulesreviews", False, verbs=_CREATE
)
SUBJECT_ACCESS_REVIEWS = Kind(
    "authorization.k8s.io", "v1", "SubjectAccessReview", "subjectaccessreviews", False, verbs=_CREATE
)

# flowcontrol.apiserver.k8s.io/v1
FLOW_SCHEMAS = Kind(
    "flowcontrol.apiserver.k8s.io", "v1", "FlowSchema", "flowschemas", False, subresources=(STATUS,)
)
PRIORITY_LEVEL_CONFIGURATIONS = Kind(
    "flowcontrol.apiserver.k8s.io",
    "v1",
    "PriorityLevelConfiguration",
    "prioritylevelconfigurations",
    False,
    subresources=(STATUS,),
)

# resource.k8s.io/v1
DEVICE_CLASSES = Kind("resource.k8s.io", "v1", "DeviceClass", "deviceclasses", False)
RESOURCE_CLAIMS = Kind("resource.k8s.io", "v1", "ResourceClaim", "resourceclaims", subresources=(STATUS,))
RESOURCE_CLAIM_TEMPLATES = Kind("resource.k8s.io", "v1", "ResourceClaimTemplate", "resourceclaimtemplates")
RESOURCE_SLICES = Kind(
    "resource.k8s.io",
    "v1",
    "ResourceSlice",
    "resourceslices",
    False,
    selectable=("spec.driver", "spec.nodeName"),
)

BUILTIN_KINDS: tuple[Kind, ...] = tuple(
    value for value in list(globals().values()) if isinstance(value, Kind)
)

GROUP_ORDER: tuple[str, ...] = (
    "",
    "apiregistration.k8s.io",
    "apps",
    "events.k8s.io",
    "authentication.k8s.io",
    "authorization.k8s.io",
    "autoscaling",
    "batch",
    "certificates.k8s.io",
    "networking.k8s.io",
    "policy",
    "rbac.authorization.k8s.io",
    "storage.k8s.io",
    "admissionregistration.k8s.io",
    "apiextensions.k8s.io",
    "scheduling.k8s.io",
    "coordination.k8s.io",
    "node.k8s.io",
    "discovery.k8s.io",
    "resource.k8s.io",
    "flowcontrol.apiserver.k8s.io",
)
"""Discovery lists groups in this order, and kubectl resolves an ambiguous name to the first."""


@cache
def _by_resource() -> dict[tuple[str, str, str], Kind]:
    return {(kind.group, kind.version, kind.resource): kind for kind in BUILTIN_KINDS}


@cache
def _by_kind() -> dict[tuple[str, str, str], Kind]:
    return {(kind.group, kind.version, kind.kind): kind for kind in BUILTIN_KINDS}


def by_resource(group: str, version: str, resource: str) -> Kind | None:
    """`by_resource("apps", "v1", "deployments")`; None when it is not built in."""
    return _by_resource().get((group, version, resource))


def by_kind(api_version: str, kind: str) -> Kind | None:
    """`by_kind("apps/v1", "Deployment")`; None when it is not built in."""
    group, _, version = api_version.rpartition("/")
    return _by_kind().get((group, version, kind))
