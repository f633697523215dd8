"""What the name of a resource says about it. Pure.

Source: https://kubernetes.io/docs/concepts/configuration/manage-resources-containers/#extended-resources
"""

from __future__ import annotations

from collections.abc import Mapping

_DEFAULT_PREFIX = "kubernetes.io/"


def is_native(name: str) -> bool:
    return "/" not in name or _DEFAULT_PREFIX in name


def is_extended(name: str) -> bool:
    """A resource that a device plugin or an administrator brought in."""
    return not is_native(name) and not name.startswith("requests.")


def is_hugepages(name: str) -> bool:
    return name.startswith("hugepages-")


def extended(resources: Mapping[str, str] | None) -> dict[str, str]:
    """The extended ones of a resource list."""
    return {name: amount for name, amount in (resources or {}).items() if is_extended(name)}
