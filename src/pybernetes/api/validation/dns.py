"""How a pod looks up names: servers, search list, options."""

from __future__ import annotations

import re
from typing import Any

from pybernetes.api.fields import FieldError, FieldPath, invalid, required
from pybernetes.api.names import is_ip, regex_words

Object = dict[str, Any]

_SERVERS, _SEARCHES, _CHARACTERS = 3, 32, 2048
_LABEL = "_?[a-z0-9]([-_a-z0-9]*[a-z0-9])?"
_NAME = rf"{_LABEL}(\.{_LABEL})*"
_is_name = re.compile(_NAME).fullmatch
_LONGEST = 253


def validate_dns_config(spec: Object, path: FieldPath) -> list[FieldError]:
    config = spec.get("dnsConfig")
    if spec.get("dnsPolicy") == "None":
        if config is None:
            return [required(path, "must provide `dnsConfig` when `dnsPolicy` is None")]
        if not config.get("nameservers"):
            why = "must provide at least one DNS nameserver when `dnsPolicy` is None"
            return [required(path.child("nameservers"), why)]
    config = config or {}
    servers, searches = config.get("nameservers") or [], config.get("searches") or []
    errors: list[FieldError] = []
    if len(servers) > _SERVERS:
        why = f"must not have more than {_SERVERS} nameservers"
        errors.append(invalid(path.child("nameservers"), servers, why))
    for position, server in enumerate(servers):
        errors.extend(is_ip(path.child("nameservers").at(position), server))
    where = path.child("searches")
    if len(searches) > _SEARCHES:
        errors.append(invalid(where, searches, f"must not have more than {_SEARCHES} search paths"))
    if len(" ".join(searches)) > _CHARACTERS:
        why = f"must not have more than {_CHARACTERS} characters (including spaces) in the search list"
        errors.append(invalid(where, searches, why))
    for position, search in enumerate(searches):
        if search != ".":
            name = search.removesuffix(".")
            errors.extend(invalid(where.at(position), name, why) for why in _name_faults(name))
    errors.extend(
        required(path.child("options").at(position), "must not be empty")
        for position, option in enumerate(config.get("options") or ())
        if not option.get("name")
    )
    return errors


def _name_faults(name: str) -> list[str]:
    """As of a subdomain, in which underscores may be."""
    wrong = [f"must be no more than {_LONGEST} characters"] if len(name) > _LONGEST else []
    if not _is_name(name):
        words = (
            "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '_', '-' or '.', and "
            "must start and end with an alphanumeric character"
        )
        wrong.append(regex_words(words, _NAME, "example.com"))
    return wrong
