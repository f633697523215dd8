"""nodes/proxy: any request to a node's kubelet, or to another port of the node."""

from __future__ import annotations

from pybernetes.apiserver.connect.kubelets import kubelet_address
from pybernetes.apiserver.connect.relay import forward
from pybernetes.apiserver.connect.targets import authority, split_name, target_path
from pybernetes.apiserver.context import Context
from pybernetes.apiserver.resources import Resource
from pybernetes.apiserver.shown import decoded
from pybernetes.lib.http.messages import Answer


async def node_proxy(context: Context, resource: Resource) -> Answer:
    scheme, name, port = split_name(context.info.name)
    server = context.server
    node = decoded(resource, await server.registry.get(resource, "", name))
    address = kubelet_address(node)
    own_host, _, own_port = address.rpartition(":")
    if not port or port == own_port:
        return await forward(context, server.kubelets.at(address), target_path(context), address)
    host = own_host.strip("[]")
    transport = server.kubelets.reach(scheme, host, port)
    return await forward(context, transport, target_path(context), authority(host, port))
