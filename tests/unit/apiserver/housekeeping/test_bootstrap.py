"""A cluster's first objects: created once, repaired when damaged, left alone when changed by users."""

from __future__ import annotations

from typing import Any

from pybernetes.api.errors import Conflict
from pybernetes.api.kinds import CLUSTER_ROLES, NAMESPACES, PRIORITY_CLASSES, Kind
from pybernetes.apiserver.auth.policy import AUTOUPDATE
from pybernetes.apiserver.housekeeping.bootstrap import Bootstrap


class Objects:
    """As much of a client as Bootstrap uses, over a dict; counts writes."""

    def __init__(self) -> None:
        self.stored: dict[tuple[Kind, str | None, str], dict[str, Any]] = {}
        self.writes = 0
        self.conflicts = 0

    def _key(self, kind: Kind, obj: dict[str, Any]) -> tuple[Kind, str | None, str]:
        return kind, obj["metadata"].get("namespace"), obj["metadata"]["name"]

    async def list(self, kind: Kind) -> dict[str, Any]:
        return {"items": [obj for key, obj in self.stored.items() if key[0] == kind]}

    async def get(self, kind: Kind, namespace: str | None, name: str) -> dict[str, Any]:
        return self.stored[(kind, namespace, name)]

    async def create(self, kind: Kind, obj: dict[str, Any]) -> None:
        assert self._key(kind, obj) not in self.stored
        self.writes += 1
        self.stored[self._key(kind, obj)] = obj

    async def update(self, kind: Kind, obj: dict[str, Any]) -> None:
        if self.conflicts:
            self.conflicts -= 1
            raise Conflict("somebody else was faster")
        self.writes += 1
        self.stored[self._key(kind, obj)] = obj


async def started() -> tuple[Objects, Bootstrap]:
    objects = Objects()
    bootstrap = Bootstrap(objects, b"CA")
    await bootstrap.ensure()
    objects.writes = 0
    return objects, bootstrap


async def test_an_empty_cluster_gets_everything_and_a_second_start_writes_nothing() -> None:
    objects, bootstrap = await started()
    assert (NAMESPACES, None, "kube-node-lease") in objects.stored
    assert objects.stored[(PRIORITY_CLASSES, None, "system-node-critical")]["value"] == 2_000_001_000
    await bootstrap.ensure()
    assert objects.writes == 0


async def test_a_damaged_role_is_mended_even_when_somebody_else_writes_it() -> None:
    objects, bootstrap = await started()
    key = (CLUSTER_ROLES, None, "system:node")
    whole = objects.stored[key]
    objects.stored[key] = {**whole, "rules": whole["rules"][2:]}
    objects.conflicts = 1
    await bootstrap.ensure()
    assert objects.writes == 1
    assert all(rule in objects.stored[key]["rules"] for rule in whole["rules"])


async def test_a_role_marked_as_the_users_own_is_left_alone() -> None:
    objects, bootstrap = await started()
    key = (CLUSTER_ROLES, None, "system:node")
    metadata = {**objects.stored[key]["metadata"], "annotations": {AUTOUPDATE: "false"}}
    objects.stored[key] = {**objects.stored[key], "metadata": metadata, "rules": []}
    await bootstrap.ensure()
    assert objects.stored[key]["rules"] == []
