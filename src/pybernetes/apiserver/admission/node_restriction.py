"""NodeRestriction: a kubelet changes its own node, and pods that are bound to it.

https://kubernetes.io/docs/reference/access-authn-authz/admission-controllers/#noderestriction
"""

from __future__ import annotations

from pybernetes.api.errors import forbidden
from pybernetes.api.kinds import LEASES, NODES, PODS
from pybernetes.apiserver.writes import CREATE, DELETE, Write
from pybernetes.semantics.pods import is_mirror

_RESTRICTED_LABEL = "node-restriction.kubernetes.io/"


async def admit(write: Write) -> None:
    node = write.user.node_name
    if not node:
        return
    kind = write.resource.kind
    if kind is NODES:
        _node(write, node)
    elif kind is PODS:
        _pod(write, node)
    elif (
        kind is LEASES
        and write.operation == CREATE
        and write.namespace == "kube-node-lease"
        and write.name != node
    ):
        raise forbidden(kind, write.name, f'node "{node}" can only access node lease with the same name')


def _node(write: Write, node: str) -> None:
    if write.name != node:
        raise forbidden(NODES, write.name, f'node "{node}" is not allowed to modify node "{write.name}"')
    if write.operation == DELETE:
        return
    new = write.object["metadata"].get("labels") or {}
    old = ((write.old or {}).get("metadata") or {}).get("labels") or {}
    touched = [
        label
        for label in sorted({*new, *old})
        if new.get(label) != old.get(label) and label.partition("/")[0].endswith(_RESTRICTED_LABEL[:-1])
    ]
    if touched:
        raise forbidden(NODES, write.name, f"is not allowed to modify labels: {', '.join(touched)}")
    if write.old is None or write.subresource:
        return
    if (write.object.get("spec") or {}).get("taints") != (write.old.get("spec") or {}).get("taints"):
        raise forbidden(NODES, write.name, f'node "{node}" is not allowed to modify taints')


def _pod(write: Write, node: str) -> None:
    if write.operation == CREATE:
        if not is_mirror(write.object):
            raise forbidden(
                PODS,
                write.name,
                f'pod does not have "kubernetes.io/config.mirror" annotation, node "{node}" can only create '
                "mirror pods",
            )
        bound = write.object["spec"].get("nodeName")
    else:
        bound = write.previous["spec"].get("nodeName")
    if bound != node:
        verb = "create" if write.operation == CREATE else "delete" if write.operation == DELETE else "update"
        raise forbidden(
            PODS, write.name, f'node "{node}" can only {verb} pods with spec.nodeName set to itself'
        )
