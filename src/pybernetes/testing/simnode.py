"""A node without a machine: registers, renews its Lease, and takes pods through their lives on paper.

In: the pods that are bound to it. Out: their statuses, the Node and its Lease, as a kubelet would write them.
`fail()` makes it fall silent as a dead machine does, `recover()` brings it back.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping

from pybernetes import KUBERNETES_VERSION
from pybernetes.api.errors import AlreadyExists, APIError, Conflict, NotFound
from pybernetes.api.kinds import LEASES, NODES, PODS
from pybernetes.api.times import format_micro_time, format_time
from pybernetes.client.factory import InformerFactory
from pybernetes.client.interface import STRATEGIC_MERGE_PATCH, Client, Object, object_key
from pybernetes.client.workqueue import WorkQueue, run_workers
from pybernetes.lib.clock import Clock
from pybernetes.lib.tasks import Tasks
from pybernetes.testing.simpods import Run, Step, Timing, step

log = logging.getLogger(__name__)

LEASE_NAMESPACE = "kube-node-lease"
LEASE_SECONDS, RENEW_SECONDS, STATUS_SECONDS = 40, 10.0, 300.0
DEFAULT_CAPACITY = {"cpu": "4", "memory": "8Gi", "ephemeral-storage": "100Gi", "pods": "110"}
_PRESSURES = {
    "MemoryPressure": ("KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
    "DiskPressure": ("KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
    "PIDPressure": ("KubeletHasSufficientPID", "kubelet has sufficient PID available"),
}


class SimulatedNode:
    """`client` should be the node's own identity, system:node:NAME."""

    def __init__(
        self,
        client: Client,
        clock: Clock,
        name: str,
        *,
        capacity: Mapping[str, str] | None = None,
        labels: Mapping[str, str] | None = None,
        taints: list[Object] | None = None,
        timing: Timing | None = None,
        number: int = 0,
    ) -> None:
        """`number` gives the node and its pods addresses of their own."""
        self.name = name
        self.address = f"172.31.{number // 250}.{number % 250 + 1}"
        self.failed = False
        self.tasks = Tasks(f"node {name}")
        self._client = client
        self._clock = clock
        self._capacity = {**DEFAULT_CAPACITY, **(capacity or {})}
        self._labels = dict(labels or {})
        self._taints = taints or []
        self._timing = timing or Timing()
        self._number = number
        self._pod_number = 1
        self._prefix = ""
        self._runs: dict[str, Run] = {}
        self._written: dict[str, Object] = {}
        self._queue = WorkQueue(clock, f"pods of {name}")
        self._informers = InformerFactory(client, clock)
        self._pods = self._informers.informer(PODS, field_selector=f"spec.nodeName={name}")
        self._pods.add_handler(
            added=lambda obj: self._queue.add(object_key(obj)),
            updated=lambda old, new: self._queue.add(object_key(new)),
            deleted=self._forget,
        )

    async def start(self) -> None:
        """Returns when the Node exists; pods are taken from then on."""
        await self._register()
        await self._informers.start()
        run_workers(self._queue, self._reconcile, 4, self._clock, self.tasks)
        self.tasks.spawn(self._beat(), "heartbeat", eternal=True)

    async def close(self) -> None:
        await self.tasks.close()
        self._queue.close()
        await self._informers.close()

    def fail(self) -> None:
        """From now on the node does nothing at all, as if it had lost power."""
        self.failed = True

    async def recover(self) -> None:
        """The node is back: says that it is ready, and looks after its pods."""
        self.failed = False
        await self._write_status()
        await self._renew()
        for key in list(self._pods.store.keys()):
            self._queue.add(key)

    @property
    def idle(self) -> bool:
        return self.failed or self._queue.idle

    # the node

    async def _register(self) -> None:
        meta: Object = {
            "name": self.name,
            "labels": {
                "kubernetes.io/hostname": self.name,
                "kubernetes.io/os": "linux",
                "kubernetes.io/arch": "amd64",
                "beta.kubernetes.io/os": "linux",
                "beta.kubernetes.io/arch": "amd64",
                **self._labels,
            },
        }
        spec: Object = {"taints": self._taints} if self._taints else {}
        node: Object = {
            "apiVersion": "v1",
            "kind": "Node",
            "metadata": meta,
            "spec": spec,
            "status": self._status(),
        }
        try:
            await self._client.create(NODES, node)
        except AlreadyExists:
            log.debug("node %s is registered already", self.name)
        await self._write_status()
        await self._renew()

    def _status(self) -> Object:
        now = format_time(self._clock.now())
        conditions = [
            {
                "type": kind,
                "status": "False",
                "reason": reason,
                "message": message,
                "lastHeartbeatTime": now,
                "lastTransitionTime": now,
            }
            for kind, (reason, message) in _PRESSURES.items()
        ]
        conditions.append(
            {
                "type": "Ready",
                "status": "True",
                "reason": "KubeletReady",
                "message": "kubelet is posting ready status",
                "lastHeartbeatTime": now,
                "lastTransitionTime": now,
            }
        )
        return {
            "capacity": self._capacity,
            "allocatable": self._capacity,
            "conditions": conditions,
            "addresses": [
                {"type": "InternalIP", "address": self.address},
                {"type": "Hostname", "address": self.name},
            ],
            "nodeInfo": {
                "architecture": "amd64",
                "bootID": "",
                "containerRuntimeVersion": "simulated://1.0",
                "kernelVersion": "0.0",
                "kubeProxyVersion": "",
                "kubeletVersion": KUBERNETES_VERSION,
                "machineID": self.name,
                "operatingSystem": "linux",
                "osImage": "simulated",
                "systemUUID": self.name,
            },
        }

    async def _write_status(self) -> None:
        await self._client.patch(
            NODES,
            None,
            self.name,
            {"status": self._status()},
            patch_type=STRATEGIC_MERGE_PATCH,
            subresource="status",
        )

    async def _renew(self) -> None:
        spec = {
            "holderIdentity": self.name,
            "leaseDurationSeconds": LEASE_SECONDS,
            "renewTime": format_micro_time(self._clock.now()),
        }
        try:
            await self._client.patch(LEASES, LEASE_NAMESPACE, self.name, {"spec": spec})
        except NotFound:
            lease = {
                "apiVersion": "coordination.k8s.io/v1",
                "kind": "Lease",
                "metadata": {"name": self.name, "namespace": LEASE_NAMESPACE},
                "spec": spec,
            }
            await self._client.create(LEASES, lease)

    async def _beat(self) -> None:
        written = self._clock.monotonic()
        while True:
            await self._clock.sleep(RENEW_SECONDS)
            if self.failed:
                continue
            try:
                await self._renew()
                if self._clock.monotonic() - written >= STATUS_SECONDS:
                    await self._write_status()
                    written = self._clock.monotonic()
            except APIError as error:
                log.warning("node %s: heartbeat: %s", self.name, error.message)

    # its pods

    def _forget(self, pod: Object) -> None:
        uid = pod["metadata"].get("uid", "")
        self._runs.pop(uid, None)
        self._written.pop(uid, None)

    async def _reconcile(self, key: str) -> float | None:
        pod = self._pods.store.get(key)
        if pod is None or self.failed:
            return None
        if pod["metadata"].get("deletionTimestamp"):
            return await self._stop(pod)
        if (pod.get("status") or {}).get("phase") in ("Succeeded", "Failed"):
            return None
        run = await self._run(pod)
        found = step(pod, run, self._clock.now(), self._timing, self.address)
        await self._report(pod, found)
        return found.again

    async def _run(self, pod: Object) -> Run:
        uid = pod["metadata"]["uid"]
        run = self._runs.get(uid)
        if run is None:
            address = await self._address()
            run = self._runs[uid] = Run(self._clock.now(), address)
        return run

    async def _address(self) -> str:
        """The next address of the node's own range, which the node-ipam controller gives it."""
        if not self._prefix:
            node = await self._client.get(NODES, None, self.name)
            cidr = (node.get("spec") or {}).get("podCIDR") or f"10.244.{self._number % 256}.0/24"
            prefix = cidr.partition("/")[0].rpartition(".")[0]
            if (node.get("spec") or {}).get("podCIDR"):
                self._prefix = prefix
        else:
            prefix = self._prefix
        self._pod_number = self._pod_number % 253 + 1
        return f"{prefix}.{self._pod_number + 1}"

    async def _report(self, pod: Object, found: Step) -> None:
        meta = pod["metadata"]
        if found.status is None or self._written.get(meta["uid"]) == found.status:
            return
        try:
            await self._patch(pod, found.status)
        except NotFound:
            return
        self._written[meta["uid"]] = found.status

    async def _stop(self, pod: Object) -> float | None:
        """The containers end, then the object goes."""
        meta = pod["metadata"]
        grace = float(meta.get("deletionGracePeriodSeconds") or 0)
        if grace and self._runs.pop(meta["uid"], None) is not None:
            return min(self._timing.stop, grace)
        try:
            await self._client.delete(
                PODS, meta.get("namespace"), meta["name"], grace_period_seconds=0, uid=meta["uid"]
            )
        except (NotFound, Conflict):
            log.debug("pod %s is gone already", object_key(pod))
        return None

    async def _patch(self, pod: Object, status: Object) -> None:
        meta = pod["metadata"]
        await self._client.patch(
            PODS,
            meta.get("namespace"),
            meta["name"],
            {"metadata": {"uid": meta["uid"]}, "status": status},
            patch_type=STRATEGIC_MERGE_PATCH,
            subresource="status",
        )
