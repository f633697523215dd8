"""The admission plugins in their order: `mutate` before an object's validation, `validate` after it.

A plugin is `async (Write) -> None`: it changes `write.object` or raises (Forbidden, mostly). The order is
upstream's. Lists are tuples of (name, plugin), so that `Options.admission_off` can leave plugins out by name.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from pybernetes.apiserver.admission import (
    certificates,
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
    ("RuntimeClass", runtime_class.mutate),
    ("DefaultIngressClass", ingress_class.mutate),
)

VALIDATING: tuple[tuple[str, Plugin], ...] = (
    ("LimitRanger", limit_ranger.validate),
    ("ServiceAccount", service_account.validate),
    ("Priority", priority.validate),
    ("RuntimeClass", runtime_class.validate),
    ("CertificateApproval", certificates.approval),
    ("CertificateSigning", certificates.signing),
    ("CertificateSubjectRestriction", certificates.subject_restriction),
    ("RoleEscalation", escalation.validate),
    ("ResourceQuota", resource_quota.validate),
)


async def mutate(write: Write) -> None:
    """Let every mutating plugin see the write."""
    off = write.server.options.admission_off
    for name, plugin in MUTATING:
        if name not in off:
            await plugin(write)


async def validate(write: Write) -> None:
    """Let every validating plugin see the write, which none may change any more."""
    off = write.server.options.admission_off
    for name, plugin in VALIDATING:
        if name not in off:
            await plugin(write)
