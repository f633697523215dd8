"""Resource slices: the devices that a driver publishes, what they are like, and the counters that they share."""

from __future__ import annotations

import itertools
import re
from typing import Any

from pybernetes.api import quantity
from pybernetes.api.fields import (
    SPEC,
    FieldError,
    FieldPath,
    Inside,
    duplicate,
    forbidden,
    invalid,
    not_found,
    required,
    too_long,
    too_many,
)
from pybernetes.api.names import is_dns1123_label, is_dns1123_subdomain
from pybernetes.api.resource_names import is_native
from pybernetes.api.validation.devicenames import (
    binding_parameters,
    each,
    named,
    pool_name,
    qualified_name,
    taint,
)
from pybernetes.api.validation.placement import validate_node_selector
from pybernetes.api.validation.storage import driver_name
from pybernetes.api.validation.values import immutable

Object = dict[str, Any]

_MOST_DEVICES, _MOST_ADVANCED = 128, 64
_MOST_SETS, _MOST_COUNTERS, _MOST_CONSUMED, _MOST_TAINTS = 8, 32, 2, 16
_MOST_ATTRIBUTES, _MOST_VALUES, _LONGEST_VALUE, _MOST_OPTIONS = 32, 48, 64, 10
_LISTS = ("bools", "ints", "strings", "versions")
_NODES = ("nodeName", "nodeSelector", "allNodes")
_ONE_OF = "exactly one of `nodeName`, `nodeSelector`, `allNodes`, `perDeviceNodeSelection` is required"
_ONE_OF_DEVICE = (
    "exactly one of `nodeName`, `nodeSelector`, or `allNodes` is required when `perDeviceNodeSelection` is set to true "
    "in the ResourceSlice spec"
)
_NUMBER, _PRE, _BUILD = r"(0|[1-9]\d*)", r"(0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*)", "[0-9a-zA-Z-]+"
_version = re.compile(
    rf"{_NUMBER}\.{_NUMBER}\.{_NUMBER}(-{_PRE}(\.{_PRE})*)?(\+{_BUILD}(\.{_BUILD})*)?", re.ASCII
).fullmatch


def resource_slice(obj: Object, old: Object | None = None) -> list[FieldError]:
    spec, before = obj.get("spec") or {}, (old or {}).get("spec") or {}
    errors = driver_name(spec.get("driver") or "", SPEC.child("driver"))
    errors.extend(_pool(spec.get("pool") or {}, SPEC.child("pool")))
    if old is not None:
        pools = spec.get("pool") or {}, before.get("pool") or {}
        errors.extend(immutable(*pools, "name", SPEC.child("pool")))
        errors.extend(immutable(spec, before, "driver", SPEC) + immutable(spec, before, "nodeName", SPEC))
    errors.extend(_places(spec))
    if spec.get("sharedCounters") is not None and spec.get("devices") is not None:
        errors.append(invalid(SPEC, "", "only one of `sharedCounters` or `devices` is allowed"))
    devices = spec.get("devices") or []
    earlier = {one.get("name"): one for one in before.get("devices") or ()}
    alone = bool(spec.get("perDeviceNodeSelection"))
    most = _MOST_ADVANCED if any(map(_is_advanced, devices)) else _MOST_DEVICES

    def device(one: Object, path: FieldPath) -> list[FieldError]:
        return _device(one, earlier.get(one.get("name")), alone, path)

    errors.extend(named(devices, most, SPEC.child("devices"), device))
    where = SPEC.child("sharedCounters")
    return errors + named(spec.get("sharedCounters") or [], _MOST_SETS, where, _counter_set)


def _is_advanced(device: Object) -> bool:
    lists = any(
        one.get(field) is not None for one in (device.get("attributes") or {}).values() for field in _LISTS
    )
    return bool(device.get("taints") or device.get("consumesCounters") or lists)


def _pool(pool: Object, path: FieldPath) -> list[FieldError]:
    errors = pool_name(pool.get("name") or "", path.child("name"))
    count, generation = pool.get("resourceSliceCount") or 0, pool.get("generation") or 0
    if count <= 0:
        errors.append(invalid(path.child("resourceSliceCount"), count, "must be greater than zero"))
    if generation < 0:
        why = "must be greater than or equal to zero"
        errors.append(invalid(path.child("generation"), generation, why))
    return errors


def _node(name: str, path: FieldPath) -> list[FieldError]:
    return [invalid(path, name, why) for why in is_dns1123_subdomain(name)]


def _places(spec: Object) -> list[FieldError]:
    """Where the devices of the whole slice are."""
    errors: list[FieldError] = []
    chosen = []
    name, selector = spec.get("nodeName"), spec.get("nodeSelector")
    if name == "":
        errors.append(
            invalid(SPEC.child("nodeName"), name, "must be either unset or set to a non-empty string")
        )
    elif name is not None:
        chosen.append("`nodeName`")
        errors.extend(_node(name, SPEC.child("nodeName")))
    if selector is not None:
        chosen.append("`nodeSelector`")
        where, terms = SPEC.child("nodeSelector"), selector.get("nodeSelectorTerms") or []
        errors.extend(validate_node_selector(selector, where))
        if len(terms) != 1:
            shown = selector.get("nodeSelectorTerms")
            why = "must have exactly one node selector term"
            errors.append(invalid(where.child("nodeSelectorTerms"), shown, why))
    for field in ("allNodes", "perDeviceNodeSelection"):
        if spec.get(field):
            chosen.append(f"`{field}`")
        elif spec.get(field) is not None:
            errors.append(invalid(SPEC.child(field), False, "must be either unset or set to true"))
    if not chosen:
        errors.append(required(SPEC, _ONE_OF))
    elif len(chosen) > 1:
        why = f"{_ONE_OF}, but multiple fields are set"
        errors.append(invalid(SPEC, "{" + ", ".join(chosen) + "}", why))
    return errors


def _device(device: Object, old: Object | None, alone: bool, path: FieldPath) -> list[FieldError]:
    name = device.get("name") or ""
    errors = [invalid(path.child("name"), name, why) for why in is_dns1123_label(name)]
    attributes, capacity = device.get("attributes") or {}, device.get("capacity") or {}
    total = len(attributes) + len(capacity)
    if total > _MOST_ATTRIBUTES:
        why = f"the total number of attributes and capacities must not exceed {_MOST_ATTRIBUTES}"
        errors.append(invalid(path, total, why))
    values = sum(sum(len(one.get(field) or ()) for field in _LISTS) or 1 for one in attributes.values())
    if values > _MOST_VALUES:
        why = f"the total number of attribute values must not exceed {_MOST_VALUES}"
        errors.append(invalid(path, values, why))
    where = path.child("attributes")
    for key, attribute in attributes.items():
        errors.extend(qualified_name(key, where) + _attribute(attribute, where.key(key)))
    where = path.child("capacity")
    for key, amount in capacity.items():
        errors.extend(qualified_name(key, where))
        policy, here = amount.get("requestPolicy"), where.key(key).child("requestPolicy")
        if policy is not None and device.get("allowMultipleAllocations"):
            errors.extend(_policy(amount.get("value") or "0", policy, here))
        elif policy is not None:
            errors.append(forbidden(here, "allowMultipleAllocations must be true"))
    if old is None or old.get("taints") != device.get("taints"):
        errors.extend(each(device.get("taints") or [], _MOST_TAINTS, path.child("taints"), taint))
    where = path.child("consumesCounters")
    consumed = device.get("consumesCounters") or []
    errors.extend(named(consumed, _MOST_CONSUMED, where, _consumption, key="counterSet"))
    errors.extend(_device_places(device, path) if alone else _no_place(device, path))
    errors.extend(binding_parameters(device, path))
    return errors + _mappings(device, path.child("nodeAllocatableResourceMappings"))


def _no_place(device: Object, path: FieldPath) -> list[FieldError]:
    if all(device.get(field) is None for field in _NODES):
        return []
    why = (
        "`nodeName`, `nodeSelector` and `allNodes` can only be set if `perDeviceNodeSelection` is set to true in the "
        "ResourceSlice spec"
    )
    return [invalid(path, None, why)]


def _device_places(device: Object, path: FieldPath) -> list[FieldError]:
    errors: list[FieldError] = []
    chosen = []
    name, selector, everywhere = (device.get(field) for field in _NODES)
    if name == "":
        errors.append(invalid(path.child("nodeName"), name, "must not be empty"))
    elif name is not None:
        chosen.append("`nodeName`")
        errors.extend(_node(name, path.child("nodeName")))
    if selector is not None:
        chosen.append("`nodeSelector`")
        errors.extend(validate_node_selector(selector, path.child("nodeSelector")))
    if everywhere:
        chosen.append("`allNodes`")
    elif everywhere is not None:
        errors.append(invalid(path.child("allNodes"), False, "must be either unset or set to true"))
    if not chosen:
        errors.append(required(path, _ONE_OF_DEVICE))
    elif len(chosen) > 1:
        errors.append(invalid(path, "{" + ", ".join(chosen) + "}", _ONE_OF_DEVICE))
    return errors


_VALUES = {
    "int": "IntValue",
    "bool": "BoolValue",
    "string": "StringValue",
    "version": "VersionValue",
    "ints": "IntValues",
    "bools": "BoolValues",
    "strings": "StringValues",
    "versions": "VersionValues",
}
"""The fields of an attribute, and the names under which errors show them."""


def _attribute(attribute: Object, path: FieldPath) -> list[FieldError]:
    errors: list[FieldError] = []
    for field in ("string", "version"):
        if attribute.get(field) is not None:
            errors.extend(_text(attribute[field], field, path.child(field)))
    for field in _LISTS:
        values, where = attribute.get(field), path.child(field)
        if values is None:
            continue
        if not values:
            errors.append(invalid(where, values, "must not be empty if specified"))
        if field in ("strings", "versions"):
            for position, text in enumerate(values):
                errors.extend(_text(text, field[:-1], where.at(position)))
    count = sum(attribute.get(field) is not None for field in _VALUES)
    if count != 1:
        shown = Inside((name, attribute.get(field)) for field, name in _VALUES.items()) if count else ""
        errors.append(invalid(path, shown, "exactly one value must be specified"))
    return errors


def _text(text: str, kind: str, path: FieldPath) -> list[FieldError]:
    errors: list[FieldError] = []
    if kind == "version" and not _version(text):
        errors.append(invalid(path, text, "must be a string compatible with semver.org spec 2.0.0"))
    if len(text) > _LONGEST_VALUE:
        errors.append(too_long(path, _LONGEST_VALUE))
    return errors


def _counter_set(counters: Object, path: FieldPath) -> list[FieldError]:
    return _counters(counters, "name", path)


def _consumption(consumption: Object, path: FieldPath) -> list[FieldError]:
    return _counters(consumption, "counterSet", path)


def _counters(holder: Object, field: str, path: FieldPath) -> list[FieldError]:
    name, where = holder.get(field) or "", path.child(field)
    errors = [invalid(where, name, why) for why in is_dns1123_label(name)] if name else [required(where)]
    counters, where = holder.get("counters") or {}, path.child("counters")
    if not counters:
        errors.append(required(where))
    elif len(counters) > _MOST_COUNTERS:
        errors.append(too_many(where, len(counters), _MOST_COUNTERS))
    else:
        errors.extend(invalid(where, key, why) for key in counters for why in is_dns1123_label(key))
    return errors


def _mappings(device: Object, path: FieldPath) -> list[FieldError]:
    errors: list[FieldError] = []
    for name, mapping in (device.get("nodeAllocatableResourceMappings") or {}).items():
        where = path.key(name)
        if not is_native(name):
            errors.append(invalid(where, name, "must be a node allocatable resource name"))
        factor, key = mapping.get("allocationMultiplier"), mapping.get("capacityKey")
        if factor is None and key is None:
            errors.append(
                invalid(where, "", "at least one of allocationMultiplier or capacityKey must be set")
            )
        if factor is not None and quantity.nano_value(factor) <= 0:
            errors.append(invalid(where.child("allocationMultiplier"), factor, "must be positive"))
        if key == "":
            why = "capacityKey must not be an empty string"
            errors.append(invalid(where.child("capacityKey"), "", why))
        elif key is not None and key not in (device.get("capacity") or {}):
            errors.append(not_found(where.child("capacityKey"), key))
    return errors


def _policy(most: str, policy: Object, path: FieldPath) -> list[FieldError]:
    """How much of a capacity may be asked for."""
    values, limits, default = policy.get("validValues") or [], policy.get("validRange"), policy.get("default")
    if values and limits is not None:
        why = 'exactly one policy can be specified, cannot specify "validValues" and "validRange" at the same time'
        return [forbidden(path, why)]
    field = "validValues" if values else "validRange"
    if not values and limits is None:
        return []
    if default is None:
        return [required(path.child("default"), f"required when {field} is defined")]
    where = path.child(field)
    return _options(default, most, values, where) if values else _range(default, most, limits or {}, where)


def _options(default: str, most: str, values: list[str], path: FieldPath) -> list[FieldError]:
    errors = [
        invalid(path.at(position), value, "values must be sorted in ascending order")
        for position, (before, value) in enumerate(itertools.pairwise(values), 1)
        if quantity.compare(before, value) > 0
    ]
    if len(values) > _MOST_OPTIONS:
        errors.append(too_many(path, len(values), _MOST_OPTIONS))
    else:
        why = f"option is larger than capacity value: {most}"
        errors.extend(
            invalid(path.at(position), value, why)
            for position, value in enumerate(values)
            if quantity.compare(value, most) > 0
        )
        numbers = [str(quantity.value(value)) for value in values]
        errors.extend(
            duplicate(path.at(at), number) for at, number in enumerate(numbers) if number in numbers[:at]
        )
    if all(quantity.compare(value, default) for value in values):
        errors.append(invalid(path, default, "default value is not valid according to the requestPolicy"))
    return errors


def _range(default: str, limit: str, allowed: Object, path: FieldPath) -> list[FieldError]:
    least, most, step = allowed.get("min"), allowed.get("max"), allowed.get("step")
    where = path.child("min")
    if least is None:
        return [required(where, "required when validRange is defined")]
    errors: list[FieldError] = []
    larger = f"is larger than capacity value: {limit}"
    if quantity.compare(least, limit) > 0:
        errors.append(invalid(where, least, f"min {larger}"))
    if quantity.compare(default, least) < 0:
        errors.append(invalid(where, default, f"default is less than min: {least}"))
    if most is not None:
        where = path.child("max")
        if quantity.compare(least, most) > 0:
            errors.append(invalid(where, least, f"min is larger than max: {most}"))
        if quantity.compare(most, limit) > 0:
            errors.append(invalid(where, most, f"max {larger}"))
        if quantity.compare(default, most) > 0:
            errors.append(invalid(where, default, f"default is more than max: {most}"))
    if step is not None:
        where, first = path.child("step"), quantity.add(least, step)
        if quantity.compare(first, limit) > 0:
            errors.append(invalid(where, step, f"one step {first} {larger}"))
        why = f"value is not a multiple of a given step ({step}) from ({least})"
        width = quantity.value(step)
        for value in (default, most):
            if value is not None and (not width or (quantity.value(value) - quantity.value(least)) % width):
                errors.append(invalid(where, value, why))
    return errors


def update_resource_slice(new: Object, old: Object, subresource: str) -> list[FieldError]:
    return resource_slice(new, old)
