"""The admission plugins in their order: `mutate` before an object's validation, `validate` after it.

A plugin is `async (Write) -> None`: it changes `write.object` or raises (Forbidden, mostly). The order is
upstream's. Lists are tuples of (name, plugin), so that `Options.admission_off` can leave plugins out by name.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import lru_cache

from pybernetes.api.kinds import (
    CERTIFICATE_SIGNING_REQUESTS,
    CLUSTER_ROLE_BINDINGS,
    CLUSTER_ROLES,
    INGRESSES,
    NODES,
    PERSISTENT_VOLUME_CLAIMS,
    PERSISTENT_VOLUMES,
    PODS,
    PRIORITY_CLASSES,
    ROLE_BINDINGS,
    ROLES,
    Kind,
)
from pybernetes.apiserver.admission import (
    certificates,
    claim_resize,
    default_tolerations,
    escalation,
    ingress_class,
    limit_ranger,
    namespace_lifecycle,
    node_restriction,
    node_taints,
    priority,
    resource_quota,
    runtime_class,
    service_account,
    storage_class,
    storage_protection,
)
from pybernetes.apiserver.writes import Write

Plugin = Callable[[Write], Awaitable[None]]

MUTATING: tuple[tuple[str, Plugin], ...] = (
    ("NamespaceLifecycle", namespace_lifecycle.admit),
    ("LimitRanger", limit_ranger.mutate),
    ("ServiceAccount", service_account.mutate),
    ("NodeRestriction", node_restriction.admit),
    ("TaintNodesByCondition", node_taints.mutate),
    ("Priority", priority.mutate),
    ("DefaultTolerationSeconds", default_tolerations.mutate),
    ("DefaultStorageClass", storage_class.mutate),
    ("StorageObjectInUseProtection", storage_protection.mutate),
    ("RuntimeClass", runtime_class.mutate),
    ("DefaultIngressClass", ingress_class.mutate),
    ("RoleEscalation", escalation.admit),
)

VALIDATING: tuple[tuple[str, Plugin], ...] = (
    ("LimitRanger", limit_ranger.validate),
    ("ServiceAccount", service_account.validate),
    ("Priority", priority.validate),
    ("PersistentVolumeClaimResize", claim_resize.validate),
    ("RuntimeClass", runtime_class.validate),
    ("CertificateApproval", certificates.approval),
    ("CertificateSigning", certificates.signing),
    ("CertificateSubjectRestriction", certificates.subject_restriction),
    ("ResourceQuota", resource_quota.validate),
)


_ABOUT: dict[str, tuple[Kind, ...]] = {
    "CertificateApproval": (CERTIFICATE_SIGNING_REQUESTS,),
    "CertificateSigning": (CERTIFICATE_SIGNING_REQUESTS,),
    "CertificateSubjectRestriction": (CERTIFICATE_SIGNING_REQUESTS,),
    "DefaultIngressClass": (INGRESSES,),
    "DefaultStorageClass": (PERSISTENT_VOLUME_CLAIMS,),
    "DefaultTolerationSeconds": (PODS,),
    "LimitRanger": (PODS, PERSISTENT_VOLUME_CLAIMS),
    "PersistentVolumeClaimResize": (PERSISTENT_VOLUME_CLAIMS,),
    "Priority": (PODS, PRIORITY_CLASSES),
    "RoleEscalation": (ROLES, CLUSTER_ROLES, ROLE_BINDINGS, CLUSTER_ROLE_BINDINGS),
    "RuntimeClass": (PODS,),
    "ServiceAccount": (PODS,),
    "StorageObjectInUseProtection": (PERSISTENT_VOLUMES, PERSISTENT_VOLUME_CLAIMS),
    "TaintNodesByCondition": (NODES,),
}
"""The kinds that a plugin has anything to say about; one that is not named here sees all."""


@lru_cache(maxsize=1024)
def _concerned(
    plugins: tuple[tuple[str, Plugin], ...], kind: Kind, off: frozenset[str]
) -> tuple[Plugin, ...]:
    return tuple(plugin for name, plugin in plugins if name not in off and kind in _ABOUT.get(name, (kind,)))


async def mutate(write: Write) -> None:
    """Let every mutating plugin see the write."""
    for plugin in _concerned(MUTATING, write.resource.kind, write.server.options.admission_off):
        await plugin(write)


async def validate(write: Write) -> None:
    """Let every validating plugin see the write, which none may change any more."""
    for plugin in _concerned(VALIDATING, write.resource.kind, write.server.options.admission_off):
        await plugin(write)
