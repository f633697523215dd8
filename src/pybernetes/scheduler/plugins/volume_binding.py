"""Claims of a pod: those that are bound must suit the node, those to be bound at once must be bound already.

Claims of a class that binds late (WaitForFirstConsumer) pass where a volume is free or can be provisioned; the
binder then tells the provisioner the node. https://kubernetes.io/docs/concepts/storage/persistent-volumes/
"""

from __future__ import annotations

from collections.abc import Iterator

from pybernetes.client.interface import Object
from pybernetes.scheduler.framework import Check, Refusal, refusal
from pybernetes.scheduler.podinfo import PodInfo
from pybernetes.scheduler.snapshot import NodeInfo, Snapshot
from pybernetes.scheduler.surroundings import Surroundings
from pybernetes.semantics.owners import is_controlled_by
from pybernetes.semantics.storage import class_of, is_bound, may_have, reachable, waits_for_consumer

UNBOUND = "pod has unbound immediate PersistentVolumeClaims"
NODE_CONFLICT = "node(s) didn't match PersistentVolume's node affinity"
NOTHING_TO_BIND = "node(s) didn't find available persistent volumes to bind"
VOLUME_MISSING = "node(s) unavailable due to one or more pvc(s) bound to non-existent pv(s)"
NO_PROVISIONER = "kubernetes.io/no-provisioner"


def claim_names(pod: PodInfo) -> Iterator[tuple[str, bool]]:
    """(claim, whether it is an ephemeral volume's own) for each volume of the pod that is a claim."""
    for volume in pod.obj["spec"].get("volumes") or ():
        if volume.get("persistentVolumeClaim"):
            yield volume["persistentVolumeClaim"]["claimName"], False
        elif volume.get("ephemeral"):
            yield f"{pod.name}-{volume['name']}", True


def binds_late(claim: Object, around: Surroundings) -> bool:
    return waits_for_consumer(around.storage_class(class_of(claim)))


class VolumeBinding:
    name = "VolumeBinding"

    def __init__(self, around: Surroundings) -> None:
        self._around = around

    def prepare(self, pod: PodInfo, snapshot: Snapshot) -> Check | Refusal | None:
        bound: list[Object] = []
        late: list[Object] = []
        for name, ephemeral in claim_names(pod):
            claim = self._around.claim(pod.namespace, name)
            problem = _problem(pod, name, claim, ephemeral)
            if problem or claim is None:
                return refusal(self.name, problem, resolvable=False)
            if is_bound(claim):
                bound.append(claim)
            elif binds_late(claim, self._around):
                late.append(claim)
            else:
                return refusal(self.name, UNBOUND, resolvable=False)
        if not bound and not late:
            return None
        volumes = [self._around.volume(claim["spec"]["volumeName"]) for claim in bound]

        def check(info: NodeInfo) -> Refusal | None:
            return self._refused(info, volumes, late)

        return check

    def _refused(self, info: NodeInfo, volumes: list[Object | None], late: list[Object]) -> Refusal | None:
        if info.node is None:
            return None
        for volume in volumes:
            if volume is None:
                return refusal(self.name, VOLUME_MISSING, resolvable=False)
            if not reachable(volume, info.node):
                return refusal(self.name, NODE_CONFLICT, resolvable=False)
        for claim in late:
            if not self._can_be_had(claim, info):
                return refusal(self.name, NOTHING_TO_BIND, resolvable=False)
        return None

    def _can_be_had(self, claim: Object, info: NodeInfo) -> bool:
        volumes = self._around.volumes()
        if any(may_have(volume, claim) and reachable(volume, info.node) for volume in volumes):
            return True
        found = self._around.storage_class(class_of(claim)) or {}
        if found.get("provisioner") in (None, "", NO_PROVISIONER):
            return False
        allowed = found.get("allowedTopologies")
        if not allowed:
            return True
        return any(
            all(
                info.labels.get(one["key"]) in (one.get("values") or ())
                for one in term.get("matchLabelExpressions") or ()
            )
            for term in allowed
        )


def _problem(pod: PodInfo, name: str, claim: Object | None, ephemeral: bool) -> str:
    if claim is None:
        if ephemeral:
            return f'waiting for ephemeral volume controller to create the persistentvolumeclaim "{name}"'
        return f'persistentvolumeclaim "{name}" not found'
    if (claim.get("status") or {}).get("phase") == "Lost":
        volume = claim["spec"].get("volumeName", "")
        return f'persistentvolumeclaim "{name}" bound to non-existent persistentvolume "{volume}"'
    if claim["metadata"].get("deletionTimestamp"):
        return f'persistentvolumeclaim "{name}" is being deleted'
    if ephemeral and not is_controlled_by(claim, pod.obj):
        where = f"{pod.namespace}/{name}"
        return f"PVC {where} was not created for pod {pod.namespace}/{pod.name} (pod is not owner)"
    return ""
