"""The process of controllers and scheduler: `server.json` in, reconciling out; one informer a kind for both.

Started by the supervisor as `python -m pybernetes.cluster.run_controllers DIR/server.json`.
"""

from __future__ import annotations

import logging
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pybernetes import KUBERNETES_VERSION
from pybernetes.cluster import processing
from pybernetes.cluster.layout import Layout
from pybernetes.cluster.server_settings import ServerSettings

if TYPE_CHECKING:
    from pybernetes.controllers.options import Options

log = logging.getLogger(__name__)


async def reconcile(settings: ServerSettings) -> int:
    from pybernetes.client import kubeconfig
    from pybernetes.client.factory import InformerFactory
    from pybernetes.client.rest import RestClient
    from pybernetes.lib.clock import RealClock

    layout = Layout.of(settings.name, settings.data_dir)
    clock = RealClock()
    identities = layout.kubeconfigs
    client = RestClient(
        kubeconfig.load(identities / "controller-manager.kubeconfig").transport(),
        clock=clock,
        user_agent=user_agent("kube-controller-manager"),
    )
    await processing.until_ready(client, clock)
    informers = InformerFactory(client, clock)
    failures = []
    closing = []
    if "controllers" in settings.components:
        from pybernetes.controllers.manager import ControllerManager

        manager = ControllerManager(client, informers, clock, controller_options(layout, settings))
        await manager.start()
        failures.append(manager.failed)
        closing.append(manager.close)
    if "scheduler" in settings.components:
        from pybernetes.client.recorder import EventRecorder
        from pybernetes.scheduler.scheduler import Scheduler

        own = RestClient(
            kubeconfig.load(identities / "scheduler.kubeconfig").transport(),
            clock=clock,
            user_agent=user_agent("kube-scheduler"),
        )
        recorder = EventRecorder(own, clock, "default-scheduler", style="events")
        scheduler = Scheduler(own, informers, clock, recorder)
        await scheduler.start()
        failures.append(scheduler.tasks.failed)
        closing += [scheduler.close, recorder.close, own.close]
    await informers.start()
    try:
        return await processing.until_failed([*failures, informers.tasks.failed])
    finally:
        for close in closing:
            await close()
        await informers.close()
        await client.close()


def user_agent(component: str) -> str:
    """What a component calls itself: field managers are named after the part before the slash."""
    return f"{component}/{KUBERNETES_VERSION} (pybernetes)"


def controller_options(layout: Layout, settings: ServerSettings) -> Options:
    """The controllers' options: what the command line gave, with this cluster's files and networks."""
    from pybernetes.controllers.options import Options

    pki = layout.pki
    flags: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in settings.controller_flags.items()
    }
    return Options(
        cluster_cidr=settings.cluster_cidr,
        service_cluster_ip_range=settings.service_cluster_ip_range,
        cluster_signing_cert_file=str(pki / "ca.crt"),
        cluster_signing_key_file=str(pki / "ca.key"),
        root_ca_file=str(pki / "ca.crt"),
        service_account_private_key_file=str(pki / "sa.key"),
        **flags,
    )


def main() -> int:
    settings = ServerSettings.read(Path(sys.argv[1]))
    return processing.run(lambda: reconcile(settings))


if __name__ == "__main__":
    sys.exit(main())
