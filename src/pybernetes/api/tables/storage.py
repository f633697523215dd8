"""How volumes, claims, storage classes and CSI objects are shown."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pybernetes.api.tables.columns import (
    AGE,
    NAME,
    UNSET,
    Cells,
    Column,
    Printer,
    age_of,
    name_of,
    wide,
)

Object = dict[str, Any]

_MODES = {
    "ReadWriteOnce": "RWO",
    "ReadOnlyMany": "ROX",
    "ReadWriteMany": "RWX",
    "ReadWriteOncePod": "RWOP",
}
_DEFAULT_CLASS = (
    "storageclass.kubernetes.io/is-default-class",
    "storageclass.beta.kubernetes.io/is-default-class",
)


def _modes(modes: list[str] | None) -> str:
    present = set(modes or ())
    return ",".join(short for mode, short in _MODES.items() if mode in present)


def _phase(obj: Object) -> str:
    if obj["metadata"].get("deletionTimestamp"):
        return "Terminating"
    phase: str = (obj.get("status") or {}).get("phase", "")
    return phase


def _storage_class_of(obj: Object) -> str:
    annotations = obj["metadata"].get("annotations") or {}
    named = annotations.get("volume.beta.kubernetes.io/storage-class")
    return named or (obj.get("spec") or {}).get("storageClassName") or ""


def _volume(obj: Object, now: datetime) -> Cells:
    spec, status = obj.get("spec") or {}, obj.get("status") or {}
    claim = spec.get("claimRef")
    return [
        name_of(obj),
        (spec.get("capacity") or {}).get("storage", ""),
        _modes(spec.get("accessModes")),
        spec.get("persistentVolumeReclaimPolicy", ""),
        _phase(obj),
        f"{claim.get('namespace', '')}/{claim.get('name', '')}" if claim else "",
        _storage_class_of(obj),
        spec.get("volumeAttributesClassName") or UNSET,
        status.get("reason", ""),
        age_of(obj, now),
        spec.get("volumeMode") or UNSET,
    ]


def _claim(obj: Object, now: datetime) -> Cells:
    spec, status = obj.get("spec") or {}, obj.get("status") or {}
    bound = bool(spec.get("volumeName"))
    return [
        name_of(obj),
        _phase(obj),
        spec.get("volumeName", ""),
        (status.get("capacity") or {}).get("storage", "0") if bound else "",
        _modes(status.get("accessModes")) if bound else "",
        _storage_class_of(obj),
        spec.get("volumeAttributesClassName") or UNSET,
        age_of(obj, now),
        spec.get("volumeMode") or UNSET,
    ]


def _storage_class(obj: Object, now: datetime) -> Cells:
    annotations = obj["metadata"].get("annotations") or {}
    default = any(annotations.get(key) == "true" for key in _DEFAULT_CLASS)
    return [
        f"{name_of(obj)} (default)" if default else name_of(obj),
        obj.get("provisioner", ""),
        obj.get("reclaimPolicy", "Delete"),
        obj.get("volumeBindingMode") or UNSET,
        bool(obj.get("allowVolumeExpansion")),
        age_of(obj, now),
    ]


def _csi_driver(obj: Object, now: datetime) -> Cells:
    spec = obj.get("spec") or {}
    audiences = [one.get("audience", "") for one in spec.get("tokenRequests") or ()]
    return [
        name_of(obj),
        spec.get("attachRequired", True),
        bool(spec.get("podInfoOnMount")),
        bool(spec.get("storageCapacity")),
        ",".join(audiences) or UNSET,
        bool(spec.get("requiresRepublish")),
        ",".join(spec.get("volumeLifecycleModes") or ()) or "<none>",
        age_of(obj, now),
    ]


def _csi_node(obj: Object, now: datetime) -> Cells:
    return [name_of(obj), len((obj.get("spec") or {}).get("drivers") or ()), age_of(obj, now)]


def _volume_attachment(obj: Object, now: datetime) -> Cells:
    spec, status = obj.get("spec") or {}, obj.get("status") or {}
    return [
        name_of(obj),
        spec.get("attacher", ""),
        (spec.get("source") or {}).get("persistentVolumeName", ""),
        spec.get("nodeName", ""),
        bool(status.get("attached")),
        age_of(obj, now),
    ]


def _attributes_class(obj: Object, now: datetime) -> Cells:
    return [name_of(obj), obj.get("driverName", ""), age_of(obj, now)]


def _attributes_class_of(what: str) -> Column:
    return Column("VolumeAttributesClass", description=f"VolumeAttributesClass of the {what}")


PERSISTENT_VOLUME = Printer(
    (
        NAME,
        Column("Capacity", description="@core.v1.PersistentVolumeSpec.capacity"),
        Column("Access Modes", description="@core.v1.PersistentVolumeSpec.accessModes"),
        Column("Reclaim Policy", description="@core.v1.PersistentVolumeSpec.persistentVolumeReclaimPolicy"),
        Column("Status", description="@core.v1.PersistentVolumeStatus.phase"),
        Column("Claim", description="@core.v1.PersistentVolumeSpec.claimRef"),
        Column("StorageClass", description="StorageClass of the pv"),
        _attributes_class_of("pv"),
        Column("Reason", description="@core.v1.PersistentVolumeStatus.reason"),
        AGE,
        wide("VolumeMode", "@core.v1.PersistentVolumeSpec.volumeMode"),
    ),
    _volume,
)
PERSISTENT_VOLUME_CLAIM = Printer(
    (
        NAME,
        Column("Status", description="@core.v1.PersistentVolumeClaimStatus.phase"),
        Column("Volume", description="@core.v1.PersistentVolumeClaimSpec.volumeName"),
        Column("Capacity", description="@core.v1.PersistentVolumeClaimStatus.capacity"),
        Column("Access Modes", description="@core.v1.PersistentVolumeClaimStatus.accessModes"),
        Column("StorageClass", description="StorageClass of the pvc"),
        _attributes_class_of("pvc"),
        AGE,
        wide("VolumeMode", "@core.v1.PersistentVolumeClaimSpec.volumeMode"),
    ),
    _claim,
)

PRINTERS = {
    "CSIDriver": Printer(
        (
            NAME,
            Column("AttachRequired", "boolean", "@storage.v1.CSIDriverSpec.attachRequired"),
            Column("PodInfoOnMount", "boolean", "@storage.v1.CSIDriverSpec.podInfoOnMount"),
            Column("StorageCapacity", "boolean", "@storage.v1.CSIDriverSpec.storageCapacity"),
            Column("TokenRequests", description="@storage.v1.CSIDriverSpec.tokenRequests"),
            Column("RequiresRepublish", "boolean", "@storage.v1.CSIDriverSpec.requiresRepublish"),
            Column("Modes", description="@storage.v1.CSIDriverSpec.volumeLifecycleModes"),
            AGE,
        ),
        _csi_driver,
    ),
    "CSINode": Printer(
        (
            NAME,
            Column(
                "Drivers", "integer", "Drivers indicates the number of CSI drivers registered on the node"
            ),
            AGE,
        ),
        _csi_node,
    ),
    "StorageClass": Printer(
        (
            NAME,
            Column("Provisioner", description="@storage.v1.StorageClass.provisioner"),
            Column("ReclaimPolicy", description="@storage.v1.StorageClass.reclaimPolicy"),
            Column("VolumeBindingMode", description="@storage.v1.StorageClass.volumeBindingMode"),
            Column("AllowVolumeExpansion", description="@storage.v1.StorageClass.allowVolumeExpansion"),
            AGE,
        ),
        _storage_class,
    ),
    "VolumeAttachment": Printer(
        (
            NAME,
            Column("Attacher", format="name", description="@storage.v1.VolumeAttachmentSpec.attacher"),
            Column("PV", description="@storage.v1.VolumeAttachmentSource.persistentVolumeName"),
            Column("Node", description="@storage.v1.VolumeAttachmentSpec.nodeName"),
            Column("Attached", "boolean", "@storage.v1.VolumeAttachmentStatus.attached"),
            AGE,
        ),
        _volume_attachment,
    ),
    "VolumeAttributesClass": Printer(
        (NAME, Column("DriverName", description="@storage.v1.VolumeAttributesClass.driverName"), AGE),
        _attributes_class,
    ),
}
