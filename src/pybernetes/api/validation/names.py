"""What names the objects of each kind may have."""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import ip_address

from pybernetes.api.names import (
    is_dns1123_label,
    is_dns1123_subdomain,
    is_path_segment,
)

NameRule = Callable[[str], list[str]]


def _is_canonical_ip(name: str) -> list[str]:
    try:
        shown = str(ip_address(name))
    except ValueError:
        return ["must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"]
    return [] if shown == name else [f'must be in canonical form ("{shown}")']


_PATH_SEGMENT_GROUPS = frozenset(
    ("rbac.authorization.k8s.io", "certificates.k8s.io", "apiregistration.k8s.io")
)
_RULES: dict[tuple[str, str], NameRule] = {
    ("", "Namespace"): is_dns1123_label,
    ("", "Service"): is_dns1123_label,
    ("apps", "StatefulSet"): is_dns1123_label,
    ("networking.k8s.io", "IPAddress"): _is_canonical_ip,
}


def name_rule(group: str, kind: str) -> NameRule:
    """The check for names of a kind: most are DNS-1123 subdomains."""
    found = _RULES.get((group, kind))
    if found is not None:
        return found
    return is_path_segment if group in _PATH_SEGMENT_GROUPS else is_dns1123_subdomain
