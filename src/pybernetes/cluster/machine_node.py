"""A node that is a whole machine: `pybernetes node` prepares it here and hands over to the supervisor.

In: server, token and name. Out: the node's settings, a containerd configuration of its own (another
containerd on the machine is left alone) and the supervisor's spec. Unlike a local node it has no
namespaces and no share: it is the machine.
"""

from __future__ import annotations

import ipaddress
import os
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pybernetes.cluster import bootstrap, containerd, images
from pybernetes.cluster.failure import Failure
from pybernetes.cluster.host_network import mtu, switch_forwarding_on, switch_ipv6_forwarding_on
from pybernetes.cluster.layout import NodePaths, check_name
from pybernetes.cluster.local_cluster import supervisor_alive
from pybernetes.cluster.local_node import RESOLV_CONF, write_resolv_conf
from pybernetes.cluster.node_settings import NodeSettings
from pybernetes.cluster.supervisor import Process, Spec

DATA_ROOT = Path("/var/lib/pybernetes-node")
RUN_ROOT = Path("/run/pybernetes-node")
HOST_NAME_LIMIT = 63


@dataclass(frozen=True)
class Joining:
    """The command line of `pybernetes node`."""

    server: str
    token: str
    name: str
    address: str
    further_address: str = ""
    data_dir: str | None = None
    ca_file: str = ""
    ca_hash: str = ""
    cluster_cidr: str = "10.244.0.0/16"
    cgroup_root: str = ""
    service_cluster_ip_range: str = "10.96.0.0/16"
    load_balancer_pool: tuple[str, ...] = ()
    vxlan_port: int = 8472
    labels: dict[str, str] = field(default_factory=dict)
    kubelet_flags: dict[str, Any] = field(default_factory=dict)


def paths_of(name: str, data_dir: str | None) -> NodePaths:
    check_name(name, "the node name", HOST_NAME_LIMIT)
    data = Path(data_dir).absolute() if data_dir else DATA_ROOT / name
    run = RUN_ROOT / name
    return NodePaths(name, data, run, data / "logs", run / "ns")


def forwarding_memory(paths: NodePaths) -> Path:
    """Where it is noted what ip_forward was."""
    return paths.run / "ip_forward"


def ipv6_forwarding_memory(paths: NodePaths) -> Path:
    return paths.run / "ipv6_forwarding"


def node_addresses(given: str | None, cluster_cidr: str, server: str) -> tuple[str, str]:
    """The node's address and, if pods have IPv6 too, its IPv6 address: as `--node-ip` says, or those of its routes."""
    from pybernetes.cluster.server_settings import own_address

    chosen = [one.strip() for one in given.split(",")] if given else [own_address("0.0.0.0", towards=server)]
    if ":" in cluster_cidr and len(chosen) == 1:
        chosen.append(own_address("::", towards="2001:db8::1"))
        if chosen[1] == "::1":
            raise Failure(
                "--cluster-cidr has IPv6 and this machine has no way out by it: give --node-ip IPV4,IPV6"
            )
    try:
        families = [ipaddress.ip_address(one).version for one in chosen]
    except ValueError:
        families = []
    if families not in ([4], [4, 6]):
        raise Failure(
            f"--node-ip {given or chosen[0]} will not do: give an IPv4 address, or an IPv4 and an IPv6 address"
        )
    return chosen[0], chosen[1] if len(chosen) > 1 else ""


def prepare(joining: Joining) -> Path:
    """Write everything that the node's processes need; answers the path of the supervisor's spec."""
    paths = paths_of(joining.name, joining.data_dir)
    if supervisor_alive(paths.record):
        raise Failure(f"node {joining.name} already runs on this machine, with its data in {paths.data}")
    joined = paths.kubeconfig.exists()
    if not joined and not joining.token:
        raise Failure("a new node needs --token: make one on the server with `pybernetes token create`")
    folders = (paths.data, paths.run, paths.registries, paths.cni_config, paths.containerd_root, paths.logs)
    for folder in (*folders, paths.kubelet):
        folder.mkdir(parents=True, exist_ok=True)
    os.chmod(paths.data, 0o700)
    if joining.ca_file:
        paths.ca_certificate.write_bytes(bootstrap.read_ca(joining.ca_file))
    elif not paths.ca_certificate.exists():
        ca = bootstrap.discover_ca(joining.server, bootstrap.check_token(joining.token), joining.ca_hash)
        paths.ca_certificate.write_bytes(ca)
    settings = containerd.Settings(
        root=paths.containerd_root,
        state=paths.containerd_state,
        cni_config=paths.cni_config,
        cni_binaries=containerd.cni_binaries(),
        registries=paths.registries,
        sandbox_image=images.PAUSE_IMAGE,
        may_adjust_oom_score=containerd.may_adjust_oom_score(),
    )
    paths.containerd_config.write_text(containerd.configuration(settings))
    switch_forwarding_on(forwarding_memory(paths))
    if ":" in joining.cluster_cidr:
        switch_ipv6_forwarding_on(ipv6_forwarding_memory(paths))
    _settings(paths, joining).write(paths.config)
    path = paths.data / "supervisor.spec.json"
    _spec(paths).write(path)
    return path


def _settings(paths: NodePaths, joining: Joining) -> NodeSettings:
    return NodeSettings(
        name=paths.name,
        server=joining.server.rstrip("/"),
        ca=str(paths.ca_certificate),
        kubeconfig=str(paths.kubeconfig),
        certificates=str(paths.certificates),
        token=joining.token,
        address=joining.address,
        further_address=joining.further_address,
        runtime_socket=str(paths.socket),
        sandbox_image=images.PAUSE_IMAGE,
        sandbox_archive=str(images.pause_archive(paths.data / "images")),
        kubelet=str(paths.kubelet),
        cni_config=str(paths.cni_config),
        cluster_cidr=joining.cluster_cidr,
        service_cluster_ip_range=joining.service_cluster_ip_range,
        load_balancer_pool=joining.load_balancer_pool,
        cgroup=joining.cgroup_root,
        mtu=mtu(),
        vxlan_port=joining.vxlan_port,
        resolv_conf=_resolv_conf(paths),
        labels=joining.labels,
        kubelet_flags=joining.kubelet_flags,
    )


def _resolv_conf(paths: NodePaths) -> str:
    """The machine's, or a copy without resolvers on the loopback interface, which pods could not reach."""
    write_resolv_conf(paths.resolv_conf, RESOLV_CONF)
    return str(paths.resolv_conf if paths.resolv_conf.exists() else RESOLV_CONF)


def _spec(paths: NodePaths) -> Spec:
    return Spec(
        name=paths.name,
        logs=str(paths.logs),
        record=str(paths.record),
        processes=[
            Process("containerd", containerd.command(paths.containerd_config)),
            Process("node", [sys.executable, "-m", "pybernetes.cluster.run_node", str(paths.config)]),
        ],
    )
