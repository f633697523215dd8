"""`pybernetes down --node`: a machine that joined with `pybernetes node` is a node no longer.

First the node's supervisor ends, so that nothing is started anew; then the node's containerd takes its pods down, with
their links and addresses (it is started for that if it does not run); then rules, routes and mounts go. Every step
can be repeated.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from pybernetes.cluster import cgroups, containerd, host_network, mounts, processes
from pybernetes.cluster.commands import run
from pybernetes.cluster.failure import Failure
from pybernetes.cluster.layout import NodePaths
from pybernetes.cluster.local_cluster import live_clusters
from pybernetes.cluster.machine_node import RUN_ROOT, forwarding_memory, ipv6_forwarding_memory, paths_of
from pybernetes.cluster.node_settings import NodeSettings
from pybernetes.cluster.waiting import monotonic, pause

if TYPE_CHECKING:
    from pybernetes.kubelet.cri.client import CRIClient

GRACE = 15.0
POD_GRACE = 2

Say = Callable[[str], None]


def down(name: str, data_dir: str | None, purge: bool, say: Say) -> None:
    """Take the node off this machine; with `purge`, delete its data too."""
    paths = paths_of(name, data_dir)
    if not paths.config.exists():
        raise Failure(f"there is no node {name} in {paths.data}: give its --data-dir if it is elsewhere")
    settings = NodeSettings.read(paths.config)
    _end(paths)
    with _containerd(paths):
        asyncio.run(_remove_pods(str(paths.socket)))
    _remove_network(settings)
    mounts.unmount_all(paths.data)
    mounts.unmount_all(paths.run)
    group = f"{settings.cgroup}/kubepods"
    if not cgroups.processes(group):
        cgroups.remove(group)
    if not live_clusters():
        host_network.restore_forwarding(forwarding_memory(paths))
        host_network.restore_ipv6_forwarding(ipv6_forwarding_memory(paths))
    shutil.rmtree(paths.run, ignore_errors=True)
    with suppress(OSError):
        os.rmdir(RUN_ROOT)
    say(f"node {name} is off this machine; `kubectl delete node {name}` takes it out of the cluster")
    if purge:
        shutil.rmtree(paths.data)
        say(f"its data in {paths.data} is deleted")
    else:
        say(f"its data is kept in {paths.data}: `pybernetes node` continues it, --purge deletes it")


def _end(paths: NodePaths) -> None:
    record = processes.read_record(paths.record)
    if record is None:
        return
    processes.send(record.supervisor, signal.SIGTERM)
    processes.wait_ended([record.supervisor], GRACE, monotonic, pause)
    for process in record.living():
        processes.send(process, signal.SIGKILL)
    processes.wait_ended(record.living(), GRACE, monotonic, pause)


@contextmanager
def _containerd(paths: NodePaths) -> Iterator[None]:
    """The node's containerd runs within the block."""
    paths.run.mkdir(parents=True, exist_ok=True)
    with open(paths.logs / "containerd.log", "ab") as log:
        command = containerd.command(paths.containerd_config)
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            yield
        finally:
            process.terminate()
            try:
                process.wait(GRACE)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


async def _remove_pods(socket: str) -> None:
    from pybernetes.kubelet.cri.client import CRIClient
    from pybernetes.kubelet.cri.errors import RuntimeFailure

    cri = CRIClient(socket)
    try:
        await _answering(cri)
        containers = await cri.list_containers()
        await asyncio.gather(*(cri.stop_container(one.id, POD_GRACE) for one in containers))
        for sandbox in await cri.list_sandboxes():
            await cri.stop_sandbox(sandbox.id)
            await cri.remove_sandbox(sandbox.id)
    except RuntimeFailure as error:
        raise Failure(f"a pod cannot be removed ({error}): see containerd.log, then run it again")
    finally:
        cri.close()


async def _answering(cri: CRIClient) -> None:
    from pybernetes.kubelet.cri.errors import RuntimeFailure
    from pybernetes.lib.clock import RealClock

    clock = RealClock()
    try:
        async with clock.timeout(GRACE):
            while True:
                with suppress(RuntimeFailure, OSError):
                    await cri.version()
                    return
                await clock.sleep(0.05)
    except TimeoutError:
        raise Failure(f"containerd does not answer within {GRACE:g} s: see containerd.log, then run it again")


def _remove_network(settings: NodeSettings) -> None:
    from pybernetes.network import removal
    from pybernetes.network.node import dns_addresses

    services = tuple(settings.service_cluster_ip_range.split(","))
    ours = [*dns_addresses(services), *_balanced(settings.load_balancer_pool)]
    for command in removal.commands(ours):
        run(command, check=False)
    shutil.rmtree(removal.ADDRESSES, ignore_errors=True)


def _balanced(pool: Iterable[str]) -> list[str]:
    """Those addresses of the pool that this machine has."""
    from pybernetes.network.services.announcing import Pool

    wanted = Pool(tuple(pool))
    links = json.loads(run(["ip", "-j", "addr", "show", "dev", "lo"]))
    found = [address["local"] for link in links for address in link.get("addr_info", ())]
    return [address for address in found if address in wanted]
