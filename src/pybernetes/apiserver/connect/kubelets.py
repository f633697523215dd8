"""The kubelets of the cluster, as servers to talk to: one transport a node, with this server's certificate."""

from __future__ import annotations

import ssl
from typing import Any

from pybernetes.api.errors import BadRequest
from pybernetes.apiserver.connect.backends import forward
from pybernetes.client.transport import HttpTransport
from pybernetes.lib.http.messages import Answer, Request
from pybernetes.lib.http.transport import Transport
from pybernetes.lib.tls import client_context

Object = dict[str, Any]

PORT = 10250
ADDRESS_TYPES = ("InternalIP", "Hostname", "InternalDNS", "ExternalDNS", "ExternalIP")
"""Tried in this order; upstream begins with Hostname, which a cluster without name service cannot resolve."""


def address(node: Object) -> tuple[str, int]:
    """Host and port of a Node's kubelet. Raises BadRequest when the node has not said."""
    status = node.get("status") or {}
    found = {item["type"]: item["address"] for item in reversed(status.get("addresses") or ())}
    host = next((found[kind] for kind in ADDRESS_TYPES if kind in found), "")
    if not host:
        raise BadRequest(
            f'no preferred addresses found; known addresses: []: node "{node["metadata"]["name"]}"'
        )
    endpoint = (status.get("daemonEndpoints") or {}).get("kubeletEndpoint") or {}
    return host, int(endpoint.get("Port") or PORT)


class Kubelets:
    """Transports are made when first used and kept; a node that changes its address gets a new one."""

    def __init__(self, ca: bytes, certificate: bytes, key: bytes) -> None:
        self._ca = ca
        self._certificate = certificate
        self._key = key
        self._context: ssl.SSLContext | None = None
        self._transports: dict[tuple[str, int], HttpTransport] = {}

    def transport(self, node: Object) -> Transport:
        host, port = address(node)
        transport = self._transports.get((host, port))
        if transport is None:
            if self._context is None:
                self._context = client_context(
                    ca=self._ca or None,
                    certificate=self._certificate or None,
                    key=self._key or None,
                    verify=bool(self._ca),
                )
            authority = f"[{host}]" if ":" in host else host
            transport = HttpTransport(f"https://{authority}:{port}", context=self._context)
            self._transports[(host, port)] = transport
        return transport

    async def forward(self, node: Object, target: str, request: Request) -> Answer:
        return await forward(
            self.transport(node), target, request, f"the kubelet of node {node['metadata']['name']!r}"
        )

    async def close(self) -> None:
        transports = list(self._transports.values())
        self._transports.clear()
        for transport in transports:
            await transport.close()
