"""What all controllers of pods have in common: whose pod it is, and what its coming and going means to its owner.

In: the owners and the pods of informers. Out: keys of owners in line, and expectations that have been seen.
A subclass says its kind and, where that is not a label selector in `spec.selector`, what an owner selects.
"""

from __future__ import annotations

from pybernetes.api.kinds import PODS, Kind
from pybernetes.api.selectors import LabelSelector
from pybernetes.client.interface import Object, object_key
from pybernetes.controllers.claims import OWNER_INDEX, index_by_owner
from pybernetes.controllers.expectations import Expectations
from pybernetes.controllers.objects import controller_key, is_deleting, labels_of, namespace_of
from pybernetes.controllers.podcontrol import PodControl, deletion_identity
from pybernetes.controllers.reconciler import Context, Reconciler
from pybernetes.semantics.owners import controller_ref


class PodOwner(Reconciler):
    """`owners` and `pods` are the informers; pods are indexed by `OWNER_INDEX`."""

    kind: Kind

    def __init__(self, context: Context) -> None:
        self.expectations = Expectations()
        super().__init__(context)
        self.pod_control = PodControl(self.client, self.recorder, self.clock, self.expectations)

    def watch(self) -> None:
        self.owners = self.informer(self.kind)
        self.owners.add_handler(
            added=self.enqueue, updated=lambda old, new: self.enqueue(new), deleted=self._owner_deleted
        )
        self.pods = self.informer(PODS)
        self.pods.add_index(OWNER_INDEX, index_by_owner)
        self.pods.add_handler(added=self._pod_added, updated=self._pod_updated, deleted=self._pod_deleted)

    def selector_of(self, owner: Object) -> LabelSelector:
        return LabelSelector.from_object(owner["spec"].get("selector"))

    def owner_key(self, pod: Object) -> str | None:
        """The key of the pod's controller, if that is of this kind."""
        return controller_key(pod, self.kind)

    def _owner_deleted(self, owner: Object) -> None:
        self.expectations.forget(object_key(owner))
        self.enqueue(owner)

    def _enqueue_matching(self, pod: Object) -> None:
        """An orphan may be wanted by any owner in its namespace."""
        for owner in self.owners.store.list(namespace_of(pod)):
            selector = self.selector_of(owner)
            if not selector.empty and selector.matches(labels_of(pod)):
                self.enqueue(owner)

    def _pod_added(self, pod: Object) -> None:
        if is_deleting(pod):
            self._pod_deleted(pod)
            return
        key = self.owner_key(pod)
        if key is not None:
            self.expectations.observe_creation(key)
            self.queue.add(key)
        elif controller_ref(pod) is None:
            self._enqueue_matching(pod)

    def _pod_updated(self, old: Object, new: Object) -> None:
        relabelled = labels_of(old) != labels_of(new)
        if is_deleting(new):
            self._pod_deleted(new)
            if relabelled:
                self._pod_deleted(old)
            return
        before, key = self.owner_key(old), self.owner_key(new)
        if before is not None and before != key:
            self.queue.add(before)
        if key is not None:
            self.queue.add(key)
        elif controller_ref(new) is None and (relabelled or before is not None):
            self._enqueue_matching(new)

    def _pod_deleted(self, pod: Object) -> None:
        key = self.owner_key(pod)
        if key is not None:
            self.expectations.observe_deletion(key, deletion_identity(pod))
            self.queue.add(key)
