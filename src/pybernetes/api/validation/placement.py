"""Where a pod may run: node selectors, affinity, tolerations, spreading."""

from __future__ import annotations

from typing import Any

from pybernetes.api.fields import (
    FieldError,
    FieldPath,
    Inside,
    duplicate,
    forbidden,
    invalid,
    not_supported,
    required,
)
from pybernetes.api.names import is_dns1123_label, is_dns1123_subdomain, is_label_key, is_label_value
from pybernetes.api.validation.labels import validate_expression, validate_label_key, validate_label_selector

Object = dict[str, Any]

_REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
_PREFERRED = "preferredDuringSchedulingIgnoredDuringExecution"
_EFFECTS = ("NoSchedule", "PreferNoSchedule", "NoExecute")
_ACTIONS = ("DoNotSchedule", "ScheduleAnyway")
_WEIGHT = "must be in the range 1-100"


def validate_affinity(affinity: Object, path: FieldPath) -> list[FieldError]:
    errors: list[FieldError] = []
    node = affinity.get("nodeAffinity")
    if node:
        where = path.child("nodeAffinity")
        if node.get(_REQUIRED) is not None:
            errors.extend(validate_node_selector(node[_REQUIRED], where.child(_REQUIRED)))
        for position, term in enumerate(node.get(_PREFERRED) or ()):
            place = where.child(_PREFERRED).at(position)
            errors.extend(_weight(term, place))
            wanted = term.get("preference") or {}
            errors.extend(_node_term(wanted, place.child("preference"), any_value=True))
    for kind in ("podAffinity", "podAntiAffinity"):
        terms = affinity.get(kind)
        if not terms:
            continue
        where = path.child(kind)
        for position, term in enumerate(terms.get(_REQUIRED) or ()):
            errors.extend(_pod_term(term, where.child(_REQUIRED).at(position)))
        for position, one in enumerate(terms.get(_PREFERRED) or ()):
            place = where.child(_PREFERRED).at(position)
            errors.extend(_weight(one, place))
            errors.extend(_pod_term(one.get("podAffinityTerm") or {}, place.child("podAffinityTerm")))
    return errors


def _weight(term: Object, path: FieldPath) -> list[FieldError]:
    weight = term.get("weight") or 0
    return [] if 1 <= weight <= 100 else [invalid(path.child("weight"), weight, _WEIGHT)]


def validate_node_selector(selector: Object, path: FieldPath) -> list[FieldError]:
    terms = selector.get("nodeSelectorTerms") or []
    where = path.child("nodeSelectorTerms")
    if not terms:
        return [required(where, "must have at least one node selector term")]
    errors: list[FieldError] = []
    for position, term in enumerate(terms):
        errors.extend(_node_term(term, where.at(position)))
    return errors


def _node_term(term: Object, path: FieldPath, any_value: bool = False) -> list[FieldError]:
    errors: list[FieldError] = []
    for position, expression in enumerate(term.get("matchExpressions") or ()):
        where = path.child("matchExpressions").at(position)
        errors.extend(validate_expression(expression, where, compares=True, any_value=any_value))
    for position, expression in enumerate(term.get("matchFields") or ()):
        where = path.child("matchFields").at(position)
        if expression.get("operator") not in ("In", "NotIn"):
            errors.append(
                invalid(
                    where.child("operator"), expression.get("operator") or "", "not a valid selector operator"
                )
            )
        elif len(expression.get("values") or ()) != 1:
            why = "must be only one value when `operator` is 'In' or 'NotIn' for node field selector"
            errors.append(required(where.child("values"), why))
        if expression.get("key") != "metadata.name":
            why = "not a valid field selector key"
            errors.append(invalid(where.child("key"), expression.get("key") or "", why))
            continue
        for number, name in enumerate(expression.get("values") or ()):
            place = where.child("values").at(number)
            errors.extend(invalid(place, name, why) for why in is_dns1123_subdomain(name))
    return errors


def _pod_term(term: Object, path: FieldPath) -> list[FieldError]:
    errors = validate_label_selector(term.get("labelSelector"), path.child("labelSelector"))
    errors.extend(validate_label_selector(term.get("namespaceSelector"), path.child("namespaceSelector")))
    for name in term.get("namespaces") or ():
        errors.extend(invalid(path.child("namespace"), name, why) for why in is_dns1123_label(name))
    errors.extend(_label_keys(term, path))
    topology = term.get("topologyKey") or ""
    if not topology:
        errors.append(required(path.child("topologyKey"), "can not be empty"))
    errors.extend(validate_label_key(topology, path.child("topologyKey")))
    return errors


def _label_keys(holder: Object, path: FieldPath) -> list[FieldError]:
    """`matchLabelKeys` and `mismatchLabelKeys`: they add to a selector, and not what it says already."""
    errors: list[FieldError] = []
    selector = holder.get("labelSelector")
    same, other = holder.get("matchLabelKeys") or [], holder.get("mismatchLabelKeys") or []
    for field, keys in (("matchLabelKeys", same), ("mismatchLabelKeys", other)):
        where = path.child(field)
        if keys and selector is None:
            errors.append(forbidden(where, "must not be specified when labelSelector is not set"))
        elif keys:
            for position, key in enumerate(keys):
                errors.extend(validate_label_key(key, where.at(position)))
    if selector is not None:
        said = set(selector.get("matchLabels") or ())
        for expression in selector.get("matchExpressions") or ():
            key = expression.get("key") or ""
            if key in same and key in said:
                why = "exists in both matchLabelKeys and labelSelector"
                errors.append(invalid(path.at(len(same) - 1 - same[::-1].index(key)), key, why))
            said.add(key)
    for position, key in enumerate(same):
        if key in other:
            why = "exists in both matchLabelKeys and mismatchLabelKeys"
            errors.append(invalid(path.child("matchLabelKeys").at(position), key, why))
    return errors


def validate_tolerations(tolerations: list[Object], path: FieldPath) -> list[FieldError]:
    errors: list[FieldError] = []
    for position, toleration in enumerate(tolerations):
        where = path.at(position)
        key, operator = toleration.get("key") or "", toleration.get("operator") or ""
        value, effect = toleration.get("value") or "", toleration.get("effect") or ""
        if key:
            errors.extend(invalid(where.child("key"), key, why) for why in is_label_key(key))
        elif operator != "Exists":
            why = 'operator must be Exists when `key` is empty, which means "match all values and all keys"'
            errors.append(invalid(where.child("operator"), operator, why))
        if toleration.get("tolerationSeconds") is not None and effect != "NoExecute":
            why = "effect must be 'NoExecute' when `tolerationSeconds` is set"
            errors.append(invalid(where.child("effect"), effect, why))
        if operator in ("Equal", ""):
            wrong = is_label_value(value)
            if wrong:
                errors.append(invalid(where.child("operator"), value, ";".join(wrong)))
        elif operator == "Exists":
            if value:
                why = "value must be empty when `operator` is 'Exists'"
                errors.append(invalid(where.child("operator"), value, why))
        else:
            known = ("Equal", "Exists", "Lt", "Gt") if operator in ("Lt", "Gt") else ("Equal", "Exists")
            errors.append(not_supported(where.child("operator"), operator, known))
        if effect and effect not in _EFFECTS:
            errors.append(not_supported(where.child("effect"), effect, _EFFECTS))
    return errors


def validate_taints(taints: list[Object], path: FieldPath) -> list[FieldError]:
    """The taints of a node; one a key and effect."""
    errors: list[FieldError] = []
    seen: set[tuple[str, str]] = set()
    for position, taint in enumerate(taints):
        where = path.at(position)
        key, value, effect = taint.get("key") or "", taint.get("value") or "", taint.get("effect") or ""
        errors.extend(invalid(where.child("key"), key, why) for why in is_label_key(key))
        wrong = is_label_value(value)
        if wrong:
            errors.append(invalid(where.child("value"), value, ";".join(wrong)))
        if not effect:
            errors.append(required(where.child("effect")))
        elif effect not in _EFFECTS:
            errors.append(not_supported(where.child("effect"), effect, _EFFECTS))
        if (key, effect) in seen:
            shown = duplicate(
                where, Inside(Key=key, Value=value, Effect=effect, TimeAdded=taint.get("timeAdded"))
            )
            shown.detail = "taints must be unique by key and effect pair"
            errors.append(shown)
        seen.add((key, effect))
    return errors


def validate_spreading(constraints: list[Object], path: FieldPath) -> list[FieldError]:
    errors: list[FieldError] = []
    for position, constraint in enumerate(constraints):
        where = path.at(position)
        skew, topology = constraint.get("maxSkew") or 0, constraint.get("topologyKey") or ""
        action = constraint.get("whenUnsatisfiable") or ""
        if skew <= 0:
            errors.append(invalid(where.child("maxSkew"), skew, "must be greater than zero"))
        if not topology:
            errors.append(required(where.child("topologyKey"), "can not be empty"))
        if action not in _ACTIONS:
            errors.append(not_supported(where.child("whenUnsatisfiable"), action, _ACTIONS))
        later = constraints[position + 1 :]
        if any(
            (one.get("topologyKey") or "", one.get("whenUnsatisfiable") or "") == (topology, action)
            for one in later
        ):
            place = where.child("{topologyKey, whenUnsatisfiable}")
            errors.append(duplicate(place, f"{{{topology}, {action}}}"))
        least = constraint.get("minDomains")
        if least is not None and least <= 0:
            errors.append(invalid(where.child("minDomains"), least, "must be greater than zero"))
        if least is not None and action != "DoNotSchedule":
            why = f"can only use minDomains if whenUnsatisfiable=DoNotSchedule, not {action}"
            errors.append(invalid(where.child("minDomains"), least, why))
        for field in ("nodeAffinityPolicy", "nodeTaintsPolicy"):
            policy = constraint.get(field)
            if policy is not None and policy not in ("Honor", "Ignore"):
                errors.append(not_supported(where.child(field), policy, ("Honor", "Ignore")))
        errors.extend(_label_keys({**constraint, "mismatchLabelKeys": None}, where))
        errors.extend(validate_label_selector(constraint.get("labelSelector"), where.child("labelSelector")))
    return errors
