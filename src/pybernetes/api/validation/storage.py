"""Storage classes, and what drivers of volumes say: CSIDriver, CSINode, CSIStorageCapacity, VolumeAttachment..."""

from __future__ import annotations

from typing import Any

from pybernetes.api import quantity
from pybernetes.api.fields import (
    IMMUTABLE,
    ROOT,
    SPEC,
    STATUS,
    FieldError,
    FieldPath,
    duplicate,
    forbidden,
    invalid,
    required,
    too_long,
)
from pybernetes.api.names import is_dns1123_subdomain, is_qualified_name
from pybernetes.api.validation.labels import validate_label_selector
from pybernetes.api.validation.values import MAX_INT32, NOT_NEGATIVE, immutable, not_negative, one_of

Object = dict[str, Any]

_MAX_DRIVER_NAME = 63
_MAX_NODE_ID = 256
_MAX_ATTACHMENT_METADATA = 256 * 1024
_MAX_ERROR = 1024
_MAX_PARAMETERS, _MAX_PARAMETER_BYTES = 512, 256 * 1024
_SHORTEST_TOKEN, _LONGEST_TOKEN = 600, 1 << 32
_GROUP_POLICIES = ("File", "None", "ReadWriteOnceWithFSType")
_MODES = ("Persistent", "Ephemeral")


def driver_name(name: str, path: FieldPath) -> list[FieldError]:
    """The name that a CSI driver goes by."""
    if not name:
        return [required(path)]
    errors = [too_long(path, _MAX_DRIVER_NAME)] if len(name) > _MAX_DRIVER_NAME else []
    return errors + [invalid(path, name, why) for why in is_dns1123_subdomain(name.lower())]


def csi_driver(obj: Object) -> list[FieldError]:
    spec = obj.get("spec") or {}
    errors = [
        required(SPEC.child("attachedRequired" if field == "attachRequired" else field))
        for field in ("attachRequired", "podInfoOnMount", "storageCapacity")
        if spec.get(field) is None
    ]
    policy = spec.get("fsGroupPolicy")
    if policy is not None:
        errors.extend(one_of(policy, _GROUP_POLICIES, SPEC.child("fsGroupPolicy")))
    tokens = spec.get("tokenRequests") or []
    errors.extend(_token_requests(tokens, SPEC.child("tokenRequests")))
    for mode in spec.get("volumeLifecycleModes") or ():
        errors.extend(one_of(mode, _MODES, SPEC.child("volumeLifecycleModes")))
    if spec.get("seLinuxMount") is None:
        errors.append(required(SPEC.child("seLinuxMount")))
    period = spec.get("nodeAllocatableUpdatePeriodSeconds")
    if period is not None and period < 10:
        why = "must be greater than or equal to 10 seconds"
        errors.append(invalid(SPEC.child("nodeAllocatableUpdatePeriodSeconds"), period, why))
    in_secrets = spec.get("serviceAccountTokenInSecrets")
    if in_secrets is not None and not tokens:
        why = "serviceAccountTokenInSecrets is set but no tokenRequests are specified"
        errors.append(invalid(SPEC.child("serviceAccountTokenInSecrets"), in_secrets, why))
    return errors


def _token_requests(requests: list[Object], path: FieldPath) -> list[FieldError]:
    errors: list[FieldError] = []
    seen: set[str] = set()
    for position, request in enumerate(requests):
        audience, here = request.get("audience") or "", path.at(position)
        if audience in seen:
            errors.append(duplicate(here.child("audience"), audience))
            continue
        seen.add(audience)
        seconds, where = request.get("expirationSeconds"), here.child("expirationSeconds")
        if seconds is not None and seconds < _SHORTEST_TOKEN:
            errors.append(invalid(where, seconds, "may not specify a duration less than 10 minutes"))
        if seconds is not None and seconds > _LONGEST_TOKEN:
            errors.append(invalid(where, seconds, "may not specify a duration larger than 2^32 seconds"))
    return errors


def update_csi_driver(new: Object, old: Object, subresource: str) -> list[FieldError]:
    errors = csi_driver(new)
    after, before = new.get("spec") or {}, old.get("spec") or {}
    for field, shown in (
        ("attachRequired", "attachedRequired"),
        ("volumeLifecycleModes", "volumeLifecycleModes"),
    ):
        if after.get(field) != before.get(field):
            errors.append(invalid(SPEC.child(shown), after.get(field), IMMUTABLE))
    return errors


def csi_node(obj: Object) -> list[FieldError]:
    errors: list[FieldError] = []
    seen: set[str] = set()
    for position, driver in enumerate((obj.get("spec") or {}).get("drivers") or ()):
        path = SPEC.child("drivers").at(position)
        name, node_id = driver.get("name") or "", driver.get("nodeID") or ""
        errors.extend(driver_name(name, path.child("name")))
        if not node_id:
            errors.append(required(path.child("nodeID")))
        if len(node_id) > _MAX_NODE_ID:
            errors.append(
                invalid(path.child("nodeID"), node_id, f"must be {_MAX_NODE_ID} characters or less")
            )
        errors.extend(not_negative(driver.get("allocatable") or {}, "count", path.child("allocatable")))
        if name in seen:
            errors.append(duplicate(path.child("name"), name))
        seen.add(name)
        errors.extend(_topology_keys(driver.get("topologyKeys") or [], path))
    return errors


def _topology_keys(keys: list[str], path: FieldPath) -> list[FieldError]:
    errors: list[FieldError] = []
    for position, key in enumerate(keys):
        if not key:
            errors.append(required(path))
        if key in keys[:position]:
            errors.append(duplicate(path, key))
        errors.extend(invalid(path, key, why) for why in is_qualified_name(key))
    return errors


def update_csi_node(new: Object, old: Object, subresource: str) -> list[FieldError]:
    errors = csi_node(new)
    now = {one.get("name"): one for one in (new.get("spec") or {}).get("drivers") or ()}
    for before in (old.get("spec") or {}).get("drivers") or ():
        after = now.get(before.get("name"))
        if after is not None and _identity(after) != _identity(before):
            errors.append(invalid(SPEC.child("drivers"), after, IMMUTABLE))
    return errors


def _identity(driver: Object) -> Object:
    """A driver without what may change."""
    return {field: value for field, value in driver.items() if field != "allocatable"}


def storage_capacity(obj: Object) -> list[FieldError]:
    errors = validate_label_selector(obj.get("nodeTopology"), ROOT.child("nodeTopology"))
    name = obj.get("storageClassName") or ""
    errors.extend(invalid(ROOT.child("storageClassName"), name, why) for why in is_dns1123_subdomain(name))
    amount = obj.get("capacity")
    if amount is not None and quantity.nano_value(amount) < 0:
        errors.append(invalid(ROOT.child("capacity"), amount, NOT_NEGATIVE))
    return errors


def update_storage_capacity(new: Object, old: Object, subresource: str) -> list[FieldError]:
    return storage_capacity(new) + [
        error for field in ("nodeTopology", "storageClassName") for error in immutable(new, old, field, ROOT)
    ]


def volume_attachment(obj: Object) -> list[FieldError]:
    spec = obj.get("spec") or {}
    errors = driver_name(spec.get("attacher") or "", SPEC.child("attacher"))
    errors.extend(_attached(spec.get("source") or {}, SPEC.child("source")))
    node = spec.get("nodeName") or ""
    errors.extend(invalid(SPEC.child("nodeName"), node, why) for why in is_dns1123_subdomain(node))
    return errors + _attachment_status(obj.get("status") or {})


def _attached(source: Object, path: FieldPath) -> list[FieldError]:
    name, inline = source.get("persistentVolumeName"), source.get("inlineVolumeSpec")
    why = "must specify exactly one of inlineVolumeSpec and persistentVolumeName"
    if name is None and inline is None:
        return [required(path, why)]
    if name is not None and inline is not None:
        return [forbidden(path, why)]
    where = path.child("persistentVolumeName")
    errors = [required(where, "must specify non empty persistentVolumeName")] if name == "" else []
    return (
        errors + [invalid(where, name, why) for why in is_dns1123_subdomain(name)] if name is not None else []
    )


def _attachment_status(status: Object) -> list[FieldError]:
    errors: list[FieldError] = []
    metadata = status.get("attachmentMetadata") or {}
    if sum(len(key) + len(value) for key, value in metadata.items()) > _MAX_ATTACHMENT_METADATA:
        errors.append(too_long(STATUS.child("attachmentMetadata"), _MAX_ATTACHMENT_METADATA))
    for field in ("attachError", "detachError"):
        error, path = status.get(field), STATUS.child(field)
        if error is None:
            continue
        if len(error.get("message") or "") > _MAX_ERROR:
            errors.append(too_long(path.child("message"), _MAX_ATTACHMENT_METADATA))
        code = error.get("errorCode")
        if code is not None and code < 0:
            why = f"must be between 0 and {MAX_INT32}, inclusive"
            errors.append(invalid(path.child("errorCode"), code, why))
    return errors


def update_volume_attachment(new: Object, old: Object, subresource: str) -> list[FieldError]:
    return volume_attachment(new) + immutable(new, old, "spec", ROOT, "VolumeAttachmentSpec")


def attributes_class(obj: Object) -> list[FieldError]:
    name = (obj.get("driverName") or "").lower()
    errors = [] if name else [required(ROOT.child("driverName"))]
    if name:
        errors.extend(invalid(ROOT.child("driverName"), name, why) for why in is_qualified_name(name))
    parameters, where = obj.get("parameters") or {}, ROOT.child("parameters")
    if len(parameters) > _MAX_PARAMETERS:
        return [*errors, too_long(where, _MAX_PARAMETERS)]
    if "" in parameters:
        errors.append(invalid(where, "", "field can not be empty."))
    if sum(len(key) + len(value) for key, value in parameters.items()) > _MAX_PARAMETER_BYTES:
        errors.append(too_long(where, _MAX_PARAMETER_BYTES))
    if not parameters:
        errors.append(required(where, "must contain at least one key/value pair"))
    return errors


def update_attributes_class(new: Object, old: Object, subresource: str) -> list[FieldError]:
    errors = [
        forbidden(ROOT.child(field), f"updates to {field} are forbidden.")
        for field in ("driverName", "parameters")
        if new.get(field) != old.get(field)
    ]
    return errors + attributes_class(new)


def storage_class(obj: Object) -> list[FieldError]:
    errors: list[FieldError] = []
    provisioner = (obj.get("provisioner") or "").lower()
    if not provisioner:
        errors.append(required(ROOT.child("provisioner")))
    else:
        where = ROOT.child("provisioner")
        errors.extend(invalid(where, provisioner, why) for why in is_qualified_name(provisioner))
    if obj.get("reclaimPolicy"):
        errors.extend(one_of(obj["reclaimPolicy"], ("Delete", "Retain"), ROOT.child("reclaimPolicy")))
    mode, choices = obj.get("volumeBindingMode"), ("Immediate", "WaitForFirstConsumer")
    if mode is None:
        errors.append(required(ROOT.child("volumeBindingMode")))
    else:
        errors.extend(one_of(mode, choices, ROOT.child("volumeBindingMode")))
    return errors + _topologies(obj.get("allowedTopologies") or [], ROOT.child("allowedTopologies"))


def _topologies(terms: list[Object], path: FieldPath) -> list[FieldError]:
    """Terms of labels and their values; no term says what another one says, or nothing."""
    errors: list[FieldError] = []
    before: list[dict[str, frozenset[str]]] = [{} for _ in terms]
    for position, term in enumerate(terms):
        where = path.at(position).child("matchLabelExpressions")
        found: dict[str, frozenset[str]] = {}
        for number, requirement in enumerate(term.get("matchLabelExpressions") or ()):
            key, values, here = (
                requirement.get("key") or "",
                requirement.get("values") or [],
                where.at(number),
            )
            if not values:
                errors.append(required(here.child("values")))
            errors.extend(
                duplicate(here.child("values").at(at), value)
                for at, value in enumerate(values)
                if value in values[:at]
            )
            errors.extend(invalid(here.child("key"), key, why) for why in is_qualified_name(key))
            if key in found:
                errors.append(duplicate(here.child("key"), key))
            found[key] = frozenset(values)
        errors.extend(duplicate(where, "") for other in before if other == found)
        before.append(found)
    return errors


def update_storage_class(new: Object, old: Object, subresource: str) -> list[FieldError]:
    texts = [error for field in ("provisioner", "reclaimPolicy") for error in _same_text(new, old, field)]
    parameters = immutable(new, old, "parameters", ROOT)
    return storage_class(new) + parameters + texts + immutable(new, old, "volumeBindingMode", ROOT)


def _same_text(new: Object, old: Object, field: str) -> list[FieldError]:
    """A text that stays, and that is an empty one rather than nothing at all."""
    return immutable({field: new.get(field) or ""}, {field: old.get(field) or ""}, field, ROOT)


CREATE = {
    "CSIDriver": csi_driver,
    "CSINode": csi_node,
    "CSIStorageCapacity": storage_capacity,
    "StorageClass": storage_class,
    "VolumeAttachment": volume_attachment,
    "VolumeAttributesClass": attributes_class,
}

UPDATE = {
    "CSIDriver": update_csi_driver,
    "CSINode": update_csi_node,
    "CSIStorageCapacity": update_storage_capacity,
    "StorageClass": update_storage_class,
    "VolumeAttachment": update_volume_attachment,
    "VolumeAttributesClass": update_attributes_class,
}
