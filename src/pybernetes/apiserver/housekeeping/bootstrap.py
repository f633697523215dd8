"""The objects that a cluster starts with: system namespaces, priority classes, roles and their bindings.

`Bootstrap(client).ensure()` runs at every start. On an old cluster it reads each kind once and writes only
what is missing; what users changed stays, as `auth/policy` says for roles.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from pybernetes.api.errors import AlreadyExists, Conflict, NotFound
from pybernetes.api.kinds import (
    CONFIG_MAPS,
    FLOW_SCHEMAS,
    NAMESPACES,
    PRIORITY_CLASSES,
    PRIORITY_LEVEL_CONFIGURATIONS,
    Kind,
)
from pybernetes.apiserver.auth.policy import bootstrap_objects, reconciled
from pybernetes.client.interface import Client

Object = dict[str, Any]

SYSTEM_NAMESPACES = ("kube-system", "kube-public", "kube-node-lease", "default")
SYSTEM_CRITICAL = 2_000_000_000
"""Priorities from here on are for the system's own classes."""


def namespaces() -> Iterator[tuple[Kind, Object]]:
    for name in SYSTEM_NAMESPACES:
        yield NAMESPACES, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}


def priority_classes() -> Iterator[tuple[Kind, Object]]:
    for name, value, use in (
        ("system-node-critical", SYSTEM_CRITICAL + 1000, "pods that a node cannot do without"),
        ("system-cluster-critical", SYSTEM_CRITICAL, "pods that the cluster cannot do without"),
    ):
        yield (
            PRIORITY_CLASSES,
            {
                "apiVersion": PRIORITY_CLASSES.api_version,
                "kind": PRIORITY_CLASSES.kind,
                "metadata": {"name": name},
                "value": value,
                "description": f"For {use}: they must not be moved from their node.",
            },
        )


def flow_control() -> Iterator[tuple[Kind, Object]]:
    """The two levels and schemas that have to exist: nothing is exempt but the system, all else is caught."""
    spec: Object
    for name, spec in (
        ("exempt", {"type": "Exempt", "exempt": {"nominalConcurrencyShares": 0, "lendablePercent": 0}}),
        (
            "catch-all",
            {
                "type": "Limited",
                "limited": {
                    "nominalConcurrencyShares": 5,
                    "lendablePercent": 0,
                    "limitResponse": {"type": "Reject"},
                },
            },
        ),
    ):
        yield (
            PRIORITY_LEVEL_CONFIGURATIONS,
            {
                "apiVersion": PRIORITY_LEVEL_CONFIGURATIONS.api_version,
                "kind": PRIORITY_LEVEL_CONFIGURATIONS.kind,
                "metadata": {"name": name, "annotations": {"apf.kubernetes.io/autoupdate-spec": "true"}},
                "spec": spec,
            },
        )
    for name, precedence, groups, distinguisher in (
        ("exempt", 1, ("system:masters",), None),
        ("catch-all", 10000, ("system:unauthenticated", "system:authenticated"), {"type": "ByUser"}),
    ):
        spec = {
            "priorityLevelConfiguration": {"name": name},
            "matchingPrecedence": precedence,
            "rules": [
                {
                    "subjects": [{"kind": "Group", "group": {"name": group}} for group in groups],
                    "resourceRules": [
                        {
                            "verbs": ["*"],
                            "apiGroups": ["*"],
                            "resources": ["*"],
                            "clusterScope": True,
                            "namespaces": ["*"],
                        }
                    ],
                    "nonResourceRules": [{"verbs": ["*"], "nonResourceURLs": ["*"]}],
                }
            ],
        }
        if distinguisher:
            spec["distinguisherMethod"] = distinguisher
        yield (
            FLOW_SCHEMAS,
            {
                "apiVersion": FLOW_SCHEMAS.api_version,
                "kind": FLOW_SCHEMAS.kind,
                "metadata": {"name": name, "annotations": {"apf.kubernetes.io/autoupdate-spec": "true"}},
                "spec": spec,
            },
        )


def authentication_config(client_ca: bytes) -> Iterator[tuple[Kind, Object]]:
    """Where aggregated servers and kubelets find the CA of client certificates."""
    yield (
        CONFIG_MAPS,
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"namespace": "kube-system", "name": "extension-apiserver-authentication"},
            "data": {"client-ca-file": client_ca.decode()} if client_ca else {},
        },
    )


class Bootstrap:
    """Creates and repairs. Several servers may do so at once: whoever comes second finds it done."""

    def __init__(self, client: Client, client_ca: bytes = b"") -> None:
        self._client = client
        self._client_ca = client_ca

    async def ensure(self) -> None:
        await self._ensure_all([*namespaces(), *priority_classes(), *flow_control()])
        await self._ensure_all(authentication_config(self._client_ca))
        await self._ensure_all(bootstrap_objects(), repair=True)

    async def _ensure_all(self, wanted: Iterable[tuple[Kind, Object]], *, repair: bool = False) -> None:
        listed: dict[Kind, dict[tuple[str | None, str], Object]] = {}
        for kind, obj in wanted:
            if kind not in listed:
                items = (await self._client.list(kind))["items"]
                listed[kind] = {_name(item): item for item in items}
            found = listed[kind].get(_name(obj))
            if found is None:
                await self._create(kind, obj)
            elif repair:
                await self._repair(kind, found, obj)

    async def _create(self, kind: Kind, obj: Object) -> None:
        try:
            await self._client.create(kind, obj)
        except AlreadyExists:
            return

    async def _repair(self, kind: Kind, found: Object, wanted: Object) -> None:
        mended = reconciled(found, wanted)
        while mended is not None:
            try:
                await self._client.update(kind, mended)
                return
            except Conflict:
                namespace, name = _name(wanted)
                try:
                    mended = reconciled(await self._client.get(kind, namespace, name), wanted)
                except NotFound:
                    await self._create(kind, wanted)
                    return


def _name(obj: Object) -> tuple[str | None, str]:
    return obj["metadata"].get("namespace"), obj["metadata"]["name"]
