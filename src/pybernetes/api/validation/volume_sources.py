"""Where volumes come from: the sources of a pod's volumes and of persistent volumes, one check each.

`PERSISTENT` names those that a persistent volume may have, in the order in which they are looked at; `check_sources`
allows one of them. What pods have in addition, with files from the API, is in `file_sources.py`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from pybernetes.api import quantity
from pybernetes.api.fields import FieldError, FieldPath, forbidden, invalid, not_supported, required, too_long
from pybernetes.api.names import is_dns1123_label, is_dns1123_subdomain
from pybernetes.api.validation.paths import descending, no_back_steps

Object = dict[str, Any]
Check = Callable[[Object, FieldPath], list[FieldError]]

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
_IQN = re.compile(r"iqn\.\d{4}-\d{2}\.([a-z0-9-.]+)(:([^,;*&$|\s]+))$")
_EUI = re.compile(r"eui.[a-z0-9]{16}$", re.IGNORECASE)
_NAA = re.compile(r"naa.[a-z0-9]{32}$", re.IGNORECASE)
_PARTITION = "must be between 1 and 255, inclusive"
_BYTE = "must be between 0 and 255, inclusive"
_REGISTRY = "must be a host:port pair or multiple pairs separated by commas"
_LONGEST_TARGET = 64
_CACHING = ("None", "ReadOnly", "ReadWrite")
_DISKS = ("Dedicated", "Managed", "Shared")
_MANAGED_DISK = (
    "/subscriptions/{sub-id}/resourcegroups/{group-name}/providers/microsoft.compute/disks/{disk-id}"
)
_BLOB_DISK = "https://{account-name}.blob.core.windows.net/{container-name}/{disk-name}.vhd"


_SPELT = {"cephfs": "cephFS", "downwardAPI": "downwarAPI"}
"""Sources that upstream spells in another way where they are too many."""


def check_sources(
    holder: Object, checks: Mapping[str, Check], path: FieldPath, renamed: Mapping[str, str]
) -> list[FieldError]:
    """One source, and that one sound. `renamed` are the fields that errors spell in another way."""
    errors: list[FieldError] = []
    found = [source for source in checks if holder.get(source) is not None]
    if not found:
        return [required(path, "must specify a volume type")]
    first = found[0]
    errors.extend(checks[first](holder[first], path.child(renamed.get(first, first))))
    errors.extend(
        forbidden(path.child(_SPELT.get(other, other)), "may not specify more than 1 volume type")
        for other in found[1:]
    )
    return errors


def needs(*fields: str) -> Check:
    """A source of which these fields have to be set."""

    def check(source: Object, path: FieldPath) -> list[FieldError]:
        return [required(path.child(field)) for field in fields if not source.get(field)]

    return check


def host_path(source: Object, path: FieldPath) -> list[FieldError]:
    host = source.get("path") or ""
    if not host:
        return [required(path.child("path"))]
    errors = no_back_steps(host, path.child("path"))
    kind = source.get("type")
    if kind is not None and kind not in _HOST_PATH_TYPES:
        errors.append(not_supported(path.child("type"), kind, _HOST_PATH_TYPES))
    return errors


def empty_dir(source: Object, path: FieldPath) -> list[FieldError]:
    limit = source.get("sizeLimit")
    if limit is not None and quantity.parse(limit).nanos < 0:
        return [forbidden(path.child("sizeLimit"), "SizeLimit field must be a valid resource quantity")]
    return []


def git_repo(source: Object, path: FieldPath) -> list[FieldError]:
    errors = [] if source.get("repository") else [required(path.child("repository"))]
    return errors + descending(source.get("directory") or "", path.child("directory"))


def _partitioned(name: str) -> Check:
    def check(source: Object, path: FieldPath) -> list[FieldError]:
        errors = [] if source.get(name) else [required(path.child(name))]
        partition = source.get("partition") or 0
        if not 0 <= partition <= 255:
            errors.append(invalid(path.child("partition"), partition, _PARTITION))
        return errors

    return check


gce_disk = _partitioned("pdName")
aws_store = _partitioned("volumeID")


def nfs(source: Object, path: FieldPath) -> list[FieldError]:
    errors = needs("server", "path")(source, path)
    exported = source.get("path") or ""
    if not exported.startswith("/"):
        errors.append(invalid(path.child("path"), exported, "must be an absolute path"))
    return errors


def _iscsi_name(name: str, path: FieldPath, otherwise: str) -> list[FieldError]:
    if not name.startswith(("iqn", "eui", "naa")):
        return [invalid(path, name, otherwise)]
    form = {"iqn": _IQN, "eui": _EUI, "naa": _NAA}[name[:3]]
    return [] if form.match(name) else [invalid(path, name, "must be valid format")]


def _iscsi(source: Object, path: FieldPath, otherwise: str) -> list[FieldError]:
    errors: list[FieldError] = []
    name = source.get("iqn") or ""
    errors.extend(_iscsi_name(name, path.child("iqn"), otherwise) if name else [required(path.child("iqn"))])
    number = source.get("lun") or 0
    if not 0 <= number <= 255:
        errors.append(invalid(path.child("lun"), number, _BYTE))
    if (source.get("chapAuthDiscovery") or source.get("chapAuthSession")) and source.get("secretRef") is None:
        errors.append(required(path.child("secretRef")))
    return errors


_ISCSI_STARTS = "must be valid format starting with iqn, eui, or naa"


def iscsi(source: Object, path: FieldPath) -> list[FieldError]:
    errors = needs("targetPortal")(source, path) + _iscsi(source, path, _ISCSI_STARTS)
    if source.get("initiatorName") is not None:
        errors += _iscsi_name(source["initiatorName"], path.child("initiatorname"), _ISCSI_STARTS)
    return errors


def iscsi_target_too_long(source: Object, name: str) -> str:
    """What is wrong, "" when nothing is. `name` is the volume's, which becomes a part of the initiator's."""
    portal = source.get("targetPortal") or ""
    if source.get("initiatorName") is None or len(f"{name}:{portal}") <= _LONGEST_TARGET:
        return ""
    return (
        "Total length of <volume name>:<iscsi.targetPortal> must be under 64 characters if iscsi.initiatorName is "
        "specified."
    )


def persistent_iscsi(source: Object, path: FieldPath) -> list[FieldError]:
    errors = needs("targetPortal")(source, path) + _iscsi(source, path, "must be valid format")
    if source.get("secretRef") is not None:
        errors += needs("name")(source["secretRef"], path.child("secretRef"))
    if source.get("initiatorName") is not None:
        name = source["initiatorName"]
        errors += _iscsi_name(name, path.child("initiatorname"), "must be valid format")
    return errors


def fc(source: Object, path: FieldPath) -> list[FieldError]:
    names, identifiers, number = source.get("targetWWNs"), source.get("wwids"), source.get("lun")
    errors: list[FieldError] = []
    if not names and not identifiers:
        why = "must specify either targetWWNs or wwids, but not both"
        errors.append(required(path.child("targetWWNs"), why))
    if names and identifiers:
        why = "targetWWNs and wwids can not be specified simultaneously"
        errors.append(invalid(path.child("targetWWNs"), names, why))
    if names and number is None:
        errors.append(required(path.child("lun"), "lun is required if targetWWNs is specified"))
    elif names and number is not None and not 0 <= number <= 255:
        errors.append(invalid(path.child("lun"), number, _BYTE))
    return errors


def quobyte(source: Object, path: FieldPath) -> list[FieldError]:
    registry, tenant = source.get("registry") or "", source.get("tenant") or ""
    errors: list[FieldError] = []
    if not registry:
        errors.append(required(path.child("registry"), _REGISTRY))
    elif len(tenant) >= 65:
        why = "must be a UUID and may not exceed a length of 64 characters"
        errors.append(required(path.child("tenant"), why))
    else:
        pairs = [pair for pair in registry.split(",") if pair.rpartition("]")[2].count(":") != 1]
        errors.extend(invalid(path.child("registry"), registry, _REGISTRY) for _ in pairs)
    if not source.get("volume"):
        errors.append(required(path.child("volume")))
    return errors


def persistent_glusterfs(source: Object, path: FieldPath) -> list[FieldError]:
    errors = needs("endpoints", "path")(source, path)
    namespace, where = source.get("endpointsNamespace"), path.child("endpointsNamespace")
    if namespace == "":
        why = "if the endpointnamespace is set, it must be a valid namespace name"
        errors.append(invalid(where, namespace, why))
    elif namespace is not None:
        errors.extend(invalid(where, namespace, why) for why in is_dns1123_label(namespace))
    return errors


def flocker(source: Object, path: FieldPath) -> list[FieldError]:
    name, identifier = source.get("datasetName") or "", source.get("datasetUUID") or ""
    errors: list[FieldError] = []
    if not name and not identifier:
        errors.append(required(path, "one of datasetName and datasetUUID is required"))
    if name and identifier:
        why = "datasetName and datasetUUID can not be specified simultaneously"
        errors.append(invalid(path, "resource", why))
    if "/" in name:
        errors.append(invalid(path.child("datasetName"), name, "must not contain '/'"))
    return errors


def _with_secret(field: str, *parts: str) -> Check:
    def check(source: Object, path: FieldPath) -> list[FieldError]:
        errors = needs(field)(source, path)
        if source.get("secretRef") is not None:
            errors += needs(*parts)(source["secretRef"], path.child("secretRef"))
        return errors

    return check


def flex_volume(source: Object, path: FieldPath) -> list[FieldError]:
    errors = needs("driver")(source, path)
    for key in source.get("options") or ():
        if f".{key.partition('/')[0].lower()}".endswith((".kubernetes.io", ".k8s.io")):
            why = "kubernetes.io and k8s.io namespaces are reserved"
            errors.append(invalid(path.child("options").key(key), key, why))
    return errors


def persistent_azure_file(source: Object, path: FieldPath) -> list[FieldError]:
    errors = needs("secretName", "shareName")(source, path)
    return (
        [*errors, required(path.child("secretNamespace"))] if source.get("secretNamespace") == "" else errors
    )


def azure_disk(source: Object, path: FieldPath) -> list[FieldError]:
    errors = needs("diskName", "diskURI")(source, path)
    address, caching, kind = source.get("diskURI") or "", source.get("cachingMode"), source.get("kind")
    if caching is not None and caching not in _CACHING:
        errors.append(not_supported(path.child("cachingMode"), caching, _CACHING))
    if kind is not None and kind not in _DISKS:
        errors.append(not_supported(path.child("kind"), kind, _DISKS))
    if kind == "Managed" and not address.startswith("/subscriptions/"):
        errors.append(not_supported(path.child("diskURI"), address, (_MANAGED_DISK,)))
    if kind not in (None, "Managed") and not address.startswith("https://"):
        errors.append(not_supported(path.child("diskURI"), address, (_BLOB_DISK,)))
    return errors


def local(source: Object, path: FieldPath) -> list[FieldError]:
    if not source.get("path"):
        return [required(path.child("path"))]
    return no_back_steps(source["path"], path.child("path"))


def _storage_os(*parts: str) -> Check:
    def check(source: Object, path: FieldPath) -> list[FieldError]:
        name, namespace = source.get("volumeName") or "", source.get("volumeNamespace") or ""
        errors = needs("volumeName")(source, path)
        if name:
            errors += [invalid(path.child("volumeName"), name, why) for why in is_dns1123_label(name)]
        if namespace:
            where = path.child("volumeNamespace")
            errors += [invalid(where, namespace, why) for why in is_dns1123_label(namespace)]
        if source.get("secretRef") is not None:
            errors += needs(*parts)(source["secretRef"], path.child("secretRef"))
        return errors

    return check


def csi_driver(name: str, path: FieldPath) -> list[FieldError]:
    if not name:
        return [required(path)]
    errors = [too_long(path, 63)] if len(name) > 63 else []
    return errors + [invalid(path, name, why) for why in is_dns1123_subdomain(name.lower())]


def csi(source: Object, path: FieldPath) -> list[FieldError]:
    errors = csi_driver(source.get("driver") or "", path.child("driver"))
    if source.get("nodePublishSecretRef") is not None:
        name = source["nodePublishSecretRef"].get("name") or ""
        if not name:
            errors.append(required(path.child("nodePublishSecretRef", "name")))
        else:
            errors += [invalid(path.child("name"), name, why) for why in is_dns1123_subdomain(name)]
    return errors


def persistent_csi(source: Object, path: FieldPath) -> list[FieldError]:
    errors = csi_driver(source.get("driver") or "", path.child("driver"))
    errors += needs("volumeHandle")(source, path)
    for field in (
        "controllerPublishSecretRef",
        "controllerExpandSecretRef",
        "nodePublishSecretRef",
        "nodeExpandSecretRef",
    ):
        if source.get(field) is not None:
            errors += _secret_reference(source[field], path.child(field))
    return errors


def _secret_reference(reference: Object, path: FieldPath) -> list[FieldError]:
    errors: list[FieldError] = []
    for field, rule in (("name", is_dns1123_subdomain), ("namespace", is_dns1123_label)):
        value, where = reference.get(field) or "", path.child(field)
        errors += [invalid(where, value, why) for why in rule(value)] if value else [required(where)]
    return errors


SHARED: dict[str, Check] = {
    "rbd": needs("monitors", "image"),
    "cephfs": needs("monitors"),
    "vsphereVolume": needs("volumePath"),
    "photonPersistentDisk": needs("pdID"),
    "portworxVolume": needs("volumeID"),
    "scaleIO": needs("gateway", "system", "volumeName"),
}
PERSISTENT: dict[str, Check] = {
    "hostPath": host_path,
    "gcePersistentDisk": gce_disk,
    "awsElasticBlockStore": aws_store,
    "glusterfs": persistent_glusterfs,
    "flocker": flocker,
    "nfs": nfs,
    "rbd": SHARED["rbd"],
    "quobyte": quobyte,
    "cephfs": SHARED["cephfs"],
    "iscsi": persistent_iscsi,
    "cinder": _with_secret("volumeID", "name", "namespace"),
    "fc": fc,
    "flexVolume": flex_volume,
    "azureFile": persistent_azure_file,
    "vsphereVolume": SHARED["vsphereVolume"],
    "photonPersistentDisk": SHARED["photonPersistentDisk"],
    "portworxVolume": SHARED["portworxVolume"],
    "azureDisk": azure_disk,
    "scaleIO": SHARED["scaleIO"],
    "local": local,
    "storageos": _storage_os("name", "namespace"),
    "csi": persistent_csi,
}
cinder = _with_secret("volumeID", "name")
storage_os = _storage_os("name")
glusterfs = needs("endpoints", "path")
azure_file = needs("secretName", "shareName")
persistent_claim = needs("claimName")
RENAMED = {"gcePersistentDisk": "persistentDisk"}
