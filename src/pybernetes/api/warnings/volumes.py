"""Volumes: sources that are out of use, amounts that are no whole bytes, paths that lie in each other."""

from __future__ import annotations

from typing import Any

from pybernetes.api import quantity
from pybernetes.api.fields import METADATA, SPEC, FieldPath, go_quote
from pybernetes.api.warnings.nodes import selector_term

Object = dict[str, Any]

_CLASS = "volume.beta.kubernetes.io/storage-class"
_MOUNT_OPTIONS = "volume.beta.kubernetes.io/mount-options"
_OF_VOLUMES = {
    _CLASS: 'deprecated since v1.8; use "storageClassName" attribute instead',
    _MOUNT_OPTIONS: 'deprecated since v1.31; use "mountOptions" attribute instead',
}
_OF_CLAIMS = 'deprecated since v1.8; use "storageClassName" attribute instead'

_RECYCLE = "The Recycle reclaim policy is deprecated. Instead, the recommended approach is to use dynamic provisioning."
_GONE = {
    "photonPersistentDisk": ("photonPersistentDisk", "deprecated in v1.11, non-functional in v1.16+"),
    "gitRepo": ("gitRepo", "deprecated in v1.11, and disabled by default in v1.33+"),
    "scaleIO": ("scaleIO", "deprecated in v1.16, non-functional in v1.22+"),
    "flocker": ("flocker", "deprecated in v1.22, non-functional in v1.25+"),
    "storageos": ("storageOS", "deprecated in v1.22, non-functional in v1.25+"),
    "quobyte": ("quobyte", "deprecated in v1.22, non-functional in v1.25+"),
    "glusterfs": ("glusterfs", "deprecated in v1.25, non-functional in v1.26+"),
    "cephfs": ("cephfs", "deprecated in v1.28, non-functional in v1.31+"),
    "rbd": ("rbd", "deprecated in v1.28, non-functional in v1.31+"),
}
"""Sources by field: how the warning spells them and what it says."""
_NOT_OF_VOLUMES = frozenset(("gitRepo", "flocker", "quobyte"))


def persistent_volume(new: Object, old: Object | None) -> list[str]:
    spec, annotations = new.get("spec") or {}, new["metadata"].get("annotations") or {}
    where = METADATA.child("annotations")
    found = [f"{where.key(key)}: {why}" for key, why in _OF_VOLUMES.items() if key in annotations]
    if spec.get("persistentVolumeReclaimPolicy") == "Recycle":
        found.append(f"{SPEC.child('persistentVolumeReclaimPolicy')}: {_RECYCLE}")
    terms = ((spec.get("nodeAffinity") or {}).get("required") or {}).get("nodeSelectorTerms")
    for position, term in enumerate(terms or ()):
        path = SPEC.child("nodeAffinity", "required", "nodeSelectorTerms").at(position)
        found.extend(selector_term(term, path))
    found.extend(
        f"spec.{_GONE[source][0]}: {_GONE[source][1]}"
        for source in spec
        if source in _GONE and source not in _NOT_OF_VOLUMES
    )
    return found


def claim(new: Object, old: Object | None) -> list[str]:
    found = []
    if _CLASS in (new["metadata"].get("annotations") or {}):
        found.append(f"{METADATA.child('annotations').key(_CLASS)}: {_OF_CLAIMS}")
    return found + claim_spec(new.get("spec") or {}, SPEC)


def claim_spec(spec: Object, path: FieldPath) -> list[str]:
    """Of a claim or of the template of one."""
    found: list[str] = []
    for kind in ("requests", "limits"):
        amounts = (spec.get("resources") or {}).get(kind) or {}
        found.extend(fractional(amounts, ("storage",), path.child("resources", kind)))
    return found


def fractional(amounts: Object, names: tuple[str, ...], path: FieldPath) -> list[str]:
    """Amounts of bytes that are not whole."""
    return [
        f"{path.key(name)}: fractional byte value {go_quote(quantity.canonical(amounts[name]))} is invalid, "
        "must be an integer"
        for name in names
        if name in amounts and quantity.parse(amounts[name]).nanos % quantity.NANO
    ]


def pod_volumes(volumes: list[Object], path: FieldPath) -> list[str]:
    found: list[str] = []
    for position, volume in enumerate(volumes):
        where = path.at(position)
        for source in volume:
            if source in _GONE:
                spelt, why = _GONE[source]
                found.append(f"{where.child(spelt)}: {why}")
        template = (volume.get("ephemeral") or {}).get("volumeClaimTemplate")
        if template:
            place = where.child("ephemeral", "volumeClaimTemplate", "spec")
            found.extend(claim_spec(template.get("spec") or {}, place))
    for volume in volumes:
        found.extend(_overlaps(volume))
    return found


_Place = tuple[str, str]
"""A path in a volume and the source that it is from ("": the volume's only one)."""


def _overlaps(volume: Object) -> list[str]:
    name = go_quote(volume.get("name") or "")
    found: list[str] = []
    for kind, shown, holder in (("configMap", "ConfigMap", "name"), ("secret", "Secret", "secretName")):
        source = volume.get(kind)
        if source and source.get("items"):
            what = f"{shown} {go_quote(source.get(holder) or '')}"
            found.extend(_collisions(name, what, [(item.get("path") or "", "") for item in source["items"]]))
    source = volume.get("downwardAPI")
    if source and source.get("items"):
        places = [(item.get("path") or "", "") for item in source["items"]]
        found.extend(_collisions(name, "DownwardAPI", places))
    source = volume.get("projected")
    if source:
        places = []
        for one in source.get("sources") or ():
            if not one:
                found.append(f"volume {name} (Projected) has no sources provided")
            places.extend(_projected(one))
        found.extend(_collisions(name, "Projected", places))
    return found


def _projected(source: Object) -> list[_Place]:
    for kind, shown in (("configMap", "ConfigMap"), ("secret", "Secret")):
        inner = source.get(kind)
        if inner and inner.get("items"):
            what = f"{shown} {go_quote(inner.get('name') or '')}"
            return [(item.get("path") or "", what) for item in inner["items"]]
    inner = source.get("downwardAPI")
    if inner and inner.get("items"):
        return [(item.get("path") or "", "DownwardAPI") for item in inner["items"]]
    inner = source.get("serviceAccountToken")
    if inner:
        return [(inner.get("path") or "", "ServiceAccountToken")]
    inner = source.get("clusterTrustBundle")
    if inner:
        name = inner.get("name") or inner.get("signerName") or ""
        return [(inner.get("path") or "", f"ClusterTrustBundle {go_quote(name)}")]
    inner = source.get("podCertificate") or {}
    shown_as = (
        ("certificateChainPath", "PodCertificate chain"),
        ("keyPath", "PodCertificate key"),
        ("credentialBundlePath", "PodCertificate credential bundle"),
    )
    return [(inner[field], what) for field, what in shown_as if inner.get(field)]


def _collisions(volume: str, what: str, places: list[_Place]) -> list[str]:
    found: list[str] = []
    seen: list[_Place] = []
    for path, source in places:
        place = path.rstrip("/"), source
        if not place[0]:
            continue
        for other in seen:
            one, two = f"{place[0]}/", f"{other[0]}/"
            if one.startswith(two) or two.startswith(one):
                found.append(
                    f"volume {volume} ({what}): overlapping paths: {_shown(place)} with {_shown(other)}"
                )
        seen.append(place)
    return found


def _shown(place: _Place) -> str:
    return f"{go_quote(place[0])} ({place[1]})" if place[1] else go_quote(place[0])
