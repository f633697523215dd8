"""At start, node ports are what the services say: a crash between two writes leaves nothing taken for ever."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pybernetes.api.kinds import SERVICES
from pybernetes.apiserver.shown import decoded

if TYPE_CHECKING:
    from pybernetes.apiserver.app import APIServer


async def ensure(server: APIServer) -> None:
    resource = server.resources.of(SERVICES)
    page = await (await server.registry.cache(resource)).list()
    in_use = []
    for entry in page.entries:
        spec = decoded(resource, entry).get("spec") or {}
        ports = [one.get("nodePort") for one in spec.get("ports") or ()]
        in_use += [(port, entry.key) for port in (*ports, spec.get("healthCheckNodePort")) if port]
    await server.node_ports.repair(in_use)
