"""What names the objects of each kind may have."""

from __future__ import annotations

from collections.abc import Callable

from pybernetes.api.fields import ROOT
from pybernetes.api.names import (
    is_dns1123_label,
    is_dns1123_subdomain,
    is_path_segment,
)
from pybernetes.api.validation.addresses import canonical_ip

NameRule = Callable[[str], list[str]]


def _is_canonical_ip(name: str) -> list[str]:
    return [error.detail for error in canonical_ip(name, ROOT)]


_PATH_SEGMENT_GROUPS = frozenset(
    ("rbac.authorization.k8s.io", "certificates.k8s.io", "apiregistration.k8s.io")
)
_RULES: dict[tuple[str, str], NameRule] = {
    ("", "Event"): is_path_segment,
    ("events.k8s.io", "Event"): is_path_segment,
    ("", "Namespace"): is_dns1123_label,
    ("", "Service"): is_dns1123_label,
    ("apps", "StatefulSet"): is_dns1123_label,
    ("networking.k8s.io", "IPAddress"): _is_canonical_ip,
    ("policy", "PodDisruptionBudget"): is_path_segment,
}


_PREFIX_RULES: dict[tuple[str, str], NameRule] = {
    ("", "Event"): is_path_segment,
    ("", "ReplicationController"): is_path_segment,
    ("events.k8s.io", "Event"): is_path_segment,
}


def prefix_rule(group: str, kind: str) -> NameRule:
    """The check for metadata.generateName, which some kinds are less strict about."""
    return _PREFIX_RULES.get((group, kind)) or name_rule(group, kind)


def name_rule(group: str, kind: str) -> NameRule:
    """The check for names of a kind: most are DNS-1123 subdomains."""
    found = _RULES.get((group, kind))
    if found is not None:
        return found
    return is_path_segment if group in _PATH_SEGMENT_GROUPS else is_dns1123_subdomain
