"""Admission policies and their bindings: what they are asked about, and what they say of it.

Expressions are checked for being there; whether they compile is for whoever evaluates them.
"""

from __future__ import annotations

from typing import Any

from pybernetes.api.fields import (
    SPEC,
    STATUS,
    FieldError,
    FieldPath,
    duplicate,
    forbidden,
    invalid,
    not_supported,
    required,
)
from pybernetes.api.names import is_dns1035_label, is_dns1123_subdomain, is_path_segment, is_qualified_name
from pybernetes.api.validation.conditions import validate_conditions
from pybernetes.api.validation.labels import validate_label_selector
from pybernetes.api.validation.values import one_of
from pybernetes.api.validation.webhooks import CREATE as HOOKS_CREATE
from pybernetes.api.validation.webhooks import (
    FAILURE_POLICIES,
    MATCH_POLICIES,
    REINVOCATION_POLICIES,
    admission_rule,
    match_conditions,
)
from pybernetes.api.validation.webhooks import UPDATE as HOOKS_UPDATE

Object = dict[str, Any]

_RESERVED = frozenset(
    keyword
    for line in (
        "as break const continue else false for function if import in let loop",
        "namespace null package return true var void while",
    )
    for keyword in line.split()
)
"""Words of CEL that name nothing."""
_REASONS = ("Forbidden", "Invalid", "RequestEntityTooLarge")
_MUTATED = ("*", "CONNECT", "CREATE", "UPDATE")


def _policy(spec: Object) -> list[FieldError]:
    """What both kinds of policies have."""
    errors: list[FieldError] = []
    if spec.get("failurePolicy") is None:
        errors.append(required(SPEC.child("failurePolicy")))
    else:
        errors.extend(one_of(spec["failurePolicy"], FAILURE_POLICIES, SPEC.child("failurePolicy")))
    if spec.get("paramKind") is not None:
        errors.extend(_param_kind(spec["paramKind"], SPEC.child("paramKind")))
    constraints, where = spec.get("matchConstraints"), SPEC.child("matchConstraints")
    if constraints is None:
        errors.append(required(where))
    else:
        errors.extend(_match_resources(constraints, where))
        if not constraints.get("resourceRules"):
            errors.append(required(where.child("resourceRules")))
    conditions = spec.get("matchConditions") or []
    errors.extend(match_conditions(conditions, SPEC.child("matchConditions")))
    for position, variable in enumerate(spec.get("variables") or ()):
        path = SPEC.child("variables").at(position)
        name = variable.get("name") or ""
        if name.strip() and not _is_identifier(name):
            errors.append(invalid(path.child("name"), name, "must be a valid CEL identifier"))
        for field in ("name", "expression"):
            if not (variable.get(field) or "").strip():
                errors.append(required(path.child(field), f"{field} is not specified"))
    return errors


def _is_identifier(text: str) -> bool:
    return text.isascii() and text.isidentifier() and text not in _RESERVED


def _param_kind(kind: Object, path: FieldPath) -> list[FieldError]:
    errors: list[FieldError] = []
    version, where = kind.get("apiVersion") or "", path.child("apiVersion")
    if not version:
        errors.append(required(where))
    elif version.count("/") > 1:
        errors.append(invalid(where, version, f"unexpected GroupVersion string: {version}"))
    else:
        group, _, number = version.rpartition("/")
        wrong = is_dns1123_subdomain(group) if group else []
        if wrong:
            errors.append(invalid(where, group, ",".join(wrong)))
        wrong = is_dns1035_label(number)
        if not number:
            errors.append(invalid(where, version, "version must be specified"))
        elif wrong:
            errors.append(invalid(where, number, ",".join(wrong)))
    name = kind.get("kind") or ""
    if not name:
        errors.append(required(path.child("kind")))
    elif wrong := is_dns1035_label(name.lower()):
        lead = "may have mixed case, but should otherwise match: "
        errors.append(invalid(path.child("kind"), name, lead + ",".join(wrong)))
    return errors


def _match_resources(match: Object, path: FieldPath) -> list[FieldError]:
    errors: list[FieldError] = []
    if match.get("matchPolicy") is None:
        errors.append(required(path.child("matchPolicy")))
    else:
        errors.extend(one_of(match["matchPolicy"], MATCH_POLICIES, path.child("matchPolicy")))
    for field in ("namespaceSelector", "objectSelector"):
        if match.get(field) is None:
            errors.append(required(path.child(field)))
        errors.extend(validate_label_selector(match.get(field), path.child(field)))
    for field in ("resourceRules", "excludeResourceRules"):
        for position, rule in enumerate(match.get(field) or ()):
            where = path.child(field).at(position)
            errors.extend(_resource_names(rule.get("resourceNames") or [], where.child("resourceNames")))
            errors.extend(admission_rule(rule, where))
    return errors


def _resource_names(names: list[str], path: FieldPath) -> list[FieldError]:
    errors: list[FieldError] = []
    for position, name in enumerate(names):
        errors.extend(invalid(path.at(position), name, why) for why in is_path_segment(name))
        if name in names[:position]:
            errors.append(duplicate(path.at(position), name))
    return errors


def validating_policy(obj: Object) -> list[FieldError]:
    spec = obj.get("spec") or {}
    errors = _policy(spec)
    validations, audits = spec.get("validations") or [], spec.get("auditAnnotations") or []
    if not validations and not audits:
        why = "validations or auditAnnotations must contain at least one item"
        errors.extend(required(SPEC.child(field), why) for field in ("validations", "auditAnnotations"))
    for position, one in enumerate(validations):
        errors.extend(_validation(one, SPEC.child("validations").at(position)))
    keys = [one.get("key") or "" for one in audits]
    for position, one in enumerate(audits):
        path = SPEC.child("auditAnnotations").at(position)
        errors.extend(_audit_key(obj["metadata"].get("name") or "", keys[position], path.child("key")))
        if not (one.get("valueExpression") or "").strip():
            errors.append(required(path.child("valueExpression"), "valueExpression is not specified"))
        if keys[position] in keys[:position]:
            errors.append(duplicate(path.child("key"), keys[position]))
    return errors


def _policy_status(obj: Object) -> list[FieldError]:
    checked = (obj.get("status") or {}).get("typeChecking") or {}
    path = STATUS.child("typeChecking", "expressionWarnings")
    return validate_conditions(obj) + [
        required(path.at(position).child(field))
        for position, one in enumerate(checked.get("expressionWarnings") or ())
        for field in ("warning", "fieldRef")
        if not one.get(field)
    ]


def _validation(validation: Object, path: FieldPath) -> list[FieldError]:
    errors: list[FieldError] = []
    if not (validation.get("expression") or "").strip():
        errors.append(required(path.child("expression"), "expression is not specified"))
    for field in ("messageExpression", "message"):
        text = validation.get(field)
        if text and not text.strip():
            errors.append(invalid(path.child(field), text, "must be non-empty if specified"))
        elif field == "message" and text and len(text.strip().splitlines()) > 1:
            errors.append(invalid(path.child(field), text, "must not contain line breaks"))
    if validation.get("reason") is not None:
        errors.extend(one_of(validation["reason"], _REASONS, path.child("reason")))
    return errors


def _audit_key(policy: str, key: str, path: FieldPath) -> list[FieldError]:
    """With the policy's name before it, it is the key of an annotation of audit events."""
    if not policy:
        return [invalid(path, key, "requires metadata.name be non-empty")]
    annotation = f"{policy}/{key}"
    return [invalid(path, annotation, why) for why in is_qualified_name(annotation)]


def mutating_policy(obj: Object) -> list[FieldError]:
    spec = obj.get("spec") or {}
    errors = _policy(spec)
    match = spec.get("matchConstraints") or {}
    errors.extend(_mutable_operations(match, SPEC.child("matchConstraints", "resourceRules", "operations")))
    if not spec.get("mutations"):
        errors.append(required(SPEC.child("mutations"), "mutations must contain at least one item"))
    for position, one in enumerate(spec.get("mutations") or ()):
        errors.extend(_mutation(one, SPEC.child("mutations").at(position)))
    if not spec.get("reinvocationPolicy"):
        errors.append(required(SPEC.child("reinvocationPolicy")))
    else:
        errors.extend(
            one_of(spec["reinvocationPolicy"], REINVOCATION_POLICIES, SPEC.child("reinvocationPolicy"))
        )
    return errors


def _mutable_operations(match: Object, path: FieldPath) -> list[FieldError]:
    return [
        not_supported(path, operation, _MUTATED)
        for rule in match.get("resourceRules") or ()
        for operation in rule.get("operations") or ()
        if operation not in _MUTATED
    ]


def _mutation(mutation: Object, path: FieldPath) -> list[FieldError]:
    kind = mutation.get("patchType") or ""
    if not kind:
        return [required(path.child("patchType"))]
    fields = {"ApplyConfiguration": "applyConfiguration", "JSONPatch": "jsonPatch"}
    if kind not in fields:
        return [not_supported(path.child("patchType"), kind, sorted(fields))]
    errors: list[FieldError] = []
    for other, field in fields.items():
        given = mutation.get(field)
        if other == kind and given is None:
            errors.append(required(path.child(field), f"must be specified when patchType is {kind}"))
        elif other == kind and not ((given or {}).get("expression") or "").strip():
            errors.append(required(path.child(field, "expression")))
        elif other != kind and given is not None:
            why = f"must not be specified when patchType is {kind}"
            errors.append(invalid(path.child(field), f"{{{field}}}", why))
    return errors


def _binding(obj: Object) -> list[FieldError]:
    spec = obj.get("spec") or {}
    name, where = spec.get("policyName") or "", SPEC.child("policyName")
    errors = [] if name else [required(where)]
    if name:
        errors.extend(invalid(where, name, why) for why in is_dns1123_subdomain(name))
    if spec.get("paramRef") is not None:
        errors.extend(_param_ref(spec["paramRef"], SPEC.child("paramRef")))
    if spec.get("matchResources") is not None:
        errors.extend(_match_resources(spec["matchResources"], SPEC.child("matchResources")))
    return errors


def _param_ref(reference: Object, path: FieldPath) -> list[FieldError]:
    name, selector = reference.get("name") or "", reference.get("selector")
    errors: list[FieldError] = []
    if name:
        errors.extend(invalid(path.child("name"), name, why) for why in is_path_segment(name))
    if name and selector is not None:
        why = "name and selector are mutually exclusive"
        errors.extend(forbidden(path.child(field), why) for field in ("name", "selector"))
    errors.extend(validate_label_selector(selector, path.child("selector")))
    if not name and selector is None:
        errors.append(required(path, "one of name or selector must be specified"))
    action, where = reference.get("parameterNotFoundAction") or "", path.child("parameterNotFoundAction")
    return errors + (one_of(action, ("Deny", "Allow"), where) if action else [required(where)])


def validating_binding(obj: Object) -> list[FieldError]:
    errors = _binding(obj)
    actions, where = (obj.get("spec") or {}).get("validationActions") or [], SPEC.child("validationActions")
    for position, action in enumerate(actions):
        errors.extend(one_of(action, ("Audit", "Deny", "Warn"), where.at(position)))
        if action in actions[:position]:
            errors.append(duplicate(where.at(position), action))
    if {"Deny", "Warn"} <= set(actions):
        why = (
            "must not contain both Deny and Warn (repeating the same validation failure information in the API "
            "response and headers serves no purpose)"
        )
        errors.append(invalid(where, actions, why))
    if not actions:
        errors.append(required(where, "at least one validation action is required"))
    return errors


def mutating_binding(obj: Object) -> list[FieldError]:
    match = (obj.get("spec") or {}).get("matchResources") or {}
    path = SPEC.child("matchResources", "resourceRules", "operations")
    return _binding(obj) + _mutable_operations(match, path)


CREATE = {
    **HOOKS_CREATE,
    "MutatingAdmissionPolicy": mutating_policy,
    "MutatingAdmissionPolicyBinding": mutating_binding,
    "ValidatingAdmissionPolicy": validating_policy,
    "ValidatingAdmissionPolicyBinding": validating_binding,
}

UPDATE = {
    **HOOKS_UPDATE,
    "MutatingAdmissionPolicy": lambda new, old, subresource: mutating_policy(new),
    "MutatingAdmissionPolicyBinding": lambda new, old, subresource: mutating_binding(new),
    "ValidatingAdmissionPolicy": lambda new, old, subresource: (
        _policy_status(new) if subresource else validating_policy(new)
    ),
    "ValidatingAdmissionPolicyBinding": lambda new, old, subresource: validating_binding(new),
}
