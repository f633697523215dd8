"""What plugins may know beyond nodes and pods: services, owners, namespaces, claims. Pure: a value of look-ups.

The scheduler's shell fills it in from informers; a test with plain dicts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from pybernetes.client.interface import Object

Labels = Mapping[str, str]


def _nothing(*names: str) -> Object | None:
    return None


def _none(namespace: str) -> Iterable[Object]:
    return ()


@dataclass(slots=True)
class Surroundings:
    """Each look-up answers what is known now; None or nothing when there is no such object."""

    namespace: Callable[[str], Object | None] = _nothing
    services: Callable[[str], Iterable[Object]] = _none
    owner: Callable[[str, str, str], Object | None] = _nothing
    """(kind, namespace, name) of a ReplicationController, ReplicaSet or StatefulSet."""
    claim: Callable[[str, str], Object | None] = _nothing
    volume: Callable[[str], Object | None] = _nothing
    volumes: Callable[[], Iterable[Object]] = tuple
    storage_class: Callable[[str], Object | None] = _nothing

    def namespace_labels(self, name: str) -> Labels:
        found = self.namespace(name)
        return (found["metadata"].get("labels") or {}) if found else {}
