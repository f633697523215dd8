"""The persistent volume binder: claims get volumes, volumes are reclaimed when their claim is gone.

In: volumes, claims, storage classes. Out: `spec.claimRef` and `spec.volumeName`, phases, events. Volumes of
classes with a provisioner of their own are made by that provisioner; this controller only asks for them.
Source: https://kubernetes.io/docs/concepts/storage/persistent-volumes/#lifecycle-of-a-volume-and-claim
"""

from __future__ import annotations

from typing import Any

from pybernetes.api.errors import NotFound
from pybernetes.api.kinds import NODES, PERSISTENT_VOLUME_CLAIMS, PERSISTENT_VOLUMES, STORAGE_CLASSES
from pybernetes.client.interface import Object, object_key
from pybernetes.controllers.actions import patch_of, status_of
from pybernetes.controllers.objects import (
    annotations_of,
    compact,
    is_deleting,
    name_of,
    namespace_of,
    uid_of,
    with_kind,
)
from pybernetes.controllers.reconciler import Reconciler
from pybernetes.semantics import storage

PROVISIONER = "volume.kubernetes.io/storage-provisioner"
_NO_PROVISIONER = "kubernetes.io/no-provisioner"
VOLUME, CLAIM = "volume", "claim"


class VolumeBinder(Reconciler):
    """Keys are (`volume`, name) and (`claim`, namespace/name). One at a time: two claims never get one volume."""

    name = "persistentvolume-binder-controller"
    source = "persistentvolume-controller"
    workers = 1

    def watch(self) -> None:
        self.classes = self.informer(STORAGE_CLASSES)
        self.classes.add_handler(added=lambda one: self._retry_claims())
        self.nodes = self.informer(NODES)
        self.claims = self.informer(PERSISTENT_VOLUME_CLAIMS)
        self.claims.add_handler(
            added=self._claim_changed,
            updated=lambda old, new: self._claim_changed(new),
            deleted=self._claim_deleted,
        )
        self.volumes = self.informer(PERSISTENT_VOLUMES)
        self.volumes.add_handler(
            added=self._volume_changed,
            updated=lambda old, new: self._volume_changed(new),
            deleted=self._volume_deleted,
        )

    def _claim_changed(self, claim: Object) -> None:
        self.queue.add((CLAIM, object_key(claim)))

    def _claim_deleted(self, claim: Object) -> None:
        volume = claim["spec"].get("volumeName")
        if volume:
            self.queue.add((VOLUME, volume))

    def _volume_changed(self, volume: Object) -> None:
        self.queue.add((VOLUME, name_of(volume)))
        if not volume["spec"].get("claimRef"):
            self._retry_claims()

    def _volume_deleted(self, volume: Object) -> None:
        reference = volume["spec"].get("claimRef")
        if reference:
            self.queue.add((CLAIM, f"{reference['namespace']}/{reference['name']}"))

    def _retry_claims(self) -> None:
        """A new volume or class may be what a claim waits for."""
        for claim in self.claims.store.list():
            if not claim["spec"].get("volumeName"):
                self._claim_changed(claim)

    async def sync(self, key: tuple[str, str]) -> None:
        what, name = key
        if what == VOLUME:
            volume = self.volumes.store.get(name)
            if volume is not None:
                await self._sync_volume(with_kind(volume, PERSISTENT_VOLUMES))
        else:
            claim = self.claims.store.get(name)
            if claim is not None:
                await self._sync_claim(with_kind(claim, PERSISTENT_VOLUME_CLAIMS))

    # Claims

    async def _sync_claim(self, claim: Object) -> None:
        if is_deleting(claim) and not claim["spec"].get("volumeName"):
            return
        named = claim["spec"].get("volumeName")
        if not named:
            await self._find_volume(claim)
            return
        volume = self.volumes.store.get(named)
        if volume is None:
            if storage.BIND_COMPLETED in annotations_of(claim):
                await self._lose(
                    claim, "Bound claim has lost its PersistentVolume. Data on the volume is lost!"
                )
            else:
                await self._set_claim_phase(claim, "Pending")
            return
        if not volume["spec"].get("claimRef") or storage.is_bound_to(volume, claim):
            await self._bind(claim, with_kind(volume, PERSISTENT_VOLUMES))
        elif storage.BIND_COMPLETED in annotations_of(claim):
            await self._lose(claim, "Two claims are bound to the same volume, this one is bound incorrectly")
        else:
            await self._set_claim_phase(claim, "Pending")

    async def _find_volume(self, claim: Object) -> None:
        storage_class = self.classes.store.get(storage.class_of(claim))
        selected = annotations_of(claim).get(storage.SELECTED_NODE)
        node = self.nodes.store.get(selected) if selected else None
        reserved = next((one for one in self.volumes.store.list() if storage.is_bound_to(one, claim)), None)
        if storage.waits_for_consumer(storage_class) and not selected and reserved is None:
            message = "waiting for first consumer to be created before binding"
            self.recorder.event(claim, "Normal", "WaitForFirstConsumer", message)
            await self._set_claim_phase(claim, "Pending")
            return
        volume = storage.choose(claim, self.volumes.store.list(), node)
        if volume is not None:
            await self._bind(claim, with_kind(volume, PERSISTENT_VOLUMES))
            return
        provisioner = (storage_class or {}).get("provisioner", "")
        if storage_class is not None and provisioner and provisioner != _NO_PROVISIONER:
            await self._ask_provisioner(claim, provisioner)
        elif storage.class_of(claim) and storage_class is None:
            message = f'storageclass.storage.k8s.io "{storage.class_of(claim)}" not found'
            self.recorder.event(claim, "Warning", "ProvisioningFailed", message)
        else:
            message = "no persistent volumes available for this claim and no storage class is set"
            self.recorder.event(claim, "Normal", "FailedBinding", message)
        await self._set_claim_phase(claim, "Pending")

    async def _ask_provisioner(self, claim: Object, provisioner: str) -> None:
        if annotations_of(claim).get(PROVISIONER) != provisioner:
            patch = {"metadata": {"annotations": {PROVISIONER: provisioner}}}
            await self.act(patch_of(PERSISTENT_VOLUME_CLAIMS, claim, patch, exact=False))
        message = (
            f"Waiting for a volume to be created either by the external provisioner '{provisioner}' or manually by "
            "the system administrator. If volume creation is delayed, please verify that the provisioner is "
            "running and correctly registered."
        )
        self.recorder.event(claim, "Normal", "ExternalProvisioning", message)

    async def _bind(self, claim: Object, volume: Object) -> None:
        """The volume first, then the claim: a volume that names a claim is nobody else's any more."""
        reference = volume["spec"].get("claimRef") or {}
        if reference.get("uid") != claim["metadata"]["uid"]:
            patch: dict[str, Any] = {"spec": {"claimRef": _reference(claim)}}
            if not reference:
                patch["metadata"] = {"annotations": {storage.BOUND_BY_CONTROLLER: "yes"}}
            volume = await self.act(patch_of(PERSISTENT_VOLUMES, volume, patch)) or volume
        await self._set_volume_phase(volume, "Bound")
        if claim["spec"].get("volumeName") != name_of(volume) or (
            storage.BIND_COMPLETED not in annotations_of(claim)
        ):
            annotations = {storage.BIND_COMPLETED: "yes"}
            if not claim["spec"].get("volumeName"):
                annotations[storage.BOUND_BY_CONTROLLER] = "yes"
            change = {"metadata": {"annotations": annotations}, "spec": {"volumeName": name_of(volume)}}
            claim = await self.act(patch_of(PERSISTENT_VOLUME_CLAIMS, claim, change)) or claim
        spec = volume["spec"]
        status = {
            **(claim.get("status") or {}),
            "phase": "Bound",
            "accessModes": spec.get("accessModes") or [],
            "capacity": spec.get("capacity") or {},
        }
        if status != (claim.get("status") or {}):
            await self.act(status_of(PERSISTENT_VOLUME_CLAIMS, claim, status))

    async def _lose(self, claim: Object, message: str) -> None:
        if (claim.get("status") or {}).get("phase") != "Lost":
            self.recorder.event(claim, "Warning", "ClaimLost", message)
            await self._set_claim_phase(claim, "Lost")

    async def _set_claim_phase(self, claim: Object, phase: str) -> None:
        old = claim.get("status") or {}
        if old.get("phase") != phase:
            await self.act(status_of(PERSISTENT_VOLUME_CLAIMS, claim, {"phase": phase}))

    # Volumes

    async def _sync_volume(self, volume: Object) -> None:
        reference = volume["spec"].get("claimRef")
        if not reference:
            await self._set_volume_phase(volume, "Available")
            return
        if not reference.get("uid"):
            await self._set_volume_phase(volume, "Available")
            self.queue.add((CLAIM, f"{reference['namespace']}/{reference['name']}"))
            return
        claim = await self._claim_of(reference)
        if claim is None:
            await self._reclaim(volume)
        elif claim["spec"].get("volumeName") == name_of(volume):
            await self._set_volume_phase(volume, "Bound")
        elif not claim["spec"].get("volumeName"):
            self._claim_changed(claim)
        elif storage.BOUND_BY_CONTROLLER in annotations_of(volume):
            # The claim got another volume: this one is free again.
            patch = {
                "spec": {"claimRef": None},
                "metadata": {"annotations": {storage.BOUND_BY_CONTROLLER: None}},
            }
            await self.act(patch_of(PERSISTENT_VOLUMES, volume, patch))

    async def _claim_of(self, reference: dict[str, Any]) -> Object | None:
        """The very claim that the volume names; one that the cache does not show is asked for."""
        namespace, name = reference["namespace"], reference["name"]
        claim = self.claims.store.get(f"{namespace}/{name}")
        if claim is None or claim["metadata"]["uid"] != reference["uid"]:
            try:
                claim = await self.client.get(PERSISTENT_VOLUME_CLAIMS, namespace, name)
            except NotFound:
                return None
        return claim if claim["metadata"]["uid"] == reference["uid"] else None

    async def _reclaim(self, volume: Object) -> None:
        phase = (volume.get("status") or {}).get("phase")
        if phase not in ("Released", "Failed"):
            volume = await self._set_volume_phase(volume, "Released")
        if volume["spec"].get("persistentVolumeReclaimPolicy") == "Recycle":
            self.recorder.event(
                volume, "Warning", "VolumeFailedRecycle", "No recycler plugin found for the volume!"
            )
            await self._set_volume_phase(volume, "Failed", "No recycler plugin found for the volume!")

    async def _set_volume_phase(self, volume: Object, phase: str, message: str = "") -> Object:
        old = volume.get("status") or {}
        if old.get("phase") == phase:
            return volume
        status = compact({**old, "phase": phase, "message": message})
        changed = await self.act(status_of(PERSISTENT_VOLUMES, volume, status))
        return changed or volume


def _reference(claim: Object) -> Object:
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "namespace": namespace_of(claim),
        "name": name_of(claim),
        "uid": uid_of(claim),
        "resourceVersion": claim["metadata"].get("resourceVersion", ""),
    }
