"""The node lifecycle shell: notices nodes that fall silent, sets their conditions and taints, and their pods unready.

Leases and nodes come from informers; every sign of life moves a node's deadline, and only a deadline that passes
wakes this controller. What to write is decided in health.py, tainting.py and zones.py.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import inf

from pybernetes.api.errors import APIError, Conflict, NotFound, ServiceUnavailable
from pybernetes.api.kinds import LEASES, NODES, PODS
from pybernetes.client.interface import Object
from pybernetes.controllers.actions import patch_of, status_of
from pybernetes.controllers.nodes import health, tainting, zones
from pybernetes.controllers.objects import labels_of, name_of, with_kind
from pybernetes.controllers.reconciler import Context, Reconciler
from pybernetes.semantics.pods import is_ready, node_name

LEASE_NAMESPACE = "kube-node-lease"
NODE_INDEX = "node"
_BETA_LABELS = {"kubernetes.io/os": "beta.kubernetes.io/os", "kubernetes.io/arch": "beta.kubernetes.io/arch"}


def index_by_node(pod: Object) -> Iterable[str]:
    """An informer index: pods by the node that they are bound to."""
    name = node_name(pod)
    return (name,) if name else ()


def _matters(node: Object) -> tuple[object, object, object]:
    """What of a node its taints and labels depend on."""
    return node.get("spec"), (node.get("status") or {}).get("conditions"), labels_of(node)


class NodeLifecycleController(Reconciler):
    name = "node-lifecycle-controller"
    source = "node-controller"
    workers = 8

    def __init__(self, context: Context) -> None:
        self._health: dict[str, health.Health] = {}
        self._next_eviction: dict[str, float] = {}
        super().__init__(context)

    def watch(self) -> None:
        self.nodes = self.informer(NODES)
        self.nodes.add_handler(added=self._node_added, updated=self._node_updated, deleted=self._node_deleted)
        self.leases = self.context.informers.informer(LEASES, namespace=LEASE_NAMESPACE)
        self.informers.append(self.leases)
        self.leases.add_handler(added=self._lease_seen, updated=lambda old, new: self._lease_seen(new))
        self.pods = self.informer(PODS)
        self.pods.add_index(NODE_INDEX, index_by_node)

    # Handlers: signs of life

    def _observe(self, node: Object) -> None:
        name = name_of(node)
        lease = self.leases.store.get(f"{LEASE_NAMESPACE}/{name}")
        self._health[name] = health.observe(self._health.get(name), node, lease, self.clock.monotonic())

    def _node_added(self, node: Object) -> None:
        name = name_of(node)
        self._observe(node)
        message = f"Node {name} event: Registered Node {name} in Controller"
        self.recorder.event(with_kind(node, NODES), "Normal", "RegisteredNode", message)
        self.queue.add(name)

    def _node_updated(self, old: Object, new: Object) -> None:
        self._observe(new)
        name = name_of(new)
        if health.ready_status(old) != health.ready_status(new):
            # A zone's state, and so what other nodes may lose, depends on this.
            for node in self.nodes.store.list():
                self.queue.add(name_of(node))
        elif _matters(old) != _matters(new):
            self.queue.add(name)

    def _node_deleted(self, node: Object) -> None:
        name = name_of(node)
        self._health.pop(name, None)
        message = f"Node {name} event: Removing Node {name} from Controller"
        self.recorder.event(with_kind(node, NODES), "Normal", "RemovingNode", message)

    def _lease_seen(self, lease: Object) -> None:
        node = self.nodes.store.get(name_of(lease))
        if node is not None:
            self._observe(node)
            if health.ready_status(node) == "Unknown":
                self.queue.add(name_of(node))

    # Reconciling

    async def sync(self, key: str) -> None:
        try:
            await self._sync(key)
        except ServiceUnavailable:
            # While the API cannot be reached nobody's heartbeat can: start counting anew.
            now = self.clock.monotonic()
            self._health = {
                name: health.Health(now, one.heartbeat, one.renewed) for name, one in self._health.items()
            }
            raise

    async def _sync(self, name: str) -> None:
        node = self.nodes.store.get(name)
        seen = self._health.get(name)
        if node is None or seen is None:
            return
        node = await self._check_deadline(with_kind(node, NODES), seen)
        await self._taint(node)
        if health.ready_status(node) == "Unknown":
            await self._mark_pods(node)
        await self._reconcile_labels(node)

    async def _check_deadline(self, node: Object, seen: health.Health) -> Object:
        options = self.options
        grace = health.grace_of(node, options.node_monitor_grace_period, options.node_startup_grace_period)
        left = seen.seen + grace - self.clock.monotonic()
        if left > 0:
            self.queue.add_after(name_of(node), left + 0.01)
            return node
        conditions = health.unknown_conditions(node, self.clock.now())
        if conditions is None:
            return node
        was_ready = health.ready_status(node) == "True"
        status = {**(node.get("status") or {}), "conditions": conditions}
        changed = await self.act(status_of(NODES, node, status)) or node
        if was_ready:
            name = name_of(node)
            message = f"Node {name} status is now: NodeNotReady"
            self.recorder.event(node, "Normal", "NodeNotReady", message)
        return with_kind(changed, NODES)

    async def _taint(self, node: Object) -> None:
        wanted = self._allowed_no_execute(node, tainting.no_execute_key(node))
        taints = tainting.planned(node, wanted, self.clock.now())
        if taints is None:
            return
        try:
            await self.act(patch_of(NODES, node, {"spec": {"taints": taints or None}}))
        except APIError:
            if wanted and not tainting.present_no_execute(node):
                self._next_eviction.pop(zones.zone_of(node), None)
            raise

    def _allowed_no_execute(self, node: Object, wanted: str) -> str:
        """The NoExecute taint that the node may have now: a first one is rationed by zone."""
        if not wanted:
            return ""
        found = zones.states(self.nodes.store.list(), self.options.unhealthy_zone_threshold)
        if zones.all_disrupted(found):
            return ""
        if tainting.present_no_execute(node):
            return wanted
        zone = zones.zone_of(node)
        pause = zones.pause_between(*found.get(zone, (zones.NORMAL, 1)), self.options)
        now = self.clock.monotonic()
        if pause == inf:
            return ""
        due = self._next_eviction.get(zone, now)
        if due > now:
            self.queue.add_after(name_of(node), due - now + 0.01)
            return ""
        self._next_eviction[zone] = now + pause
        return wanted

    async def _mark_pods(self, node: Object) -> None:
        """The pods of a silent node are not Ready: services must stop sending to them."""
        for pod in self.pods.store.by_index(NODE_INDEX, name_of(node)):
            if not is_ready(pod):
                continue
            conditions = health.not_ready_conditions(pod, self.clock.now())
            if conditions is None:
                continue
            about = with_kind(pod, PODS)
            self.recorder.event(about, "Warning", "NodeNotReady", "Node is not ready")
            try:
                await self.act(
                    patch_of(PODS, pod, {"status": {"conditions": conditions}}, subresource="status")
                )
            except (NotFound, Conflict):
                self.queue.add_after(name_of(node), 0.5)

    async def _reconcile_labels(self, node: Object) -> None:
        """Old names of the labels for system and architecture follow the new ones."""
        labels = labels_of(node)
        wrong = {
            beta: labels[stable]
            for stable, beta in _BETA_LABELS.items()
            if stable in labels and labels.get(beta) != labels[stable]
        }
        if wrong:
            await self.act(patch_of(NODES, node, {"metadata": {"labels": wrong}}, exact=False))
