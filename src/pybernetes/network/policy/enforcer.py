"""Enforces network policies on a node: NetworkPolicies, Namespaces and Pods in, nftables in the kernel out.

A change is marked; some milliseconds later everything marked goes to the kernel in one transaction. A pod's address is
known first from the node's own kubelet (`protect`), which starts its containers once the pod is isolated. The pods
and namespaces of the cluster are followed from the moment a policy that isolates a pod of this node names some; a node
without isolated pods has neither the table nor their memory.
"""

from __future__ import annotations

import asyncio
import ipaddress
import logging
from collections.abc import Sequence
from functools import partial

from pybernetes.api.kinds import NAMESPACES, NETWORK_POLICIES, PODS
from pybernetes.client.interface import Informer, Informers, Object, object_key
from pybernetes.lib.backoff import Backoff
from pybernetes.lib.clock import Clock
from pybernetes.lib.tasks import Tasks
from pybernetes.network.commands import CommandFailed
from pybernetes.network.nft import Nft
from pybernetes.network.policy.model import Labels, Pod, Policy, pod_of, policy_of
from pybernetes.network.policy.ruleset import TABLES, absent
from pybernetes.network.policy.slimming import PodSlimmer
from pybernetes.network.policy.state import Policies

log = logging.getLogger(__name__)

GATHER = 0.005
"""Seconds that a change waits for company."""
PATIENCE = 5.0
"""Seconds to wait for the server: a pod for the policies, and the first isolated one for what its peers are."""


class PolicyEnforcer:
    """`await start()` (the informers are started by the process), then `await close()`.

    The rules stay when it closes: policies outlive a restart of the node's process. `failed` is that of its tasks.
    """

    def __init__(
        self,
        informers: Informers,
        node: str,
        pod_ranges: Sequence[str],
        clock: Clock,
        nft: Nft,
        gather: float = GATHER,
    ) -> None:
        self.tasks = Tasks("network-policy")
        self._node = node
        self._clock = clock
        self._nft = nft
        self._gather = gather
        self._informers = informers
        families: list[int] = sorted({ipaddress.ip_network(cidr).version for cidr in pod_ranges})
        self._states = {family: Policies(family) for family in families}
        self._written: set[int] = set()
        self._whole: set[int] = set(families)
        self._dirty_policies: set[str] = set()
        self._dirty_namespaces: set[str] = set()
        self._dirty_pods: set[str] = set()
        self._early: dict[str, tuple[str, ...]] = {}
        self._waiting: list[asyncio.Future[None]] = []
        self._changed = asyncio.Event()
        self._idle = False
        self._policies = informers.informer(NETWORK_POLICIES)
        self._own_pods = informers.informer(PODS, field_selector=f"spec.nodeName={node}")
        self._all_pods: Informer | None = None
        self._namespaces: Informer | None = None
        self._follow()

    @property
    def failed(self) -> asyncio.Future[BaseException]:
        return self.tasks.failed

    @property
    def current(self) -> bool:
        """Every change that there was is in the kernel."""
        return self._idle and not self._changed.is_set()

    def _follow(self) -> None:
        def policy(obj: Object) -> None:
            self._dirty_policies.add(object_key(obj))
            self._changed.set()

        def policy_updated(old: Object, new: Object) -> None:
            if old.get("spec") != new.get("spec"):
                policy(new)

        def gone(obj: Object) -> None:
            self._early.pop(object_key(obj), None)
            self._pod(obj)

        self._policies.add_handler(added=policy, updated=policy_updated, deleted=policy)
        self._own_pods.add_handler(added=self._pod, updated=self._pod_updated, deleted=gone)
        for family in self._states:
            self._nft.guard(table_of(family), partial(self._mend, family))

    def _follow_cluster(self) -> None:
        def namespace(obj: Object) -> None:
            self._dirty_namespaces.add(object_key(obj))
            self._changed.set()

        def namespace_updated(old: Object, new: Object) -> None:
            if old["metadata"].get("labels") != new["metadata"].get("labels"):
                namespace(new)

        self._namespaces = self._informers.informer(NAMESPACES)
        self._namespaces.add_handler(added=namespace, updated=namespace_updated, deleted=namespace)
        self._all_pods = self._informers.informer(PODS, slimmer=PodSlimmer())
        self._all_pods.add_handler(added=self._pod, updated=self._pod_updated, deleted=self._pod)

    def _pod(self, obj: Object) -> None:
        self._dirty_pods.add(object_key(obj))
        self._changed.set()

    def _pod_updated(self, old: Object, new: Object) -> None:
        if pod_of(old, self._node) != pod_of(new, self._node):
            self._pod(new)

    def _mend(self, family: int) -> None:
        self._whole.add(family)
        self._changed.set()

    async def start(self) -> None:
        self.tasks.spawn(self._run(), "rules", eternal=True)

    async def close(self) -> None:
        await self.tasks.close()
        for one in self._waiting:
            one.cancel()

    async def protect(self, pod: Object, addresses: Sequence[str]) -> None:
        """Returns once what policies forbid the pod at its addresses is forbidden: call it before the pod runs."""
        try:
            await self._clock.wait_for(self._policies.wait_synced(), PATIENCE)
        except TimeoutError:
            log.warning("network policies are not known yet: %s starts without", object_key(pod))
            return
        namespace = pod["metadata"].get("namespace", "")
        if pod["spec"].get("hostNetwork") or not addresses or not self._policies.store.list(namespace):
            return
        key = object_key(pod)
        self._early[key] = tuple(addresses)
        self._dirty_pods.add(key)
        done = asyncio.get_running_loop().create_future()
        self._waiting.append(done)
        self._changed.set()
        await done

    async def _run(self) -> None:
        await self._policies.wait_synced()
        await self._own_pods.wait_synced()
        backoff = Backoff(0.1, 30)
        while True:
            self._idle = False
            self._changed.clear()
            waiting, self._waiting = self._waiting, []
            try:
                await self._reconcile()
                backoff.forget("")
            except (CommandFailed, OSError) as error:
                self._whole.update(self._states)
                self._waiting += waiting
                wait = backoff.next("", self._clock.monotonic())
                log.error("policies are not as they should be: %s; trying again in %g s", error, wait)
                await self._clock.sleep(wait)
                continue
            for one in waiting:
                if not one.done():
                    one.set_result(None)
            self._idle = True
            await self._changed.wait()
            if self._gather:
                await self._clock.sleep(self._gather)

    # from objects to the kernel

    async def _reconcile(self) -> None:
        texts = await self._update()
        if self._all_pods is None and any(state.names_others for state in self._states.values()):
            self._follow_cluster()
            await self._wait_for_cluster()
            for family, text in (await self._update()).items():
                texts[family] += text
        for family, state in self._states.items():
            table = table_of(family)
            if not state.isolates:
                if family in self._written or family in self._whole:
                    await self._nft.apply(table, absent(family))
                self._written.discard(family)
            elif family in self._whole or family not in self._written:
                await self._nft.apply(table, await asyncio.to_thread(state.full))
                self._written.add(family)
            elif texts[family]:
                await self._nft.apply(table, texts[family])
            self._whole.discard(family)

    async def _wait_for_cluster(self) -> None:
        assert self._namespaces is not None and self._all_pods is not None
        try:
            async with self._clock.timeout(PATIENCE):
                await self._namespaces.wait_synced()
                await self._all_pods.wait_synced()
        except TimeoutError:
            log.warning(
                "the cluster's pods and namespaces are not known yet: isolating pods from all but this node's"
            )

    async def _update(self) -> dict[int, str]:
        """What is marked, as a transaction for each family. In a thread: it may be all pods of a cluster."""
        policies = {key: self._policy(key) for key in self._dirty_policies}
        namespaces = {key: self._labels(key) for key in self._dirty_namespaces}
        pods = {key: self._pod_at(key) for key in self._dirty_pods}
        self._dirty_policies, self._dirty_namespaces, self._dirty_pods = set(), set(), set()
        return {
            family: await asyncio.to_thread(state.update, policies, namespaces, pods)
            for family, state in self._states.items()
        }

    def _policy(self, key: str) -> Policy | None:
        obj = self._policies.store.get(key)
        if obj is None:
            return None
        try:
            return policy_of(obj)
        except ValueError as error:
            log.error("the network policy %s is left out, because it cannot be understood: %s", key, error)
            return None

    def _labels(self, name: str) -> Labels | None:
        obj = self._namespaces.store.get(name) if self._namespaces is not None else None
        return (obj["metadata"].get("labels") or {}) if obj is not None else None

    def _pod_at(self, key: str) -> Pod | None:
        obj = self._own_pods.store.get(key)
        if obj is None:
            other = self._all_pods.store.get(key) if self._all_pods is not None else None
            return pod_of(other, self._node) if other is not None else None
        early = self._early.get(key)
        if early is None:
            return pod_of(obj, self._node)
        if {one["ip"] for one in obj.get("status", {}).get("podIPs") or ()} == set(early):
            del self._early[key]
        return pod_of(obj, self._node, early)


def table_of(family: int) -> tuple[str, str]:
    table = TABLES[family]
    return table.family, table.name
