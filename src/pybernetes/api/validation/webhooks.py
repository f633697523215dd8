"""Webhook configurations and admission policies: what they are asked about, and how they are reached.

Expressions are checked for being there; whether they compile is for whoever evaluates them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

from pybernetes.api.fields import (
    ROOT,
    SPEC,
    FieldError,
    FieldPath,
    duplicate,
    forbidden,
    invalid,
    not_supported,
    required,
    too_many,
)
from pybernetes.api.names import (
    is_dns1035_label,
    is_dns1123_subdomain,
    is_fully_qualified_name,
    is_path_segment,
    is_port_number,
    is_qualified_name,
)
from pybernetes.api.validation.labels import validate_label_selector
from pybernetes.api.validation.values import one_of

Object = dict[str, Any]

_REVIEW_VERSIONS = ("v1", "v1beta1")
_SCOPES = ("*", "Cluster", "Namespaced")
_OPERATIONS = ("*", "CONNECT", "CREATE", "DELETE", "UPDATE")
_MUTATED = ("*", "CONNECT", "CREATE", "UPDATE")
_FAILURE = ("Fail", "Ignore")
_MATCH = ("Equivalent", "Exact")
_SIDE_EFFECTS = ("None", "NoneOnDryRun")
_REINVOCATION = ("IfNeeded", "Never")
_URL_FORM = "; desired format: https://host[/path]"
_MOST_CONDITIONS = 64


def webhooks(obj: Object) -> list[FieldError]:
    """A configuration of either kind."""
    errors: list[FieldError] = []
    seen: set[str] = set()
    for position, hook in enumerate(obj.get("webhooks") or ()):
        path = ROOT.child("webhooks").at(position)
        errors.extend(_webhook(hook, path))
        errors.extend(_versions(hook.get("admissionReviewVersions") or [], path))
        name = hook.get("name") or ""
        if name in seen:
            errors.append(duplicate(path.child("name"), name))
        if name:
            seen.add(name)
    return errors


def _webhook(hook: Object, path: FieldPath) -> list[FieldError]:
    errors = is_fully_qualified_name(path.child("name"), hook.get("name") or "")
    for position, rule in enumerate(hook.get("rules") or ()):
        errors.extend(_rule(rule, path.child("rules").at(position)))
    for field, choices in (("failurePolicy", _FAILURE), ("matchPolicy", _MATCH)):
        if hook.get(field) is not None:
            errors.extend(one_of(hook[field], choices, path.child(field)))
    effects = hook.get("sideEffects")
    if effects is None:
        errors.append(required(path.child("sideEffects"), f"must specify one of {', '.join(_SIDE_EFFECTS)}"))
    else:
        errors.extend(one_of(effects, _SIDE_EFFECTS, path.child("sideEffects")))
    seconds = hook.get("timeoutSeconds")
    if seconds is not None and not 1 <= seconds <= 30:
        why = "the timeout value must be between 1 and 30 seconds"
        errors.append(invalid(path.child("timeoutSeconds"), seconds, why))
    for field in ("namespaceSelector", "objectSelector"):
        errors.extend(validate_label_selector(hook.get(field), path.child(field)))
    if hook.get("reinvocationPolicy") is not None:
        where = path.child("reinvocationPolicy")
        errors.extend(one_of(hook["reinvocationPolicy"], _REINVOCATION, where))
    errors.extend(_client(hook.get("clientConfig") or {}, path.child("clientConfig")))
    return errors + _match_conditions(hook.get("matchConditions") or [], path.child("matchConditions"))


def _versions(versions: list[str], path: FieldPath) -> list[FieldError]:
    where = path.child("admissionReviewVersions")
    if not versions:
        return [required(where, f"must specify one of {', '.join(_REVIEW_VERSIONS)}")]
    errors: list[FieldError] = []
    for position, version in enumerate(versions):
        if version in versions[:position]:
            errors.append(invalid(where.at(position), version, "duplicate version"))
            continue
        errors.extend(invalid(where.at(position), version, why) for why in is_dns1035_label(version))
    if not set(versions) & set(_REVIEW_VERSIONS):
        why = f"must include at least one of {', '.join(_REVIEW_VERSIONS)}"
        errors.append(invalid(where, versions, why))
    return errors


def _client(config: Object, path: FieldPath) -> list[FieldError]:
    url, service = config.get("url"), config.get("service")
    if (url is None) == (service is None):
        return [required(path, "exactly one of url or service is required")]
    return _url(url, path.child("url")) if service is None else _service(service, path.child("service"))


def _url(url: Any, path: FieldPath) -> list[FieldError]:
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018
    except ValueError as error:
        return [required(path, f"url must be a valid URL: {error}{_URL_FORM}")]
    errors: list[FieldError] = []
    if parts.scheme != "https":
        errors.append(invalid(path, parts.scheme, f"'https' is the only allowed URL scheme{_URL_FORM}"))
    if not parts.netloc:
        errors.append(invalid(path, "", f"host must be specified{_URL_FORM}"))
    user, found, _ = parts.netloc.rpartition("@")
    if found:
        errors.append(invalid(path, user, "user information is not permitted in the URL"))
    if parts.fragment:
        errors.append(invalid(path, parts.fragment, "fragments are not permitted in the URL"))
    if parts.query:
        errors.append(invalid(path, parts.query, "query parameters are not permitted in the URL"))
    return errors


def _service(service: Object, path: FieldPath) -> list[FieldError]:
    # Upstream takes the one for the other.
    swapped = (("namespace", "name"), ("name", "namespace"))
    errors = [required(path.child(shown)) for field, shown in swapped if not service.get(field)]
    port = service.get("port") or 0
    wrong = is_port_number(port)
    if wrong:
        errors.append(invalid(path.child("port"), port, "port is not valid: " + ", ".join(wrong)))
    return errors + _service_path(service.get("path") or "", path.child("path"))


def _service_path(text: str, path: FieldPath) -> list[FieldError]:
    if text in ("", "/"):
        return []
    if text == "//":
        return [invalid(path, text, "segment[0] may not be empty")]
    errors = [] if text.startswith("/") else [invalid(path, text, "must start with a '/'")]
    for position, step in enumerate(text[1:].removesuffix("/").split("/")):
        if not step:
            errors.append(invalid(path, text, f"segment[{position}] may not be empty"))
            continue
        errors.extend(
            invalid(path, text, f"segment[{position}]: {why}") for why in is_dns1123_subdomain(step)
        )
    return errors


def _rule(rule: Object, path: FieldPath) -> list[FieldError]:
    operations, where = rule.get("operations") or [], path.child("operations")
    errors = [] if operations else [required(where)]
    errors.extend(_alone(operations, where, "operations"))
    for position, one in enumerate(operations):
        errors.extend(one_of(one, _OPERATIONS, where.at(position)))
    for field, what in (("apiGroups", "API groups"), ("apiVersions", "API versions")):
        values, where = rule.get(field) or [], path.child(field)
        if not values:
            errors.append(required(where))
        errors.extend(_alone(values, where, what))
    for position, version in enumerate(rule.get("apiVersions") or ()):
        if not version:
            errors.append(required(path.child("apiVersions").at(position)))
    errors.extend(_resources(rule.get("resources") or [], path.child("resources")))
    if rule.get("scope") is not None:
        errors.extend(one_of(rule["scope"], _SCOPES, path.child("scope")))
    return errors


def _alone(values: Sequence[str], path: FieldPath, what: str) -> list[FieldError]:
    if len(values) > 1 and "*" in values:
        return [invalid(path, values, f"if '*' is present, must not specify other {what}")]
    return []


def _resources(resources: list[str], path: FieldPath) -> list[FieldError]:
    """`pods`, `pods/status`, `pods/*`, `*/scale`, `*` or `*/*`; none said twice."""
    errors = [] if resources else [required(path)]
    whole: set[str] = set()
    everywhere: set[str] = set()
    for position, one in enumerate(resources):
        resource, found, sub = one.partition("/")
        if not one:
            errors.append(required(path.at(position)))
        if not found:
            continue
        if resource in whole:
            why = f"if '{resource}/*' is present, must not specify {one}"
            errors.append(invalid(path.at(position), one, why))
        if sub in everywhere:
            why = f"if '*/{sub}' is present, must not specify {one}"
            errors.append(invalid(path.at(position), one, why))
        if sub == "*":
            whole.add(resource)
        if resource == "*":
            everywhere.add(sub)
    if len(resources) > 1 and "*/*" in resources:
        errors.append(invalid(path, resources, "if '*/*' is present, must not specify other resources"))
    if "*" in resources and any(one and one != "*" and "/" not in one for one in resources):
        why = "if '*' is present, must not specify other resources without subresources"
        errors.append(invalid(path, resources, why))
    return errors


def _match_conditions(conditions: list[Object], path: FieldPath) -> list[FieldError]:
    errors: list[FieldError] = []
    if len(conditions) > _MOST_CONDITIONS:
        errors.append(too_many(path, len(conditions), _MOST_CONDITIONS))
    seen: set[str] = set()
    for position, condition in enumerate(conditions):
        here, name = path.at(position), condition.get("name") or ""
        if not (condition.get("expression") or "").strip():
            errors.append(required(here.child("expression")))
        if not name:
            errors.append(required(here.child("name")))
        errors.extend(invalid(here.child("name"), name, why) for why in is_qualified_name(name) if name)
        if name in seen:
            errors.append(duplicate(here.child("name"), name))
        if name:
            seen.add(name)
    return errors


def _policy(spec: Object) -> list[FieldError]:
    """What both kinds of policies have."""
    errors: list[FieldError] = []
    if spec.get("failurePolicy") is None:
        errors.append(required(SPEC.child("failurePolicy")))
    else:
        errors.extend(one_of(spec["failurePolicy"], _FAILURE, SPEC.child("failurePolicy")))
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
    errors.extend(_match_conditions(conditions, SPEC.child("matchConditions")))
    for position, variable in enumerate(spec.get("variables") or ()):
        path = SPEC.child("variables").at(position)
        for field in ("name", "expression"):
            if not (variable.get(field) or "").strip():
                errors.append(required(path.child(field), f"{field} is not specified"))
    return errors


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
        errors.extend(one_of(match["matchPolicy"], _MATCH, path.child("matchPolicy")))
    for field in ("namespaceSelector", "objectSelector"):
        if match.get(field) is None:
            errors.append(required(path.child(field)))
        errors.extend(validate_label_selector(match.get(field), path.child(field)))
    for field in ("resourceRules", "excludeResourceRules"):
        for position, rule in enumerate(match.get(field) or ()):
            where = path.child(field).at(position)
            errors.extend(_resource_names(rule.get("resourceNames") or [], where.child("resourceNames")))
            errors.extend(_rule(rule, where))
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
        if not (one.get("expression") or "").strip():
            path = SPEC.child("validations").at(position).child("expression")
            errors.append(required(path, "expression is not specified"))
    keys = [one.get("key") for one in audits]
    for position, one in enumerate(audits):
        path = SPEC.child("auditAnnotations").at(position)
        if not (one.get("valueExpression") or "").strip():
            errors.append(required(path.child("valueExpression"), "valueExpression is not specified"))
        if one.get("key") in keys[:position]:
            errors.append(duplicate(path.child("key"), one.get("key")))
    return errors


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
        errors.extend(one_of(spec["reinvocationPolicy"], _REINVOCATION, SPEC.child("reinvocationPolicy")))
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
    "MutatingAdmissionPolicy": mutating_policy,
    "MutatingAdmissionPolicyBinding": mutating_binding,
    "MutatingWebhookConfiguration": webhooks,
    "ValidatingAdmissionPolicy": validating_policy,
    "ValidatingAdmissionPolicyBinding": validating_binding,
    "ValidatingWebhookConfiguration": webhooks,
}

UPDATE = {
    "MutatingAdmissionPolicy": lambda new, old, subresource: mutating_policy(new),
    "MutatingAdmissionPolicyBinding": lambda new, old, subresource: mutating_binding(new),
    "MutatingWebhookConfiguration": lambda new, old, subresource: webhooks(new),
    "ValidatingAdmissionPolicy": lambda new, old, subresource: [] if subresource else validating_policy(new),
    "ValidatingAdmissionPolicyBinding": lambda new, old, subresource: validating_binding(new),
    "ValidatingWebhookConfiguration": lambda new, old, subresource: webhooks(new),
}
