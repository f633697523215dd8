"""services/proxy: any request to one of a service's ready endpoints."""

from __future__ import annotations

import random
from typing import Any

from pybernetes.api.errors import ServiceUnavailable
from pybernetes.api.kinds import ENDPOINT_SLICES
from pybernetes.api.selectors import LabelSelector
from pybernetes.apiserver.cache.caches import Selection
from pybernetes.apiserver.connect.relay import forward
from pybernetes.apiserver.connect.targets import authority, split_name, target_path
from pybernetes.apiserver.context import Context
from pybernetes.apiserver.resources import Resource
from pybernetes.apiserver.shown import decoded
from pybernetes.lib.http.messages import Answer
from pybernetes.semantics.services import SERVICE_NAME

Object = dict[str, Any]


async def service_proxy(context: Context, resource: Resource) -> Answer:
    scheme, name, port = split_name(context.info.name)
    server, namespace = context.server, context.info.namespace
    service = decoded(resource, await server.registry.get(resource, namespace, name))
    port_name = _port_name(service, port)
    slices = server.resources.of(ENDPOINT_SLICES)
    cache = await server.registry.cache(slices)
    selector = LabelSelector.from_labels({SERVICE_NAME: name})
    page = await cache.list(namespace=namespace, selection=Selection(selector))
    choices: list[tuple[str, str]] = []
    for entry in page.entries:
        choices += _ready(decoded(slices, entry), port_name)
    if not choices:
        raise ServiceUnavailable(f'no endpoints available for service "{context.info.name}"')
    address, number = random.choice(choices)
    transport = server.kubelets.reach(scheme, address, number)
    return await forward(context, transport, target_path(context), authority(address, number))


def _ready(found: Object, port_name: str | None) -> list[tuple[str, str]]:
    """Addresses and ports of an EndpointSlice that take requests for a port."""
    ports = [
        str(one["port"])
        for one in found.get("ports") or ()
        if one.get("port") and (port_name is None or one.get("name", "") == port_name)
    ]
    return [
        (address, port)
        for endpoint in found.get("endpoints") or ()
        if (endpoint.get("conditions") or {}).get("ready", True)
        for address in endpoint.get("addresses") or ()
        for port in ports
    ]


def _port_name(service: Object, asked: str) -> str | None:
    """The name of the service's port that is meant; None when any will do."""
    ports: list[Object] = (service.get("spec") or {}).get("ports") or []
    if not asked:
        return str(ports[0].get("name", "")) if len(ports) == 1 else None
    for port in ports:
        if port.get("name", "") == asked or str(port.get("port")) == asked:
            return str(port.get("name", ""))
    raise ServiceUnavailable(f'no service port "{asked}" found for service "{service["metadata"]["name"]}"')
