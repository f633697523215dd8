"""Webhook configurations: what they are asked about, and how they are reached.

Expressions are checked for being there; whether they compile is for whoever evaluates them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

from pybernetes.api.fields import (
    ROOT,
    FieldError,
    FieldPath,
    duplicate,
    invalid,
    required,
    too_many,
)
from pybernetes.api.names import (
    is_dns1035_label,
    is_dns1123_subdomain,
    is_fully_qualified_name,
    is_port_number,
    is_qualified_name,
)
from pybernetes.api.validation.labels import validate_label_selector
from pybernetes.api.validation.values import one_of

Object = dict[str, Any]

_REVIEW_VERSIONS = ("v1", "v1beta1")
_SCOPES = ("*", "Cluster", "Namespaced")
_OPERATIONS = ("*", "CONNECT", "CREATE", "DELETE", "UPDATE")
FAILURE_POLICIES = ("Fail", "Ignore")
MATCH_POLICIES = ("Equivalent", "Exact")
_SIDE_EFFECTS = ("None", "NoneOnDryRun")
REINVOCATION_POLICIES = ("IfNeeded", "Never")
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
        errors.extend(admission_rule(rule, path.child("rules").at(position)))
    for field, choices in (("failurePolicy", FAILURE_POLICIES), ("matchPolicy", MATCH_POLICIES)):
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
        errors.extend(one_of(hook["reinvocationPolicy"], REINVOCATION_POLICIES, where))
    errors.extend(_client(hook.get("clientConfig") or {}, path.child("clientConfig")))
    return errors + match_conditions(hook.get("matchConditions") or [], path.child("matchConditions"))


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
        _ = parts.port  # read for the ValueError of one that is no port
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


def admission_rule(rule: Object, path: FieldPath) -> list[FieldError]:
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


def match_conditions(conditions: list[Object], path: FieldPath) -> list[FieldError]:
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


CREATE = {"MutatingWebhookConfiguration": webhooks, "ValidatingWebhookConfiguration": webhooks}

UPDATE = {
    "MutatingWebhookConfiguration": lambda new, old, subresource: webhooks(new),
    "ValidatingWebhookConfiguration": lambda new, old, subresource: webhooks(new),
}
