"""Protection of storage in use: a claim that a pod uses, and a volume that is bound, stay until they are free.

In: claims, volumes, pods. Out: the finalizers `kubernetes.io/pvc-protection` and
`kubernetes.io/pv-protection`, put on and taken off.
Source: https://kubernetes.io/docs/concepts/storage/persistent-volumes/#storage-object-in-use-protection
"""

from __future__ import annotations

from collections.abc import Iterable

from pybernetes.api.kinds import PERSISTENT_VOLUME_CLAIMS, PERSISTENT_VOLUMES, PODS
from pybernetes.client.interface import Object
from pybernetes.controllers.actions import patch_of
from pybernetes.controllers.objects import is_deleting, name_of, namespace_of
from pybernetes.controllers.reconciler import Reconciler
from pybernetes.semantics.pods import is_terminal, node_name

CLAIM_FINALIZER = "kubernetes.io/pvc-protection"
VOLUME_FINALIZER = "kubernetes.io/pv-protection"
_CLAIM_INDEX = "claims"


def claims_of(pod: Object) -> list[str]:
    """The keys of the claims that a pod uses, ephemeral volumes included."""
    found = []
    for volume in pod["spec"].get("volumes") or ():
        if volume.get("persistentVolumeClaim"):
            found.append(f"{namespace_of(pod)}/{volume['persistentVolumeClaim']['claimName']}")
        elif volume.get("ephemeral"):
            found.append(f"{namespace_of(pod)}/{name_of(pod)}-{volume['name']}")
    return found


def uses(pods: Iterable[Object]) -> bool:
    """Whether any of these pods keeps its claims: bound to a node and not ended."""
    return any(node_name(pod) and not is_terminal(pod) for pod in pods)


def finalizers_after(obj: Object, finalizer: str, in_use: bool) -> list[str] | None:
    """The new list of finalizers, or None when it is right."""
    present = list(obj["metadata"].get("finalizers") or ())
    if not is_deleting(obj):
        return None if finalizer in present else [*present, finalizer]
    if in_use or finalizer not in present:
        return None
    return [one for one in present if one != finalizer]


class ClaimProtection(Reconciler):
    name = "persistentvolumeclaim-protection-controller"

    def watch(self) -> None:
        self.claims = self.informer(PERSISTENT_VOLUME_CLAIMS)
        self.claims.add_handler(added=self.enqueue, updated=lambda old, new: self.enqueue(new))
        self.pods = self.informer(PODS)
        self.pods.add_index(_CLAIM_INDEX, claims_of)
        self.pods.add_handler(updated=self._pod_updated, deleted=self._pod_gone)

    def _pod_updated(self, old: Object, new: Object) -> None:
        if is_terminal(new) and not is_terminal(old):
            self._pod_gone(new)

    def _pod_gone(self, pod: Object) -> None:
        for key in claims_of(pod):
            self.queue.add(key)

    async def sync(self, key: str) -> None:
        claim = self.claims.store.get(key)
        if claim is None:
            return
        in_use = is_deleting(claim) and uses(self.pods.store.by_index(_CLAIM_INDEX, key))
        left = finalizers_after(claim, CLAIM_FINALIZER, in_use)
        if left is not None:
            patch = {"metadata": {"finalizers": left or None}}
            await self.act(patch_of(PERSISTENT_VOLUME_CLAIMS, claim, patch))


class VolumeProtection(Reconciler):
    name = "persistentvolume-protection-controller"

    def watch(self) -> None:
        self.volumes = self.informer(PERSISTENT_VOLUMES)
        self.volumes.add_handler(added=self.enqueue, updated=lambda old, new: self.enqueue(new))

    async def sync(self, key: str) -> None:
        volume = self.volumes.store.get(key)
        if volume is None:
            return
        bound = (volume.get("status") or {}).get("phase") == "Bound"
        left = finalizers_after(volume, VOLUME_FINALIZER, bound)
        if left is not None:
            await self.act(patch_of(PERSISTENT_VOLUMES, volume, {"metadata": {"finalizers": left or None}}))
