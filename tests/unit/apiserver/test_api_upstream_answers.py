"""What upstream's API server said about good objects with one mistake, word for word.

upstream_answers.json holds the objects and, for each mistake, whether it is made in creating or in updating, in
which object and where, the wrong value, and the causes in upstream's Status.
"""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from api_harness import Api

from pybernetes.api.kinds import BUILTIN_KINDS

Object = dict[str, Any]

ANSWERS = json.loads(Path(__file__).with_name("upstream_answers.json").read_text())
NAMES = sorted(ANSWERS["objects"])
KINDS = {kind.kind: kind for kind in BUILTIN_KINDS if not kind.group}
ABSENT = "<absent>"


def collection(obj: Object) -> str:
    kind = KINDS[obj["kind"]]
    return f"/api/v1/namespaces/default/{kind.resource}" if kind.namespaced else f"/api/v1/{kind.resource}"


def changed(obj: Object, path: list[Any], value: Any) -> Object:
    result = copy.deepcopy(obj)
    part: Any = result
    for step in path[:-1]:
        part = part[step]
    if value == ABSENT:
        del part[path[-1]]
    else:
        part[path[-1]] = value
    return result


@pytest.mark.parametrize("name", NAMES)
async def test_mistakes_are_named_as_upstream_names_them(api: Api, name: str) -> None:
    good = ANSWERS["objects"][name]
    url = collection(good)
    mistakes = [mistake for mistake in ANSWERS["mistakes"] if mistake[1] == name]
    assert mistakes
    live: Object = {}
    if any(mistake[0] == "PUT" for mistake in mistakes):
        live = await api.made(url, good)
    different = []
    for how, _, path, value, expected in mistakes:
        if how == "POST":
            reply = await api.post(f"{url}?dryRun=All", changed(good, path, value))
        else:
            reply = await api.put(f"{url}/{good['metadata']['name']}?dryRun=All", changed(live, path, value))
        causes = (reply.json.get("details") or {}).get("causes") or []
        told = [f"{cause['field']}: {cause['message']}" for cause in causes]
        if told != expected:
            different.append((how, path, value, told or reply.message, expected))
    assert different == []
