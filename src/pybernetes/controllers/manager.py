"""Every controller of the cluster, wired in one place: which exist, what each is given, how they start and stop.

The process that runs this makes the client and the informers, and starts the informers; the manager makes
one work queue a controller and one event recorder a source, and runs each controller as an eternal task.
"""

from __future__ import annotations

import asyncio
import logging

from pybernetes.client.interface import Client, Informers, Queue, Recorder
from pybernetes.client.recorder import EventRecorder
from pybernetes.client.workqueue import WorkQueue
from pybernetes.controllers.accounts.bootstrap import BootstrapSigner, TokenCleaner
from pybernetes.controllers.accounts.secrets import TokenController
from pybernetes.controllers.accounts.serviceaccounts import RootCAPublisher, ServiceAccountController
from pybernetes.controllers.certificates.approver import CertificateApprover
from pybernetes.controllers.certificates.cleaner import CertificateCleaner
from pybernetes.controllers.certificates.signer import CertificateSigner
from pybernetes.controllers.clusterrole_aggregation import ClusterRoleAggregationController
from pybernetes.controllers.cronjob.controller import CronJobController
from pybernetes.controllers.daemonset.controller import DaemonSetController
from pybernetes.controllers.deployment.controller import DeploymentController
from pybernetes.controllers.disruption import DisruptionController
from pybernetes.controllers.endpoints.controllers import EndpointsController, EndpointSliceController
from pybernetes.controllers.endpoints.mirroring import EndpointSliceMirroringController
from pybernetes.controllers.garbage.controller import GarbageCollector
from pybernetes.controllers.job.controller import JobController
from pybernetes.controllers.namespace import NamespaceController
from pybernetes.controllers.nodes.eviction import TaintEvictionController
from pybernetes.controllers.nodes.ipam import NodeIpamController
from pybernetes.controllers.nodes.lifecycle import NodeLifecycleController
from pybernetes.controllers.options import Options
from pybernetes.controllers.podgc import PodGarbageCollector
from pybernetes.controllers.quota import ResourceQuotaController
from pybernetes.controllers.reconciler import Context, Reconciler
from pybernetes.controllers.replicaset.controller import ReplicaController, ReplicationControllerController
from pybernetes.controllers.service_cidrs import ServiceCIDRController
from pybernetes.controllers.service_lb import ServiceLoadBalancerController
from pybernetes.controllers.statefulset.controller import StatefulSetController
from pybernetes.controllers.ttl import TTLAfterFinishedController
from pybernetes.controllers.volumes.binder import VolumeBinder
from pybernetes.controllers.volumes.protection import ClaimProtection, VolumeProtection
from pybernetes.lib.clock import Clock
from pybernetes.lib.tasks import Tasks

log = logging.getLogger(__name__)

CONTROLLERS: tuple[type[Reconciler], ...] = (
    ServiceAccountController,
    RootCAPublisher,
    TokenController,
    CertificateApprover,
    CertificateSigner,
    CertificateCleaner,
    TokenCleaner,
    BootstrapSigner,
    ReplicaController,
    ReplicationControllerController,
    DeploymentController,
    DaemonSetController,
    StatefulSetController,
    JobController,
    CronJobController,
    TTLAfterFinishedController,
    DisruptionController,
    ResourceQuotaController,
    VolumeBinder,
    ClaimProtection,
    VolumeProtection,
    EndpointsController,
    EndpointSliceController,
    EndpointSliceMirroringController,
    ServiceLoadBalancerController,
    ServiceCIDRController,
    NodeIpamController,
    NodeLifecycleController,
    TaintEvictionController,
    PodGarbageCollector,
    NamespaceController,
    ClusterRoleAggregationController,
    GarbageCollector,
)
"""All there are, in the order in which they start; the garbage collector shares the informers of those before it."""

OFF_BY_DEFAULT: frozenset[str] = frozenset()


def chosen(names: tuple[str, ...]) -> list[type[Reconciler]]:
    """The controllers that `--controllers` asks for: `*`, `name`, `-name`; naming one wins over the star.

    Raises ValueError for a name that no controller has.
    """
    known = {one.name for one in CONTROLLERS}
    for name in names:
        if name != "*" and name.removeprefix("-") not in known:
            raise ValueError(
                f'--controllers: "{name.removeprefix("-")}" is not in the list of known controllers: '
                + ", ".join(sorted(known))
            )
    star = "*" in names
    return [
        one
        for one in CONTROLLERS
        if one.name in names or (star and one.name not in OFF_BY_DEFAULT and f"-{one.name}" not in names)
    ]


class ControllerManager:
    """`start`, then `close`; `failed` resolves with the error when a controller ends that never should."""

    def __init__(
        self, client: Client, informers: Informers, clock: Clock, options: Options | None = None
    ) -> None:
        self.options = options or Options()
        self._clock = clock
        self._client = client
        self._recorders: dict[str, EventRecorder] = {}
        self._queues: list[WorkQueue] = []
        self._tasks = Tasks("controllers")
        context = Context(client, informers, clock, self._queue, self._recorder, self.options)
        self.controllers = [one(context) for one in chosen(self.options.controllers)]

    def _queue(self) -> Queue:
        queue = WorkQueue(self._clock)
        self._queues.append(queue)
        return queue

    def _recorder(self, source: str) -> Recorder:
        recorder = self._recorders.get(source)
        if recorder is None:
            recorder = self._recorders[source] = EventRecorder(self._client, self._clock, source)
        return recorder

    @property
    def failed(self) -> asyncio.Future[BaseException]:
        return self._tasks.failed

    @property
    def idle(self) -> bool:
        """No key in line, none being handled, no event unsent; delayed keys do not count."""
        return all(queue.idle for queue in self._queues) and all(
            recorder.idle for recorder in self._recorders.values()
        )

    async def start(self) -> None:
        """Start every controller; each waits by itself for the informers that it needs."""
        for controller in self.controllers:
            self._tasks.spawn(controller.run(self._tasks), controller.name, eternal=True)
        log.info("%d controllers started", len(self.controllers))

    async def close(self) -> None:
        await self._tasks.close()
        for queue in self._queues:
            queue.close()
        for recorder in self._recorders.values():
            await recorder.close()
