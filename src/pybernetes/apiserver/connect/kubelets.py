"""Where a node's kubelet is, and a transport to it that shows this server's client certificate."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING, Any

from pybernetes.api.errors import BadRequest, ServiceUnavailable
from pybernetes.api.kinds import NODES
from pybernetes.apiserver.connect.targets import authority
from pybernetes.client.transport import HttpTransport
from pybernetes.lib.tls import client_context

if TYPE_CHECKING:
    from pybernetes.apiserver.app import APIServer

Object = dict[str, Any]

_ADDRESS_ORDER = ("InternalIP", "ExternalIP", "InternalDNS", "ExternalDNS", "Hostname")
_DEFAULT_PORT = 10250
_CONCURRENCY = 1024
_MOST_TRANSPORTS = 512


class Kubelets:
    """One connection pool a kubelet, made when first needed."""

    def __init__(self, server: APIServer) -> None:
        self._server = server
        self._context: ssl.SSLContext | None = None
        self._transports: dict[str, HttpTransport] = {}

    async def transport(self, node_name: str) -> HttpTransport:
        """Raises ServiceUnavailable when nobody knows where the node is."""
        node = await self._server.lookup(NODES, None, node_name)
        if node is None:
            raise BadRequest(f'node "{node_name}" of the pod is not known: it has left the cluster')
        return self.at(kubelet_address(node))

    def at(self, address: str) -> HttpTransport:
        """The transport to `https://ADDRESS`."""
        found = self._transports.get(address)
        if found is None:
            found = self._transports[address] = HttpTransport(
                f"https://{address}", context=self._tls(), concurrency=_CONCURRENCY
            )
        return found

    def reach(self, scheme: str, address: str, port: str) -> HttpTransport:
        """The transport to a pod; its certificate is not checked, since nobody can know who signed it."""
        url = f"{scheme}://{authority(address, port)}"
        found = self._transports.get(url)
        if found is None:
            if len(self._transports) >= _MOST_TRANSPORTS:
                self._drop_pods()
            context = client_context(verify=False) if scheme == "https" else None
            found = self._transports[url] = HttpTransport(url, context=context)
        return found

    def _drop_pods(self) -> None:
        for url in [url for url in self._transports if "://" in url]:
            self._server.tasks.spawn(self._transports.pop(url).close(), f"close {url}")

    def _tls(self) -> ssl.SSLContext:
        if self._context is None:
            options = self._server.options
            self._context = client_context(
                ca=options.cluster_ca or None,
                certificate=options.kubelet_client_certificate or None,
                key=options.kubelet_client_key or None,
                verify=bool(options.cluster_ca),
            )
        return self._context

    async def close(self) -> None:
        transports, self._transports = self._transports, {}
        for transport in transports.values():
            await transport.close()


def kubelet_address(node: Object, port: int = 0) -> str:
    """`10.0.0.1:10250` from a Node's status; the first address of a type counts.

    Raises ServiceUnavailable when it names no address.
    """
    status = node.get("status") or {}
    by_type: Object = {}
    for one in status.get("addresses") or ():
        by_type.setdefault(one.get("type"), one.get("address"))
    address = next((by_type[one] for one in _ADDRESS_ORDER if by_type.get(one)), None)
    if not address:
        raise ServiceUnavailable(f'no address of node "{node["metadata"]["name"]}" is known yet')
    endpoint = ((status.get("daemonEndpoints") or {}).get("kubeletEndpoint")) or {}
    port = port or endpoint.get("Port") or _DEFAULT_PORT
    return authority(address, str(port))
