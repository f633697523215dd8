"""The garbage collector's shell: keeps the graph, verifies owners at the server, deletes and orphans.

Changes of all kinds come from the monitors into the graph; what the graph says is worth a look goes through
the queue as (what, uid), and every decision is made on the object as the server has it now.
"""

from __future__ import annotations

from pybernetes.api.errors import Conflict, NotFound
from pybernetes.api.kinds import BUILTIN_KINDS, Kind
from pybernetes.client.interface import Object
from pybernetes.controllers.actions import patch_of
from pybernetes.controllers.discovery import DiscoveryFailed, discover
from pybernetes.controllers.garbage.decide import (
    ABSENT,
    SOLID,
    Decision,
    decide,
    owner_state,
    unblocked,
    without_finalizer,
)
from pybernetes.controllers.garbage.graph import Effects, Graph, Node, node_of
from pybernetes.controllers.garbage.monitors import Monitors
from pybernetes.controllers.objects import FOREGROUND_FINALIZER, ORPHAN_FINALIZER, uid_of
from pybernetes.controllers.reconciler import Context, Reconciler
from pybernetes.lib.tasks import Tasks

DELETE, ORPHAN, VERIFY, DISCOVER = "delete", "orphan", "verify", "discover"
_SYNC_SECONDS = 30.0
_VERIFY_AFTER = 1.0
_DISCOVER_AFTER = 1.0
_TYPES_OF_KINDS = frozenset(
    ("customresourcedefinitions.apiextensions.k8s.io", "apiservices.apiregistration.k8s.io")
)
_REMEMBERED_ABSENT = 500


class GarbageCollector(Reconciler):
    """Made after all other controllers: it shares the informers that they have asked for."""

    name = "garbage-collector-controller"
    source = "garbage-collector-controller"

    def __init__(self, context: Context) -> None:
        self.graph = Graph()
        self._kinds: dict[tuple[str, str], Kind] = {}
        self._absent: dict[str, None] = {}
        self._ready = False
        self._monitors = Monitors(context, context.followed, self._changed, self._gone)
        super().__init__(context)
        self.workers = context.options.concurrent_gc_syncs

    def watch(self) -> None:
        """The kinds are only known once the server has been asked."""

    # The graph

    def _changed(self, kind: Kind, obj: Object) -> None:
        self._apply(self.graph.put(node_of(kind, obj)))
        self._notice_types(kind)

    def _gone(self, kind: Kind, obj: Object) -> None:
        self._remember_absent(uid_of(obj))
        self._apply(self.graph.remove(uid_of(obj)))
        self._notice_types(kind)

    def _notice_types(self, kind: Kind) -> None:
        if self._ready and kind.group_resource in _TYPES_OF_KINDS:
            self.queue.add_after((DISCOVER, ""), _DISCOVER_AFTER)

    def _apply(self, effects: Effects) -> None:
        for uid in effects.delete:
            self.queue.add((DELETE, uid))
        for uid in effects.orphan:
            self.queue.add((ORPHAN, uid))
        if self._ready:
            for uid in effects.verify:
                self.queue.add_after((VERIFY, uid), _VERIFY_AFTER)

    async def background(self, tasks: Tasks) -> None:
        self._tasks = tasks
        if not self.options.enable_garbage_collector:
            return
        await self._discover()
        try:
            await self.clock.wait_for(self._monitors.wait_synced(), _SYNC_SECONDS)
        except TimeoutError:
            self.log.warning("some kinds could not be listed in %g s, going on without them", _SYNC_SECONDS)
        self._ready = True
        for uid in self.graph.strangers():
            self.queue.add((VERIFY, uid))

    async def _discover(self) -> None:
        try:
            kinds = await discover(self.client)
        except DiscoveryFailed as error:
            if not error.found:
                self.log.warning("%s; collecting built-in kinds only", error)
                kinds = list(BUILTIN_KINDS)
            else:
                kinds = error.found
            self.queue.add_after((DISCOVER, ""), 30)
        self._kinds = {(kind.api_version, kind.kind): kind for kind in (*BUILTIN_KINDS, *kinds)}
        for kind in self._monitors.set_kinds(kinds, self._tasks):
            self.graph.drop_kind(kind)

    # Acting

    async def sync(self, key: tuple[str, str]) -> None:
        what, uid = key
        if what == DISCOVER:
            await self._discover()
            return
        node = self.graph.nodes.get(uid)
        if node is None:
            return
        if what == ORPHAN:
            await self._orphan(node)
        elif what == DELETE or any(self.graph.is_strange(node, owner) for owner in node.owners):
            await self._attempt(node)

    async def _live(self, kind: Kind, namespace: str, name: str) -> Object | None:
        try:
            return await self.client.get(kind, namespace or None, name)
        except NotFound:
            return None

    async def _attempt(self, node: Node) -> None:
        """Delete the object if no owner holds it; go on with a foreground deletion that it waits in."""
        if node.deleting and not node.foreground:
            return
        live = await self._live(node.kind, node.namespace, node.name)
        if live is None or uid_of(live) != node.uid:
            self._apply(self.graph.remove(node.uid))
            return
        if node.foreground:
            await self._go_on_waiting(node, live)
            return
        states = await self._owner_states(node, live)
        dependents = self.graph.dependents(node.uid)
        await self._follow(node, live, decide(live, states, bool(dependents)), dependents)

    async def _follow(self, node: Node, live: Object, decision: Decision, dependents: list[Node]) -> None:
        if decision.owners is not None:
            await self.act(patch_of(node.kind, live, {"metadata": {"ownerReferences": decision.owners}}))
        if decision.unblock and any(one.foreground for one in dependents):
            references = unblocked(live["metadata"].get("ownerReferences") or [])
            if references is not None:
                patched = await self.act(
                    patch_of(node.kind, live, {"metadata": {"ownerReferences": references}})
                )
                live = patched or live
        if decision.delete:
            self.log.debug("deleting %s, propagation %s", node.text, decision.delete)
            try:
                await self.client.delete(
                    node.kind,
                    node.namespace or None,
                    node.name,
                    uid=node.uid,
                    resource_version=live["metadata"].get("resourceVersion", ""),
                    propagation_policy=decision.delete,
                )
            except NotFound:
                return

    async def _owner_states(self, node: Node, live: Object) -> dict[str, str]:
        states: dict[str, str] = {}
        for reference in live["metadata"].get("ownerReferences") or ():
            states[reference["uid"]] = await self._owner_state(node, reference)
        return states

    async def _owner_state(self, node: Node, reference: Object) -> str:
        uid = reference["uid"]
        if uid in self._absent:
            return ABSENT
        kind = self._kinds.get((reference.get("apiVersion", ""), reference.get("kind", "")))
        if kind is None:
            kind = await self._other_version(reference)
        if kind.namespaced and not node.namespace:
            message = f'ownerRef {reference} does not exist in namespace ""'
            about = {
                "apiVersion": node.kind.api_version,
                "kind": node.kind.kind,
                "metadata": {"name": node.name, "uid": node.uid},
            }
            self.recorder.event(about, "Warning", "OwnerRefInvalidNamespace", message)
            return SOLID
        live = await self._live(kind, node.namespace if kind.namespaced else "", reference["name"])
        state = owner_state(reference, live)
        if state == ABSENT:
            self._remember_absent(uid)
        return state

    def _remember_absent(self, uid: str) -> None:
        self._absent[uid] = None
        if len(self._absent) > _REMEMBERED_ABSENT:
            del self._absent[next(iter(self._absent))]

    async def _other_version(self, reference: Object) -> Kind:
        """The owner's kind in the version that is served, whatever version the reference names."""
        group = reference.get("apiVersion", "").rpartition("/")[0]
        for (api_version, name), kind in self._kinds.items():
            if name == reference.get("kind") and api_version.rpartition("/")[0] == group:
                return kind
        raise LookupError(
            f"no kind {reference.get('kind')} in {reference.get('apiVersion')} is served: its owner cannot be verified"
        )

    async def _go_on_waiting(self, node: Node, live: Object) -> None:
        """A foreground deletion ends when the last dependent that blocks it is gone."""
        blocking = self.graph.blocking(node.uid)
        if not blocking:
            metadata = without_finalizer(live, FOREGROUND_FINALIZER)
            if metadata is not None:
                await self._patch_finalizers(node, live, metadata)
            return
        for one in blocking:
            if not one.foreground:
                self.queue.add((DELETE, one.uid))

    async def _orphan(self, node: Node) -> None:
        """Every dependent loses its reference to the owner, then the owner may go."""
        for dependent in self.graph.dependents(node.uid):
            live = await self._live(dependent.kind, dependent.namespace, dependent.name)
            if live is None or uid_of(live) != dependent.uid:
                continue
            references = live["metadata"].get("ownerReferences") or ()
            left = [one for one in references if one.get("uid") != node.uid]
            if len(left) != len(references):
                await self.act(
                    patch_of(dependent.kind, live, {"metadata": {"ownerReferences": left or None}})
                )
        live = await self._live(node.kind, node.namespace, node.name)
        if live is None or uid_of(live) != node.uid:
            return
        metadata = without_finalizer(live, ORPHAN_FINALIZER)
        if metadata is not None:
            await self._patch_finalizers(node, live, metadata)

    async def _patch_finalizers(self, node: Node, live: Object, metadata: Object) -> None:
        try:
            await self.act(patch_of(node.kind, live, {"metadata": metadata}))
        except NotFound:
            return
        except Conflict:
            self.queue.add_rate_limited((ORPHAN if node.orphaning else DELETE, node.uid))
