"""What kinds the server serves, for the controllers that work on all of them.

In: the discovery documents. Out: a `Kind` for each resource in its preferred version; built-in ones are the
constants of api/kinds.py, so that they share informers with everybody else.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from pybernetes.api.kinds import Kind, by_resource
from pybernetes.client.interface import Client


class DiscoveryFailed(Exception):
    """Some groups could not be asked; `found` are the kinds of the others, `failed` says which and why."""

    def __init__(self, found: list[Kind], failed: dict[str, str]) -> None:
        self.found = found
        self.failed = failed
        texts = ", ".join(f"{group}: {why}" for group, why in sorted(failed.items()))
        super().__init__(f"unable to retrieve the complete list of server APIs: {texts}")


def kinds_of(group: str, version: str, resources: Iterable[dict[str, Any]]) -> list[Kind]:
    """The kinds in one APIResourceList; subresources are left out."""
    found = []
    for one in resources:
        name = one["name"]
        if "/" in name:
            continue
        built_in = by_resource(group, version, name)
        found.append(
            built_in
            or Kind(
                group,
                version,
                one["kind"],
                name,
                bool(one.get("namespaced")),
                verbs=tuple(one.get("verbs") or ()),
            )
        )
    return found


def group_versions(groups: Iterable[dict[str, Any]]) -> list[tuple[str, list[str]]]:
    """(group, versions), the preferred version first."""
    found = []
    for group in groups:
        preferred = (group.get("preferredVersion") or {}).get("version", "")
        versions = [one["version"] for one in group.get("versions") or ()]
        versions.sort(key=lambda version: version != preferred)
        found.append((group["name"], versions))
    return found


async def discover(client: Client) -> list[Kind]:
    """Every kind once, in its preferred version. Raises DiscoveryFailed when only some could be found out."""
    failed: dict[str, str] = {}
    targets: list[tuple[str, list[str]]] = [("", ["v1"])]
    status, body = await client.raw("GET", "/apis")
    if status == 200:
        targets += group_versions(msgspec.json.decode(body).get("groups") or ())
    else:
        failed["apis"] = f"the server answered {status}"
    found: list[Kind] = []
    seen: set[tuple[str, str]] = set()
    for group, versions in targets:
        for version in versions:
            path = f"/apis/{group}/{version}" if group else f"/api/{version}"
            status, body = await client.raw("GET", path)
            if status != 200:
                failed[path.split("/", 2)[2]] = f"the server answered {status}"
                continue
            for kind in kinds_of(group, version, msgspec.json.decode(body).get("resources") or ()):
                if (group, kind.resource) not in seen:
                    seen.add((group, kind.resource))
                    found.append(kind)
    if failed:
        raise DiscoveryFailed(found, failed)
    return found
