"""Defaults of StorageClass, CSIDriver and their like."""

from __future__ import annotations

from typing import Any

Object = dict[str, Any]


def _storage_class(storage_class: Object) -> None:
    storage_class.setdefault("reclaimPolicy", "Delete")
    storage_class.setdefault("volumeBindingMode", "Immediate")


def _csi_driver(driver: Object) -> None:
    spec = driver.setdefault("spec", {})
    spec.setdefault("attachRequired", True)
    spec.setdefault("podInfoOnMount", False)
    spec.setdefault("storageCapacity", False)
    spec.setdefault("fsGroupPolicy", "ReadWriteOnceWithFSType")
    spec.setdefault("requiresRepublish", False)
    spec.setdefault("seLinuxMount", False)
    if not spec.get("volumeLifecycleModes"):
        spec["volumeLifecycleModes"] = ["Persistent"]


def _csi_node(node: Object) -> None:
    node.setdefault("spec", {}).setdefault("drivers", None)


def _volume_attachment(attachment: Object) -> None:
    attachment.setdefault("status", {}).setdefault("attached", False)


DEFAULTS = {
    "CSIDriver": _csi_driver,
    "CSINode": _csi_node,
    "StorageClass": _storage_class,
    "VolumeAttachment": _volume_attachment,
}
