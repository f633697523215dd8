"""The ObjectReference of a pod, or of one of its containers, that events are about."""

from __future__ import annotations

from pybernetes.kubelet.machine.model import EPHEMERAL, REGULAR, Object, Record

_FIELDS = {REGULAR: "containers", EPHEMERAL: "ephemeralContainers"}


def pod_reference(pod: Object, record: Record | None) -> Object:
    """With a record, `fieldPath` is `spec.containers{name}` or that of the list which the container is in."""
    meta = pod["metadata"]
    about: Object = {
        "apiVersion": "v1",
        "kind": "Pod",
        "name": meta["name"],
        "namespace": meta.get("namespace", "default"),
        "uid": meta["uid"],
    }
    if meta.get("resourceVersion"):
        about["resourceVersion"] = meta["resourceVersion"]
    if record is not None:
        about["fieldPath"] = f"spec.{_FIELDS.get(record.kind, 'initContainers')}{{{record.name}}}"
    return about
