"""NamespaceLifecycle: nothing is created in a namespace that is missing or ending; some namespaces never end."""

from __future__ import annotations

from pybernetes.api.errors import forbidden, not_found
from pybernetes.api.kinds import NAMESPACES
from pybernetes.apiserver.writes import CREATE, DELETE, Write

IMMORTAL = frozenset(("default", "kube-system", "kube-public"))


async def admit(write: Write) -> None:
    kind = write.resource.kind
    if kind is NAMESPACES:
        if write.operation == DELETE and write.name in IMMORTAL:
            raise forbidden(NAMESPACES, write.name, "this namespace may not be deleted")
        return
    if write.operation != CREATE or not kind.namespaced:
        return
    server = write.server
    entry = await server.registry.find(server.resources.of(NAMESPACES), "", write.namespace)
    if entry is None:
        raise not_found(NAMESPACES, write.namespace)
    if entry.field("status.phase") == "Terminating":
        error = forbidden(
            kind,
            write.name,
            f"unable to create new content in namespace {write.namespace} because it is being terminated",
        )
        error.status["details"]["causes"] = [
            {
                "reason": "NamespaceTerminating",
                "message": f"namespace {write.namespace} is being terminated",
                "field": "metadata.namespace",
            }
        ]
        raise error
