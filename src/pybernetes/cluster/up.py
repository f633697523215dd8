"""`pybernetes up`: a whole cluster on this machine, in the order in which it can be fastest.

In: what the user asked for. Out: a detached supervisor for the server and one for each node, and all
nodes Ready. While the API server starts, the nodes' namespaces are made and their containerds start.
What already runs is left alone, so a second run changes nothing and a run after a crash or a reboot
starts what is missing, on the same data.
"""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from pybernetes.api import times
from pybernetes.cluster import (
    bootstrap,
    cgroups,
    host_network,
    images,
    local_node,
    processes,
    server,
    supervisor,
)
from pybernetes.cluster.admin import Admin
from pybernetes.cluster.doctor import check_space
from pybernetes.cluster.failure import Failure
from pybernetes.cluster.layout import Layout, NodePaths
from pybernetes.cluster.local_cluster import (
    FORWARDING_MEMORY,
    IPV6_FORWARDING_MEMORY,
    ClusterSettings,
    claim_run_directory,
    live_clusters,
    locked,
    mark_live,
    node_name,
    supervisor_alive,
)
from pybernetes.cluster.node_settings import NodeSettings
from pybernetes.cluster.readiness import Say, wait_for_nodes, wait_for_server
from pybernetes.cluster.server_settings import ServerSettings
from pybernetes.cluster.waiting import monotonic, pause
from pybernetes.lib.clock import RealClock

DEFAULT_NODES = 1
REGISTRY_PORT = 5000
READY_SECONDS = 60.0
MEMORY_SHARE = 0.8
"""Of the machine's memory, what the nodes together may have."""


@dataclass(frozen=True)
class Wishes:
    """The command line; None means what the cluster has already, or the default."""

    nodes: int | None = None
    bind_address: str | None = None
    secure_port: int | None = None
    cluster_cidr: str | None = None
    service_cluster_ip_range: str | None = None
    token_auth_file: str | None = None
    client_ca_file: str | None = None
    default_not_ready_toleration_seconds: int | None = None
    default_unreachable_toleration_seconds: int | None = None
    node_cpus: float | None = None
    node_memory: int | None = None
    insecure_registries: tuple[str, ...] = ()
    controller_flags: dict[str, Any] = field(default_factory=dict)
    node_flags: dict[str, str] = field(default_factory=dict)
    wait_seconds: float = READY_SECONDS


def up(layout: Layout, wishes: Wishes, say: Say) -> ClusterSettings:
    """Bring the cluster up and wait until every node is Ready."""
    started = monotonic()
    since = times.now(RealClock())
    with locked(layout):
        claim_run_directory(layout)
        _require_data_of_what_runs(layout)
        settings = decide(layout, wishes)
        wanted = server_settings(layout, settings)
        wanted.check()
        if "," in settings.cluster_cidr and not host_network.has_ipv6():
            raise Failure(
                f"--cluster-cidr {settings.cluster_cidr} needs IPv6, which this machine's kernel has not or is told to "
                f"do without (/proc/sys/net/ipv6/conf/all/disable_ipv6): switch it on, or leave out the second network"
            )
        new_server = not supervisor_alive(layout.server_record)
        if new_server:
            _end_orphans(layout.server_record)
            server.check_data(layout)
            server.check_port(wanted)
            check_space(layout.data)
        # Up to here nothing was made: what cannot work leaves no trace that the next attempt would stumble over.
        _make_data_directory(layout.data)
        settings.write(layout.settings)
        mark_live(layout, settings)
        say(f"cluster {layout.name}: data in {layout.data}")
        _prepare_host(layout, settings)
        if new_server:
            spawn_supervisor(layout, "server", server.prepare(layout, wanted))
        token = bootstrap.new_token()
        new_nodes = [
            number for number in range(1, settings.nodes + 1) if _start_node(layout, settings, number, token)
        ]
        if not new_server and not new_nodes:
            say("everything runs already")
        try:
            wait_for_server(layout, settings, say, started)
            admin = Admin(layout.pki, settings.secure_port)
            if new_nodes:
                bootstrap.allow_joining(admin, token)
            beating = {node_name(number): since for number in new_nodes}
            wait_for_nodes(layout, settings, admin, wishes.wait_seconds, say, started, beating)
            admin.close()
        except Failure:
            # A full disk shows itself in many ways, and often cannot even be logged.
            check_space(layout.data)
            raise
    return settings


# deciding


def _require_data_of_what_runs(layout: Layout) -> None:
    """Raise Failure if the cluster is up but somebody deleted its data."""
    if layout.live.exists() and not layout.settings.exists():
        raise Failure(
            f"cluster {layout.name!r} is up, but its data in {layout.data} is gone: clear away what is left with "
            f"`pybernetes down --name {layout.name} --purge`, then start anew"
        )


def decide(layout: Layout, wishes: Wishes) -> ClusterSettings:
    """The cluster's settings: those it has, with what was asked for; a new one gets free addresses."""
    known = ClusterSettings.read(layout.settings)
    nodes = wishes.nodes if wishes.nodes is not None else known.nodes if known else DEFAULT_NODES
    if not 1 <= nodes <= host_network.MOST_NODES:
        raise Failure(f"--nodes {nodes} will not do: choose from 1 to {host_network.MOST_NODES}")
    if known is not None and nodes < known.nodes:
        raise Failure(
            f"the cluster has {known.nodes} nodes and cannot lose any: drain those you do not want, or start anew "
            f"with `pybernetes down --purge`"
        )
    millis, memory = _share(wishes, known, nodes)
    given = {
        name: value
        for name in (
            "bind_address",
            "secure_port",
            "cluster_cidr",
            "service_cluster_ip_range",
            "default_not_ready_toleration_seconds",
            "default_unreachable_toleration_seconds",
        )
        if (value := getattr(wishes, name)) is not None
    }
    for name in ("token_auth_file", "client_ca_file"):
        if getattr(wishes, name) is not None:
            given[name] = str(Path(getattr(wishes, name)).absolute())
    for name in ("insecure_registries", "controller_flags", "node_flags"):
        if getattr(wishes, name):
            given[name] = getattr(wishes, name)
    if known is not None:
        for name in ("cluster_cidr", "service_cluster_ip_range"):
            if given.get(name, getattr(known, name)) != getattr(known, name):
                raise Failure(
                    f"the cluster's --{name.replace('_', '-')} is {getattr(known, name)} and cannot change: leave the "
                    f"flag out, or start anew with `pybernetes down --purge`"
                )
        settings = replace(known, nodes=nodes, cpu_millis=millis, memory_bytes=memory, **given)
        return _with_bridge(settings)
    defaults: dict[str, Any] = {
        "service_cluster_ip_range": "10.96.0.0/16",
        "bind_address": "0.0.0.0",
        "secure_port": 0,
        "cluster_cidr": "",
    }
    settings = ClusterSettings(
        name=layout.name,
        nodes=nodes,
        bridge="",
        bridge_subnet="",
        cpu_millis=millis,
        memory_bytes=memory,
        **{**defaults, **given},
    )
    if not settings.cluster_cidr:
        pods = host_network.choose_network(
            host_network.POD_POOLS, host_network.taken_networks(), "pod network"
        )
        settings = replace(settings, cluster_cidr=str(pods))
    if not settings.secure_port:
        settings = replace(settings, secure_port=_choose_port(settings.bind_address))
    return _with_bridge(settings)


def _with_bridge(settings: ClusterSettings) -> ClusterSettings:
    """Keep the cluster's bridge if it is there or its addresses are free; else give it another."""
    present = host_network.interfaces()
    if settings.bridge and settings.bridge in present:
        return settings
    taken = host_network.taken_networks()
    if settings.bridge and not any(settings.subnet.overlaps(other) for other in taken):
        return settings
    pool = host_network.BRIDGE_POOL.subnets(new_prefix=24)
    subnet = host_network.choose_network(pool, taken, "network for a bridge")
    return replace(settings, bridge=host_network.choose_bridge(present), bridge_subnet=str(subnet))


def _choose_port(address: str) -> int:
    """6443, or the next free one if another cluster of ours has that."""
    ours = set()
    for data in live_clusters().values():
        other = ClusterSettings.read(data / "cluster.json")
        if other is not None:
            ours.add(other.secure_port)
    port = 6443
    while port in ours:
        port += 1
    if not server.port_is_free(address, port):
        raise Failure(
            f"port {port} is taken: choose another with --secure-port, or see who has it with "
            f"`ss -ltnp 'sport = :{port}'`"
        )
    return port


def _share(wishes: Wishes, known: ClusterSettings | None, nodes: int) -> tuple[int, int]:
    """Each node's cpu (thousandths) and memory (bytes): an equal part of the machine unless asked otherwise."""
    millis = (os.cpu_count() or 1) * 1000 // nodes
    memory = int(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") * MEMORY_SHARE) // nodes
    if known is not None and known.nodes == nodes:
        millis, memory = known.cpu_millis, known.memory_bytes
    if wishes.node_cpus is not None:
        millis = int(wishes.node_cpus * 1000)
    if wishes.node_memory is not None:
        memory = wishes.node_memory
    if millis < 10 or memory < 64 << 20:
        raise Failure(
            "a node needs at least 0.01 cpus and 64Mi of memory: give more with --node-cpus and --node-memory"
        )
    return millis, memory >> 20 << 20


# starting


def _make_data_directory(path: Path) -> None:
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise Failure(f"{path} cannot be made ({error.strerror}): choose another folder with --data-dir")


def _prepare_host(layout: Layout, settings: ClusterSettings) -> None:
    if cgroups.version() == 0:
        raise Failure(
            "control groups are not mounted: mount them as systemd does, or run `apt-get install cgroupfs-mount`"
        )
    host_network.create(layout.table, settings.bridge, settings.subnet, settings.pods, host_network.mtu())
    host_network.switch_forwarding_on(FORWARDING_MEMORY)
    if settings.pods6 is not None:
        subnet6 = host_network.subnet6_of(settings.subnet)
        host_network.add_ipv6(layout.table, settings.bridge, subnet6, settings.pods6)
        host_network.switch_ipv6_forwarding_on(IPV6_FORWARDING_MEMORY)
    local_node.prepare_namespaces_folder(layout.namespaces)


def _end_orphans(record_path: Path) -> None:
    """End the children of a supervisor that was killed, before another one starts them again."""
    record = processes.read_record(record_path)
    if record is None:
        return
    left = record.living()
    for process in left:
        processes.send(process, signal.SIGTERM)
    for process in processes.wait_ended(left, 5, monotonic, pause):
        processes.send(process, signal.SIGKILL)
    processes.wait_ended(left, 5, monotonic, pause)


def server_settings(layout: Layout, settings: ClusterSettings) -> ServerSettings:
    """What the server of this cluster is told."""
    return ServerSettings(
        name=layout.name,
        data_dir=str(layout.data),
        bind_address=settings.bind_address,
        secure_port=settings.secure_port,
        advertise_address=host_network.gateway(settings.subnet),
        service_cluster_ip_range=settings.service_cluster_ip_range,
        cluster_cidr=settings.cluster_cidr,
        token_auth_file=settings.token_auth_file,
        client_ca_file=settings.client_ca_file,
        default_not_ready_toleration_seconds=settings.default_not_ready_toleration_seconds,
        default_unreachable_toleration_seconds=settings.default_unreachable_toleration_seconds,
        controller_flags={
            "load_balancer_pool": host_network.load_balancers(settings.subnet),
            **settings.controller_flags,
        },
    )


def _start_node(layout: Layout, settings: ClusterSettings, number: int, token: str) -> bool:
    """Start a node's supervisor unless it runs; whether it was started."""
    paths = layout.node(node_name(number))
    if supervisor_alive(paths.record):
        return False
    _end_orphans(paths.record)
    group = f"{layout.cgroup}/{paths.name}"
    cgroups.create_node(group, settings.cpu_millis, settings.memory_bytes)
    gateway = host_network.gateway(settings.subnet)
    subnet6 = host_network.subnet6_of(settings.subnet) if settings.pods6 is not None else None
    place = local_node.Place(
        bridge=settings.bridge,
        number=number,
        address=host_network.node_address(settings.subnet, number),
        prefix_length=settings.subnet.prefixlen,
        gateway=gateway,
        mtu=host_network.mtu(),
        address6=f"{host_network.node_address(subnet6, number)}/{subnet6.prefixlen}" if subnet6 else "",
        gateway6=host_network.gateway(subnet6) if subnet6 else "",
    )
    local_node.prepare(paths, place, group)
    registries = (f"{gateway}:{REGISTRY_PORT}", *settings.insecure_registries)
    local_node.write_containerd_config(paths, images.PAUSE_IMAGE, registries)
    _write_node_settings(layout, settings, paths, place, token, group)
    path = paths.data / "supervisor.spec.json"
    local_node.spec(paths, group).write(path)
    spawn_supervisor(layout, paths.name, path)
    return True


def _write_node_settings(
    layout: Layout,
    settings: ClusterSettings,
    paths: NodePaths,
    place: local_node.Place,
    token: str,
    group: str,
) -> None:
    paths.ca_certificate.write_bytes(layout.ca_certificate.read_bytes())
    NodeSettings(
        name=paths.name,
        server=f"https://{place.gateway}:{settings.secure_port}",
        ca=str(paths.ca_certificate),
        kubeconfig=str(paths.kubeconfig),
        certificates=str(paths.certificates),
        token=token,
        address=place.address,
        runtime_socket=str(local_node.RUNTIME_STATE / "containerd.sock"),
        sandbox_image=images.PAUSE_IMAGE,
        sandbox_archive=str(images.pause_archive(layout.images)),
        kubelet=str(local_node.KUBELET),
        cni_config=str(paths.cni_config),
        cluster_cidr=settings.cluster_cidr,
        service_cluster_ip_range=settings.service_cluster_ip_range,
        load_balancer_pool=tuple(
            settings.controller_flags.get("load_balancer_pool")
            or host_network.load_balancers(settings.subnet)
        ),
        cgroup=group,
        cpu_millis=settings.cpu_millis,
        memory_bytes=settings.memory_bytes,
        mtu=place.mtu,
        further_address=place.address6.partition("/")[0],
        host_routes=True,
        kubelet_flags=settings.node_flags,
    ).write(paths.config)


def spawn_supervisor(layout: Layout, name: str, spec: Path) -> None:
    """Start a supervisor that outlives this command; it tells its own troubles in its log."""
    log = layout.logs / f"supervisor-{name}.log"
    with open(log, "ab", buffering=0) as output:
        subprocess.Popen(
            [sys.executable, "-m", "pybernetes.cluster.supervisor", str(spec)],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd="/",
            env=supervisor.environment(),
            start_new_session=True,
        )
