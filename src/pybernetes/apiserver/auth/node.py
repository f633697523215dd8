"""The node authorizer: a kubelet sees what its own pods need, and nothing of other nodes.

A node's user may read the secrets, config maps, claims and service accounts that pods bound to it name,
make tokens for their service accounts, keep its own Node, Lease and CSINode, and follow its own pods.
Source: https://kubernetes.io/docs/reference/access-authn-authz/node/
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Protocol

from pybernetes.apiserver.auth.attributes import Attributes
from pybernetes.apiserver.auth.policy.component_roles import COMPONENT_ROLES
from pybernetes.apiserver.auth.rbac import allows
from pybernetes.apiserver.auth.user import User
from pybernetes.semantics.pods import containers_of

Object = dict[str, Any]

_GUARDED = {"secrets", "configmaps", "persistentvolumeclaims", "serviceaccounts"}
_OWN_NAME = {"leases": "kube-node-lease", "csinodes": ""}


class PodSource(Protocol):
    """Pods by the node that they are bound to, decoded."""

    def pods_on(self, node: str) -> Iterable[Object]: ...


def references(pod: Object) -> Iterable[tuple[str, str]]:
    """(resource, name) of everything in the pod's namespace that its node must read to run it."""
    spec = pod.get("spec") or {}
    yield "serviceaccounts", spec.get("serviceAccountName") or "default"
    for reference in spec.get("imagePullSecrets") or ():
        yield "secrets", reference.get("name", "")
    for container in containers_of(spec):
        yield from _environment(container)
    for volume in spec.get("volumes") or ():
        yield from _volume(volume)
        for source in (volume.get("projected") or {}).get("sources") or ():
            yield from _volume(source)


def _environment(container: Object) -> Iterable[tuple[str, str]]:
    for source in container.get("envFrom") or ():
        if "secretRef" in source:
            yield "secrets", source["secretRef"].get("name", "")
        if "configMapRef" in source:
            yield "configmaps", source["configMapRef"].get("name", "")
    for variable in container.get("env") or ():
        source = variable.get("valueFrom") or {}
        if "secretKeyRef" in source:
            yield "secrets", source["secretKeyRef"].get("name", "")
        if "configMapKeyRef" in source:
            yield "configmaps", source["configMapKeyRef"].get("name", "")


def _volume(volume: Object) -> Iterable[tuple[str, str]]:
    secret = volume.get("secret") or {}
    if secret:
        yield "secrets", secret.get("secretName") or secret.get("name", "")
    if volume.get("configMap"):
        yield "configmaps", volume["configMap"].get("name", "")
    if volume.get("persistentVolumeClaim"):
        yield "persistentvolumeclaims", volume["persistentVolumeClaim"].get("claimName", "")


class NodeAuthorizer:
    """Decides for users `system:node:NAME` of the group system:nodes; has no opinion on anybody else."""

    def __init__(self, pods: PodSource) -> None:
        self._pods = pods
        self._rules = COMPONENT_ROLES["system:node"]

    async def authorize(self, user: User, asked: Attributes) -> tuple[bool, str]:
        node = user.node_name
        if not node or not asked.is_resource:
            return False, ""
        if asked.resource in _GUARDED:
            return self._guarded(node, asked)
        if asked.resource in _OWN_NAME and asked.verb != "create":
            if asked.name == node and asked.namespace == _OWN_NAME[asked.resource]:
                return True, ""
            return False, f"can only access {asked.resource} with the same name as the requesting node"
        if asked.resource == "nodes" and asked.verb in ("update", "patch", "delete") and asked.name != node:
            return False, f"node '{node}' cannot modify node '{asked.name}'"
        if asked.resource == "pods" and not asked.subresource and asked.verb in ("list", "watch"):
            wanted = f"spec.nodeName={node}"
            if wanted not in asked.field_selector.replace("==", "=").split(",") and not asked.name:
                return False, "can only list/watch pods with spec.nodeName field selector"
        return any(allows(rule, asked) for rule in self._rules), ""

    def _guarded(self, node: str, asked: Attributes) -> tuple[bool, str]:
        token = (
            asked.resource == "serviceaccounts" and asked.subresource == "token" and asked.verb == "create"
        )
        status = asked.resource == "persistentvolumeclaims" and asked.subresource == "status"
        if asked.subresource and not token and not status:
            return False, ""
        if not token and asked.verb not in ("get", "list", "watch") and not status:
            return False, "can only read resources of this type"
        if not asked.name:
            return False, "No Object name found"
        for pod in self._pods.pods_on(node):
            if pod["metadata"].get("namespace") != asked.namespace:
                continue
            if (asked.resource, asked.name) in set(references(pod)):
                return True, ""
        return False, f"no relationship found between node '{node}' and this object"
