"""The shells that keep EndpointSlices and Endpoints of Services with a selector.

Services, pods and nodes come from informers; a pod's change puts the Services that select it in line.
"""

from __future__ import annotations

from pybernetes.api.errors import NotFound
from pybernetes.api.kinds import ENDPOINT_SLICES, ENDPOINTS, NODES, PODS, SERVICES
from pybernetes.client.interface import Object, object_key
from pybernetes.controllers.actions import Update, delete_of
from pybernetes.controllers.endpoints import members, slices, subsets
from pybernetes.controllers.expectations import Expectations
from pybernetes.controllers.objects import is_deleting, labels_of, name_of, namespace_of
from pybernetes.controllers.podcontrol import namespace_is_ending
from pybernetes.controllers.reconciler import Context, Reconciler
from pybernetes.semantics.nodes import ZONE
from pybernetes.semantics.services import SERVICE_NAME, services_of


class _ServiceFollower(Reconciler):
    """Keys are those of Services."""

    def follow_members(self) -> None:
        self.services = self.informer(SERVICES)
        self.enqueue_changes(self.services)
        self.pods = self.informer(PODS)
        self.pods.add_handler(added=self._pod_changed, updated=self._pod_updated, deleted=self._pod_changed)

    def _pod_changed(self, pod: Object) -> None:
        self._enqueue_for(namespace_of(pod), labels_of(pod))

    def _pod_updated(self, old: Object, new: Object) -> None:
        if not members.member_changed(old, new):
            return
        if labels_of(old) != labels_of(new):
            self._pod_changed(old)
        self._pod_changed(new)

    def _enqueue_for(self, namespace: str, labels: dict[str, str]) -> None:
        for service in self.services.store.list(namespace):
            selector = members.selects(service)
            if selector is not None and selector.matches(labels):
                self.enqueue(service)

    def members_of(self, service: Object) -> list[Object]:
        selector = members.selects(service)
        if selector is None:
            return []
        pods = self.pods.store.list(namespace_of(service))
        return [pod for pod in pods if selector.matches(labels_of(pod))]


class EndpointSliceController(_ServiceFollower):
    name = "endpointslice-controller"
    source = "endpoint-slice-controller"

    def __init__(self, context: Context) -> None:
        self.expectations = Expectations()
        super().__init__(context)
        self.workers = context.options.concurrent_service_endpoint_syncs

    def watch(self) -> None:
        self.follow_members()
        self.slices = self.informer(ENDPOINT_SLICES)
        self.slices.add_index(SERVICE_NAME, services_of)
        self.slices.add_handler(
            added=self._slice_added,
            updated=lambda old, new: self._slice_changed(new),
            deleted=self._slice_changed,
        )
        self.nodes = self.informer(NODES)
        self.nodes.add_handler(updated=self._node_updated)

    def _slice_key(self, one: Object) -> str | None:
        if labels_of(one).get(slices.MANAGED_BY) != slices.MANAGER:
            return None
        return next(iter(services_of(one)), None)

    def _slice_added(self, one: Object) -> None:
        key = self._slice_key(one)
        if key is not None:
            self.expectations.observe_creation(key)
            self.queue.add(key)

    def _slice_changed(self, one: Object) -> None:
        key = self._slice_key(one)
        if key is not None:
            self.queue.add(key)

    def _node_updated(self, old: Object, new: Object) -> None:
        if labels_of(old).get(ZONE) == labels_of(new).get(ZONE):
            return
        for service in self.services.store.list():
            self.enqueue(service)

    async def sync(self, key: str) -> None:
        service = self.services.store.get(key)
        if service is None or is_deleting(service):
            self.expectations.forget(key)
            return
        if members.selects(service) is None:
            return
        if not self.expectations.satisfied(key, self.clock.monotonic()):
            return
        existing = [
            one
            for one in self.slices.store.by_index(SERVICE_NAME, key)
            if labels_of(one).get(slices.MANAGED_BY) == slices.MANAGER
        ]
        zones = {name_of(node): labels_of(node).get(ZONE, "") for node in self.nodes.store.list()}
        changes = slices.plan(
            service, self.members_of(service), zones, existing, self.options.max_endpoints_per_slice
        )
        for one in changes.create:
            self.expectations.expect_creations(key, 1, self.clock.monotonic())
            try:
                await self.client.create(ENDPOINT_SLICES, one)
            except BaseException as error:
                self.expectations.observe_creation(key)
                if namespace_is_ending(error):
                    return
                raise
        for one in changes.update:
            await self.act(Update(ENDPOINT_SLICES, one))
        for one in changes.delete:
            await self.act(delete_of(ENDPOINT_SLICES, one))


class EndpointsController(_ServiceFollower):
    name = "endpoints-controller"
    source = "endpoint-controller"

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self.workers = context.options.concurrent_endpoint_syncs

    def watch(self) -> None:
        self.follow_members()
        self.endpoints = self.informer(ENDPOINTS)
        self.endpoints.add_handler(
            added=self._if_ours, updated=lambda old, new: self._if_ours(new), deleted=self._if_ours
        )

    def _if_ours(self, endpoints: Object) -> None:
        """Leftovers of a Service that went while nobody looked, and changes by others, are set right."""
        if labels_of(endpoints).get(subsets.MANAGED_BY) == subsets.MANAGER:
            self.queue.add(object_key(endpoints))

    async def sync(self, key: str) -> None:
        service = self.services.store.get(key)
        present = self.endpoints.store.get(key)
        if service is None:
            if present is not None and labels_of(present).get(subsets.MANAGED_BY) == subsets.MANAGER:
                await self.act(delete_of(ENDPOINTS, present))
            return
        if members.selects(service) is None or is_deleting(service):
            return
        wanted = subsets.wanted(service, self.members_of(service), present)
        if wanted is None:
            return
        try:
            if present is None:
                await self.client.create(ENDPOINTS, wanted)
            else:
                await self.client.update(ENDPOINTS, wanted)
        except NotFound:
            self.queue.add_rate_limited(key)
        except Exception as error:
            if not namespace_is_ending(error):
                raise
