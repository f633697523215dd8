"""Defaults of the volumes in a pod spec and of persistent volumes' sources."""

from __future__ import annotations

from typing import Any

Object = dict[str, Any]

FILE_MODE = 420
"""0644, as the modes of files from secrets, config maps and the like are written."""

_TOKEN_SECONDS = 3600
_SWITCHED_OFF = ("clusterTrustBundle", "podCertificate")
"""Projections behind feature gates that are off: nothing is known of them."""


def default_volume(volume: Object) -> None:
    """A volume without a source is an emptyDir."""
    if not volume or (len(volume) == 1 and "name" in volume):
        volume["emptyDir"] = {}
        return
    for field in ("secret", "configMap", "downwardAPI", "projected"):
        source = volume.get(field)
        if source is not None:
            source.setdefault("defaultMode", FILE_MODE)
            if field == "downwardAPI":
                _default_items(source)
            elif field == "projected":
                for one in source.get("sources") or ():
                    _default_projection(one)
    host_path = volume.get("hostPath")
    if host_path is not None:
        host_path.setdefault("type", "")
    image = volume.get("image")
    if image is not None and not image.get("pullPolicy"):
        image["pullPolicy"] = _image_policy(image.get("reference") or "")
    template = (volume.get("ephemeral") or {}).get("volumeClaimTemplate")
    if template is not None:
        default_claim_spec(template.setdefault("spec", {}))
    default_source(volume)


def _image_policy(reference: str) -> str:
    from pybernetes.api.defaults.pods import pull_policy

    return pull_policy(reference)


def _default_projection(source: Object) -> None:
    for field in _SWITCHED_OFF:
        source.pop(field, None)
    token = source.get("serviceAccountToken")
    if token is not None:
        token.setdefault("expirationSeconds", _TOKEN_SECONDS)
    downward = source.get("downwardAPI")
    if downward is not None:
        _default_items(downward)


def _default_items(source: Object) -> None:
    for item in source.get("items") or ():
        default_value_source(item)


def default_value_source(source: Object) -> None:
    """`valueFrom` of a variable, or an item of a downward API volume."""
    reference = source.get("fieldRef")
    if reference is not None:
        reference.setdefault("apiVersion", "v1")
    file = source.get("fileKeyRef")
    if file is not None:
        file.setdefault("optional", False)
    resource = source.get("resourceFieldRef")
    if resource is not None:
        resource.setdefault("divisor", "0")


def default_source(holder: Object) -> None:
    """The sources that a pod's volume and a persistent volume share."""
    iscsi = holder.get("iscsi")
    if iscsi is not None:
        iscsi.setdefault("iscsiInterface", "default")
    rbd = holder.get("rbd")
    if rbd is not None:
        rbd.setdefault("pool", "rbd")
        rbd.setdefault("user", "admin")
        rbd.setdefault("keyring", "/etc/ceph/keyring")
    azure = holder.get("azureDisk")
    if azure is not None:
        azure.setdefault("cachingMode", "ReadWrite")
        azure.setdefault("kind", "Shared")
        azure.setdefault("fsType", "ext4")
        azure.setdefault("readOnly", False)
    scale = holder.get("scaleIO")
    if scale is not None:
        scale.setdefault("storageMode", "ThinProvisioned")
        scale.setdefault("fsType", "xfs")


def default_claim_spec(spec: Object) -> None:
    spec.setdefault("volumeMode", "Filesystem")
