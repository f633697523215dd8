"""Definitions of custom resources and API services: names, versions and where they are served."""

from __future__ import annotations

from typing import Any

from pybernetes.api.fields import METADATA, SPEC, FieldError, go_quote, invalid, not_supported, required
from pybernetes.api.names import is_dns1035_label, is_dns1123_subdomain
from pybernetes.api.validation.values import immutable

Object = dict[str, Any]

_SCOPES = ("Cluster", "Namespaced")
_MAX_GROUP_PRIORITY, _MAX_VERSION_PRIORITY = 20000, 1000


def custom_resource_definition(obj: Object) -> list[FieldError]:
    spec = obj.get("spec") or {}
    names, group = spec.get("names") or {}, spec.get("group") or ""
    errors: list[FieldError] = []
    wanted = f"{names.get('plural', '')}.{group}"
    if obj["metadata"].get("name") != wanted:
        why = 'must be spec.names.plural+"."+spec.group'
        errors.append(invalid(METADATA.child("name"), obj["metadata"].get("name", ""), why))
    return errors + _definition_spec(spec)


def _definition_spec(spec: Object) -> list[FieldError]:
    errors: list[FieldError] = []
    group = spec.get("group") or ""
    if not group:
        errors.append(required(SPEC.child("group")))
    elif wrong := is_dns1123_subdomain(group):
        errors.append(invalid(SPEC.child("group"), group, ",".join(wrong)))
    elif "." not in group:
        why = "should be a domain with at least one dot"
        errors.append(invalid(SPEC.child("group"), group, why))
    scope = spec.get("scope") or ""
    if not scope:
        errors.append(required(SPEC.child("scope")))
    elif scope not in _SCOPES:
        errors.append(not_supported(SPEC.child("scope"), scope, _SCOPES))
    return errors + _definition_versions(spec.get("versions") or []) + _definition_names(spec)


def _definition_versions(versions: list[Object]) -> list[FieldError]:
    path = SPEC.child("versions")
    errors: list[FieldError] = []
    for position, version in enumerate(versions):
        here = path.at(position)
        wrong = is_dns1035_label(version.get("name") or "")
        if wrong:
            errors.append(invalid(here.child("name"), version.get("name", ""), ",".join(wrong)))
        if not (version.get("schema") or {}).get("openAPIV3Schema"):
            errors.append(required(here.child("schema", "openAPIV3Schema")))
    found = [version.get("name") for version in versions]
    if len(set(found)) != len(found):
        errors.append(invalid(path, versions, "must contain unique version names"))
    if sum(bool(version.get("storage")) for version in versions) != 1:
        why = "must have exactly one version marked as storage version"
        errors.append(invalid(path, versions, why))
    return errors


def _definition_names(spec: Object) -> list[FieldError]:
    names, path = spec.get("names") or {}, SPEC.child("names")
    errors: list[FieldError] = []
    for field in ("plural", "singular", "kind", "listKind"):
        name = names.get(field) or ""
        if not name:
            errors.append(required(path.child(field)))
            continue
        wrong = is_dns1035_label(name.lower())
        if wrong:
            mixed = field in ("kind", "listKind")
            lead = "may have mixed case, but should otherwise match: " if mixed else ""
            errors.append(invalid(path.child(field), name, lead + ",".join(wrong)))
    if names.get("kind") and names.get("kind") == names.get("listKind"):
        why = "kind and listKind may not be the same"
        errors.append(invalid(path.child("listKind"), names["listKind"], why))
    return errors


def custom_resource_definition_update(new: Object, old: Object, subresource: str) -> list[FieldError]:
    errors = custom_resource_definition(new)
    conditions = (old.get("status") or {}).get("conditions") or ()
    if any(one.get("type") == "Established" and one.get("status") == "True" for one in conditions):
        before, after = old.get("spec") or {}, new.get("spec") or {}
        errors.extend(immutable(after, before, "scope", SPEC))
        names, old_names = after.get("names") or {}, before.get("names") or {}
        errors.extend(immutable(names, old_names, "kind", SPEC.child("names")))
    return errors


def api_service(obj: Object) -> list[FieldError]:
    spec = obj.get("spec") or {}
    group, version = spec.get("group") or "", spec.get("version") or ""
    name = obj["metadata"].get("name", "")
    errors: list[FieldError] = []
    wanted = f"{version}.{group}"
    if name != wanted:
        why = f'must be `spec.version+"."+spec.group`: {go_quote(wanted)}'
        errors.append(invalid(METADATA.child("name"), name, why))
    if not group and version != "v1":
        why = "only v1 may have an empty group and it better be legacy kube"
        errors.append(required(SPEC.child("group"), why))
    if group:
        errors.extend(invalid(SPEC.child("group"), group, why) for why in is_dns1123_subdomain(group))
    errors.extend(invalid(SPEC.child("version"), version, why) for why in is_dns1035_label(version))
    for field, most in (
        ("groupPriorityMinimum", _MAX_GROUP_PRIORITY),
        ("versionPriority", _MAX_VERSION_PRIORITY),
    ):
        number = spec.get(field) or 0
        if not 0 < number <= most:
            why = f"must be positive and less than {most}"
            errors.append(invalid(SPEC.child(field), number, why))
    return errors + _backend(spec)


def _backend(spec: Object) -> list[FieldError]:
    service, bundle = spec.get("service"), spec.get("caBundle") or ""
    insecure = bool(spec.get("insecureSkipTLSVerify"))
    errors: list[FieldError] = []
    if service is None:
        if bundle:
            why = "local APIServices may not have a caBundle"
            errors.append(invalid(SPEC.child("caBundle"), bundle, why))
        if insecure:
            why = "local APIServices may not have insecureSkipTLSVerify"
            errors.append(invalid(SPEC.child("insecureSkipTLSVerify"), True, why))
        return errors
    for field in ("namespace", "name"):
        if not service.get(field):
            errors.append(required(SPEC.child("service", field)))
    port = service.get("port", 443)
    if not 0 < port < 65536:
        why = "port is not valid: must be between 1 and 65535, inclusive"
        errors.append(invalid(SPEC.child("service", "port"), port, why))
    if insecure and bundle:
        why = "may not be true if caBundle is present"
        errors.append(invalid(SPEC.child("insecureSkipTLSVerify"), True, why))
    return errors


def api_service_update(new: Object, old: Object, subresource: str) -> list[FieldError]:
    return api_service(new)


CREATE = {"CustomResourceDefinition": custom_resource_definition, "APIService": api_service}
UPDATE = {
    "CustomResourceDefinition": custom_resource_definition_update,
    "APIService": api_service_update,
}
