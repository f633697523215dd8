"""A node's process: `node.json` in; a kubelet, its server and the pod network out.

Started by the supervisor as `python -m pybernetes.cluster.run_node DIR/node.json`, for a local node
inside its namespaces. While the node asks for its client certificate, the pause image is brought into
containerd; then everything starts at once.
"""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from pybernetes import KUBERNETES_VERSION
from pybernetes.cluster import images, processing
from pybernetes.cluster.failure import Failure
from pybernetes.cluster.node_settings import NodeSettings
from pybernetes.lib.backoff import Backoff

if TYPE_CHECKING:
    from pybernetes.kubelet.options import KubeletOptions
    from pybernetes.lib.clock import Clock
    from pybernetes.network.node import Settings

log = logging.getLogger(__name__)

KUBELET_FLAGS = {
    "node_status_update_frequency": "heartbeat",
    "image_gc_high_threshold": "image_gc_high",
    "image_gc_low_threshold": "image_gc_low",
    "max_pods": "max_pods",
    "container_log_max_size": "log_max_bytes",
    "container_log_max_files": "log_max_files",
}
"""Upstream's name of a kubelet's flag -> the field of its options."""


async def run_node(settings: NodeSettings) -> int:
    from pybernetes.client import kubeconfig
    from pybernetes.client.factory import InformerFactory
    from pybernetes.client.recorder import EventRecorder
    from pybernetes.client.rest import RestClient
    from pybernetes.kubelet.bootstrap import ensure_client_certificate, keep_client_certificate
    from pybernetes.kubelet.kubelet import Kubelet
    from pybernetes.kubelet.server.server import KubeletServer
    from pybernetes.lib.clock import RealClock
    from pybernetes.lib.tasks import Tasks
    from pybernetes.network.node import NodeNetwork

    # The supervisor, our parent, lives in the host's network: its namespace is where the host's routes are.
    host = os.open(f"/proc/{os.getppid()}/ns/net", os.O_RDONLY) if settings.host_routes else None
    clock = RealClock()
    tasks = Tasks("node")
    pause = tasks.spawn(bring_pause_image(settings, clock), "pause-image")
    await ensure_client_certificate(
        server=settings.server,
        ca=Path(settings.ca),
        token=settings.token,
        node_name=settings.name,
        folder=Path(settings.certificates),
        kubeconfig=Path(settings.kubeconfig),
        clock=clock,
    )
    transport = kubeconfig.load(settings.kubeconfig).transport()
    client = RestClient(transport, clock=clock, user_agent=f"kubelet/{KUBERNETES_VERSION} (pybernetes)")
    informers = InformerFactory(client, clock)
    recorder = EventRecorder(client, clock, "kubelet", host=settings.name)
    network = NodeNetwork(informers, clock, network_settings(settings, host))
    await network.start()

    def renewed() -> None:
        context = kubeconfig.load(settings.kubeconfig).context
        if context is not None:
            transport.use_context(context)

    renewal = keep_client_certificate(
        client,
        server=settings.server,
        ca=Path(settings.ca),
        node_name=settings.name,
        folder=Path(settings.certificates),
        kubeconfig=Path(settings.kubeconfig),
        clock=clock,
        renewed=renewed,
    )
    tasks.spawn(renewal, "client-certificate", eternal=True)
    await pause
    kubelet = Kubelet(client, informers, recorder, kubelet_options(settings), clock, network.protect)
    server = KubeletServer(kubelet)
    kubelet.port = await server.start()
    try:
        await kubelet.start()
        log.info("node %s runs", settings.name)
        return await processing.until_failed(
            [tasks.failed, *network.failures, kubelet.tasks.failed, informers.tasks.failed]
        )
    finally:
        await server.close()
        await kubelet.close()
        await network.close()
        await tasks.close()
        await recorder.close()
        await informers.close()
        await client.close()


async def bring_pause_image(settings: NodeSettings, clock: Clock) -> None:
    """Have the pause image in containerd, which may only just be starting."""
    backoff = Backoff(0.02, 5)
    socket = Path(settings.runtime_socket)
    while True:
        try:
            await asyncio.to_thread(images.ensure_pause, socket, Path(settings.sandbox_archive))
            return
        except (Failure, OSError) as error:
            trouble = str(error)
        delay = backoff.next("pause", clock.monotonic())
        if delay > 1:
            log.warning("containerd is not ready: %s; trying again in %g s", trouble, delay)
        await clock.sleep(delay)


def network_settings(settings: NodeSettings, host_namespace: int | None) -> Settings:
    from pybernetes.network.node import Settings

    return Settings(
        node=settings.name,
        pods=tuple(settings.cluster_cidr.split(",")),
        services=tuple(settings.service_cluster_ip_range.split(",")),
        cni_config=Path(settings.cni_config),
        mtu=settings.mtu,
        vxlan_port=settings.vxlan_port,
        host_namespace=host_namespace,
        load_balancer_pool=tuple(settings.load_balancer_pool),
        resolv_conf=settings.resolv_conf,
    )


def kubelet_options(settings: NodeSettings) -> KubeletOptions:
    from pybernetes.kubelet.options import KubeletOptions
    from pybernetes.network.node import dns_addresses

    return KubeletOptions(
        node_name=settings.name,
        root=Path(settings.kubelet),
        socket=settings.runtime_socket,
        node_ip=settings.address,
        further_ip=settings.further_address,
        cgroup_parent=settings.cgroup,
        cpu=settings.cpu_millis or None,
        memory=settings.memory_bytes or None,
        labels=settings.labels,
        cluster_dns=dns_addresses(tuple(settings.service_cluster_ip_range.split(","))),
        resolv_conf=settings.resolv_conf,
        client_ca=settings.ca,
        **{KUBELET_FLAGS[flag]: value for flag, value in settings.kubelet_flags.items()},
    )


def main() -> int:
    settings = NodeSettings.read(Path(sys.argv[1]))
    return processing.run(lambda: run_node(settings))


if __name__ == "__main__":
    sys.exit(main())
