"""Volumes of a pod, and what containers mount of them. Their sources: `volume_sources.py` and `file_sources.py`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pybernetes.api import quantity
from pybernetes.api.fields import (
    FieldError,
    FieldPath,
    duplicate,
    forbidden,
    go_quote,
    invalid,
    not_found,
    not_supported,
    required,
)
from pybernetes.api.names import is_dns1123_label, is_dns1123_subdomain
from pybernetes.api.validation import file_sources, volume_sources
from pybernetes.api.validation.paths import descending, no_back_steps
from pybernetes.api.validation.volume_sources import Check, check_sources

Object = dict[str, Any]
Volumes = Mapping[str, Object]
"""The volumes of a pod by name: those that are sound."""

_BLOCK_SOURCES = ("persistentVolumeClaim", "ephemeral")
_PULL_POLICIES = ("Always", "IfNotPresent", "Never")
_PROPAGATIONS = ("Bidirectional", "HostToContainer", "None")
_RECURSIVE = ("Disabled", "Enabled", "IfPossible")


def validate_volumes(
    volumes: list[Object], path: FieldPath, pod_name: str | None = None
) -> tuple[dict[str, Object], list[FieldError]]:
    """The sound volumes by name, and what is wrong with the others. `pod_name` is None in a template."""
    errors: list[FieldError] = []
    sound: dict[str, Object] = {}
    made = {f"{pod_name}-{volume.get('name') or ''}" for volume in volumes if volume.get("ephemeral")}
    for position, volume in enumerate(volumes):
        where = path.at(position)
        name = volume.get("name") or ""
        wrong = _validate_source(volume, name, where, pod_name)
        place = where.child("name")
        wrong += [invalid(place, name, why) for why in is_dns1123_label(name)] if name else [required(place)]
        if name in sound:
            wrong.append(duplicate(place, name))
        if wrong:
            errors += wrong
        else:
            sound[name] = volume
        claim = (volume.get("persistentVolumeClaim") or {}).get("claimName") or ""
        if pod_name and claim in made:
            why = "must not reference a PVC that gets created for an ephemeral volume"
            errors.append(invalid(where.child("persistentVolumeClaim", "claimName"), claim, why))
    return sound, errors


def _validate_source(volume: Object, name: str, path: FieldPath, pod_name: str | None) -> list[FieldError]:
    errors = check_sources(volume, _CHECKS, path, volume_sources.RENAMED)
    if volume.get("iscsi") is not None:
        why = volume_sources.iscsi_target_too_long(volume["iscsi"], name)
        errors += [invalid(path.child("name"), name, why)] if why else []
    image = volume.get("image")
    if pod_name is not None and image is not None and not image.get("reference"):
        first = next(source for source in _CHECKS if volume.get(source) is not None)
        errors += [required(path.child("image", "reference"))] if first == "image" else []
    if volume.get("ephemeral") is not None and pod_name and name:
        claim = f"{pod_name}-{name}"
        errors += [
            invalid(path.child("name"), name, f"PVC name {go_quote(claim)}: {why}")
            for why in is_dns1123_subdomain(claim)
        ]
    return errors


def _ephemeral(source: Object, path: FieldPath) -> list[FieldError]:
    from pybernetes.api.validation.claims import validate_claim_template

    template, where = source.get("volumeClaimTemplate"), path.child("volumeClaimTemplate")
    return [required(where)] if template is None else validate_claim_template(template, where)


def _image(source: Object, path: FieldPath) -> list[FieldError]:
    policy = source.get("pullPolicy") or ""
    where = path.child("pullPolicy")
    if not policy:
        return [required(where)]
    return [] if policy in _PULL_POLICIES else [not_supported(where, policy, _PULL_POLICIES)]


_CHECKS: dict[str, Check] = {
    "emptyDir": volume_sources.empty_dir,
    "hostPath": volume_sources.host_path,
    "gitRepo": volume_sources.git_repo,
    "gcePersistentDisk": volume_sources.gce_disk,
    "awsElasticBlockStore": volume_sources.aws_store,
    "secret": file_sources.secret,
    "nfs": volume_sources.nfs,
    "iscsi": volume_sources.iscsi,
    "glusterfs": volume_sources.glusterfs,
    "flocker": volume_sources.flocker,
    "persistentVolumeClaim": volume_sources.persistent_claim,
    "rbd": volume_sources.SHARED["rbd"],
    "cinder": volume_sources.cinder,
    "cephfs": volume_sources.SHARED["cephfs"],
    "quobyte": volume_sources.quobyte,
    "downwardAPI": file_sources.downward,
    "fc": volume_sources.fc,
    "flexVolume": volume_sources.flex_volume,
    "configMap": file_sources.config_map,
    "azureFile": volume_sources.azure_file,
    "vsphereVolume": volume_sources.SHARED["vsphereVolume"],
    "photonPersistentDisk": volume_sources.SHARED["photonPersistentDisk"],
    "portworxVolume": volume_sources.SHARED["portworxVolume"],
    "azureDisk": volume_sources.azure_disk,
    "storageos": volume_sources.storage_os,
    "projected": file_sources.projected,
    "scaleIO": volume_sources.SHARED["scaleIO"],
    "csi": volume_sources.csi,
    "ephemeral": _ephemeral,
    "image": _image,
}


def validate_mounts(container: Object, volumes: Volumes, path: FieldPath) -> list[FieldError]:
    """`volumeMounts` of a container."""
    errors: list[FieldError] = []
    places: set[str] = set()
    devices = container.get("volumeDevices") or ()
    for position, mount in enumerate(container.get("volumeMounts") or ()):
        of_all = path.child("volumeMounts")
        where = of_all.at(position)
        name, target = mount.get("name") or "", mount.get("mountPath") or ""
        if not name:
            errors.append(required(where.child("name")))
        if name not in volumes:
            errors.append(not_found(where.child("name"), name))
        if not target:
            errors.append(required(where.child("mountPath")))
        if target in places:
            errors.append(invalid(where.child("mountPath"), target, "must be unique"))
        places.add(target)
        if any(device.get("name", "") == name for device in devices):
            why = "must not already exist in volumeDevices"
            errors.append(invalid(where.child("name"), name, why))
        if any(device.get("devicePath", "") == target for device in devices):
            why = "must not already exist as a path in volumeDevices"
            errors.append(invalid(where.child("mountPath"), target, why))
        # Upstream does not say which of the mounts these are about.
        within, expression = mount.get("subPath"), mount.get("subPathExpr")
        if within:
            errors.extend(descending(within, of_all.child("subPath")))
        if expression:
            if within:
                why = "subPathExpr and subPath are mutually exclusive"
                errors.append(invalid(where.child("subPathExpr"), expression, why))
            errors.extend(descending(expression, of_all.child("subPathExpr")))
        if mount.get("mountPropagation") is not None:
            place = of_all.child("mountPropagation")
            errors.extend(_propagation(container, mount["mountPropagation"], place))
        if mount.get("recursiveReadOnly") is not None:
            errors.extend(_recursive(mount, of_all.child("recursiveReadOnly")))
    return errors


def validate_devices(container: Object, volumes: Volumes, path: FieldPath) -> list[FieldError]:
    """`volumeDevices` of a container."""
    errors: list[FieldError] = []
    names: set[str] = set()
    places: set[str] = set()
    mounts = container.get("volumeMounts") or ()
    for position, device in enumerate(container.get("volumeDevices") or ()):
        where = path.child("volumeDevices").at(position)
        name, target = device.get("name") or "", device.get("devicePath") or ""
        if not name:
            errors.append(required(where.child("name")))
        if name in names:
            errors.append(invalid(where.child("name"), name, "must be unique"))
        if name not in volumes:
            errors.append(not_found(where.child("name"), name))
        elif all(volumes[name].get(source) is None for source in _BLOCK_SOURCES):
            why = "can only use volume source type of PersistentVolumeClaim or Ephemeral for block mode"
            errors.append(invalid(where.child("name"), name, why))
        if not target:
            errors.append(required(where.child("devicePath")))
        if target in places:
            errors.append(invalid(where.child("devicePath"), target, "must be unique"))
        if target and no_back_steps(target, where):
            errors.append(invalid(where.child("devicePath"), target, "can not contain backsteps ('..')"))
        else:
            places.add(target)
        if any(mount.get("name", "") == name for mount in mounts):
            errors.append(invalid(where.child("name"), name, "must not already exist in volumeMounts"))
        if any(mount.get("mountPath", "") == target for mount in mounts):
            why = "must not already exist as a path in volumeMounts"
            errors.append(invalid(where.child("devicePath"), target, why))
        if name:
            names.add(name)
    return errors


def _propagation(container: Object, propagation: str, path: FieldPath) -> list[FieldError]:
    if propagation not in _PROPAGATIONS:
        return [not_supported(path, propagation, _PROPAGATIONS)]
    if propagation == "Bidirectional" and not (container.get("securityContext") or {}).get("privileged"):
        return [forbidden(path, "Bidirectional mount propagation is available only to privileged containers")]
    return []


def _recursive(mount: Object, path: FieldPath) -> list[FieldError]:
    how = mount["recursiveReadOnly"]
    if how not in _RECURSIVE:
        return [not_supported(path, how, _RECURSIVE)]
    if how == "Disabled":
        return []
    errors = []
    if not mount.get("readOnly"):
        errors.append(forbidden(path, "may only be specified when readOnly is true"))
    if mount.get("mountPropagation") not in (None, "None"):
        errors.append(forbidden(path, "may only be specified when mountPropagation is None or not specified"))
    return errors


def validate_storage_amount(amount: object, path: FieldPath) -> list[FieldError]:
    """More than nothing."""
    if quantity.parse(amount).nanos <= 0:
        return [invalid(path, quantity.canonical(amount), "must be greater than zero")]
    return []
