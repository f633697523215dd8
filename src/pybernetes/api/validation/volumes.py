"""Volumes of a pod, and what containers mount of them."""

from __future__ import annotations

import posixpath
from collections.abc import Collection
from typing import Any

from pybernetes.api import quantity
from pybernetes.api.fields import (
    FieldError,
    FieldPath,
    duplicate,
    forbidden,
    invalid,
    not_found,
    not_supported,
    required,
)
from pybernetes.api.names import is_dns1123_label, is_dns1123_subdomain
from pybernetes.api.validation.environment import VOLUME_FIELDS, validate_field_ref, validate_resource_ref

Object = dict[str, Any]

_MODE = "must be a number between 0 and 0777 (octal), both inclusive"
_HOST_PATH_TYPES = (
    "",
    "BlockDevice",
    "CharDevice",
    "Directory",
    "DirectoryOrCreate",
    "File",
    "FileOrCreate",
    "Socket",
)
_PROJECTIONS = (
    "secret",
    "configMap",
    "downwardAPI",
    "serviceAccountToken",
    "clusterTrustBundle",
    "podCertificate",
)
_NOT_SOURCES = frozenset(("name",))


def validate_volumes(volumes: list[Object], path: FieldPath) -> list[FieldError]:
    errors: list[FieldError] = []
    names: set[str] = set()
    for position, volume in enumerate(volumes):
        where = path.at(position)
        name = volume.get("name") or ""
        errors.extend(_validate_source(volume, where))
        if not name:
            errors.append(required(where.child("name")))
        else:
            errors.extend(invalid(where.child("name"), name, why) for why in is_dns1123_label(name))
            if name in names:
                errors.append(duplicate(where.child("name"), name))
            names.add(name)
    return errors


def _validate_source(volume: Object, path: FieldPath) -> list[FieldError]:
    errors: list[FieldError] = []
    sources = [field for field in volume if field not in _NOT_SOURCES and volume[field] is not None]
    if not sources:
        return [required(path, "must specify a volume type")]
    errors.extend(
        forbidden(path.child(one), "may not specify more than 1 volume type") for one in sources[1:]
    )
    kind = sources[0]
    source, where = volume[kind], path.child(kind)
    check = _CHECKS.get(kind)
    if check is not None:
        errors.extend(check(source, where))
    return errors


def validate_host_path(source: Object, path: FieldPath) -> list[FieldError]:
    host = source.get("path") or ""
    if not host:
        return [required(path.child("path"))]
    errors = _no_back_steps(host, path.child("path"))
    if (source.get("type") or "") not in _HOST_PATH_TYPES:
        errors.append(not_supported(path.child("type"), source.get("type"), _HOST_PATH_TYPES))
    return errors


def _empty_dir(source: Object, path: FieldPath) -> list[FieldError]:
    limit = source.get("sizeLimit")
    if limit is not None and quantity.parse(limit).nanos < 0:
        return [forbidden(path.child("sizeLimit"), "SizeLimit field must be a valid resource quantity")]
    return []


def _secret(source: Object, path: FieldPath) -> list[FieldError]:
    errors = [] if source.get("secretName") else [required(path.child("secretName"))]
    return errors + _modes_and_items(source, path)


def _config_map(source: Object, path: FieldPath) -> list[FieldError]:
    errors = [] if source.get("name") else [required(path.child("name"))]
    return errors + _modes_and_items(source, path)


def _modes_and_items(source: Object, path: FieldPath) -> list[FieldError]:
    errors = _mode(source.get("defaultMode"), path.child("defaultMode"))
    for position, item in enumerate(source.get("items") or ()):
        where = path.child("items").at(position)
        if not item.get("key"):
            errors.append(required(where.child("key")))
        errors.extend(_relative(item.get("path") or "", where.child("path"), needed=True))
        errors.extend(_mode(item.get("mode"), where.child("mode")))
    return errors


def _mode(mode: int | None, path: FieldPath) -> list[FieldError]:
    return [invalid(path, mode, _MODE)] if mode is not None and not 0 <= mode <= 0o777 else []


def _downward(source: Object, path: FieldPath) -> list[FieldError]:
    errors = _mode(source.get("defaultMode"), path.child("defaultMode"))
    for position, item in enumerate(source.get("items") or ()):
        where = path.child("items").at(position)
        errors.extend(_relative(item.get("path") or "", where.child("path"), needed=True))
        if item.get("fieldRef") is not None:
            if item.get("resourceFieldRef") is not None:
                why = "fieldRef and resourceFieldRef can not be specified simultaneously"
                errors.append(invalid(where, "resource", why))
            errors.extend(validate_field_ref(item["fieldRef"], VOLUME_FIELDS, where.child("fieldRef")))
        elif item.get("resourceFieldRef") is not None:
            place = where.child("resourceFieldRef")
            errors.extend(validate_resource_ref(item["resourceFieldRef"], place, in_volume=True))
        else:
            errors.append(required(where, "one of fieldRef and resourceFieldRef is required"))
        errors.extend(_mode(item.get("mode"), where.child("mode")))
    return errors


def _projected(source: Object, path: FieldPath) -> list[FieldError]:
    errors = _mode(source.get("defaultMode"), path.child("defaultMode"))
    for position, one in enumerate(source.get("sources") or ()):
        where = path.child("sources").at(position)
        found = [kind for kind in _PROJECTIONS if one.get(kind) is not None]
        if not found:
            errors.append(required(where, "must specify a volume type"))
        errors.extend(
            forbidden(where.child(kind), "may not specify more than 1 volume type") for kind in found[1:]
        )
        for kind in found[:1]:
            inner, place = one[kind], where.child(kind)
            if kind in ("secret", "configMap"):
                if not inner.get("name"):
                    errors.append(required(place.child("name")))
                errors.extend(_modes_and_items(inner, place))
            elif kind == "downwardAPI":
                errors.extend(_downward(inner, place))
            elif kind == "serviceAccountToken":
                errors.extend(_token(inner, place))
    return errors


def _token(source: Object, path: FieldPath) -> list[FieldError]:
    errors: list[FieldError] = []
    seconds = source.get("expirationSeconds")
    if seconds is not None and seconds < 600:
        why = "may not specify a duration less than 10 minutes"
        errors.append(invalid(path.child("expirationSeconds"), seconds, why))
    if seconds is not None and seconds > 1 << 32:
        why = "may not specify a duration larger than 2^32 seconds"
        errors.append(invalid(path.child("expirationSeconds"), seconds, why))
    if not source.get("path"):
        errors.append(required(path.child("path")))
    return errors


def _claim(source: Object, path: FieldPath) -> list[FieldError]:
    return [] if source.get("claimName") else [required(path.child("claimName"))]


def _nfs(source: Object, path: FieldPath) -> list[FieldError]:
    errors = [required(path.child(field)) for field in ("server", "path") if not source.get(field)]
    if source.get("path") and not source["path"].startswith("/"):
        errors.append(invalid(path.child("path"), source["path"], "must be an absolute path"))
    return errors


def _csi(source: Object, path: FieldPath) -> list[FieldError]:
    driver = source.get("driver") or ""
    if not driver:
        return [required(path.child("driver"))]
    return [invalid(path.child("driver"), driver, why) for why in is_dns1123_subdomain(driver.lower())]


_CHECKS = {
    "configMap": _config_map,
    "csi": _csi,
    "downwardAPI": _downward,
    "emptyDir": _empty_dir,
    "hostPath": validate_host_path,
    "nfs": _nfs,
    "persistentVolumeClaim": _claim,
    "projected": _projected,
    "secret": _secret,
}


def _no_back_steps(target: str, path: FieldPath) -> list[FieldError]:
    return [invalid(path, target, "must not contain '..'")] if ".." in target.split("/") else []


def _relative(target: str, path: FieldPath, needed: bool = False) -> list[FieldError]:
    if needed and not target:
        return [required(path)]
    errors: list[FieldError] = []
    if posixpath.isabs(target):
        errors.append(invalid(path, target, "must be a relative path"))
    errors.extend(_no_back_steps(target, path))
    if needed and target.startswith("..") and not target.startswith("../") and target != "..":
        errors.append(invalid(path, target, "must not start with '..'"))
    return errors


def validate_mounts(
    container: Object, volumes: Collection[str], path: FieldPath, devices: Collection[str] = ()
) -> list[FieldError]:
    """`volumeMounts` and `volumeDevices` of a container; `volumes` are the names that the pod has."""
    errors: list[FieldError] = []
    places: set[str] = set()
    for position, mount in enumerate(container.get("volumeMounts") or ()):
        where = path.child("volumeMounts").at(position)
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
        for field in ("subPath", "subPathExpr"):
            if mount.get(field):
                errors.extend(_relative(mount[field], where.child(field)))
        if mount.get("subPath") and mount.get("subPathExpr"):
            errors.append(
                invalid(
                    where.child("subPathExpr"),
                    mount["subPathExpr"],
                    "subPathExpr and subPath are mutually exclusive",
                )
            )
        propagation = mount.get("mountPropagation")
        if propagation is not None:
            errors.extend(_propagation(container, propagation, where.child("mountPropagation")))
    for position, device in enumerate(container.get("volumeDevices") or ()):
        where = path.child("volumeDevices").at(position)
        if not device.get("name"):
            errors.append(required(where.child("name")))
        if not device.get("devicePath"):
            errors.append(required(where.child("devicePath")))
        if device.get("name") not in volumes:
            errors.append(not_found(where.child("name"), device.get("name") or ""))
    return errors


_PROPAGATIONS = ("Bidirectional", "HostToContainer", "None")


def _propagation(container: Object, propagation: str, path: FieldPath) -> list[FieldError]:
    if propagation not in _PROPAGATIONS:
        return [not_supported(path, propagation, _PROPAGATIONS)]
    if propagation == "Bidirectional" and not (container.get("securityContext") or {}).get("privileged"):
        return [forbidden(path, "Bidirectional mount propagation is available only to privileged containers")]
    return []


def validate_storage_amount(amount: object, path: FieldPath) -> list[FieldError]:
    """More than nothing."""
    if quantity.parse(amount).nanos <= 0:
        return [invalid(path, quantity.canonical(amount), "must be greater than zero")]
    return []
