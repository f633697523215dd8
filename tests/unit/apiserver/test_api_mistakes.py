"""What users get wrong most, kind by kind: every message, in upstream's words and order."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml
from api_harness import Api

Object = dict[str, Any]

RECORDED: Object = yaml.safe_load((Path(__file__).parent / "mistakes.yaml").read_text())
OBJECTS: dict[str, Object] = RECORDED["objects"]
MISTAKES: list[Object] = RECORDED["mistakes"]
CHANGES: list[Object] = RECORDED["changes"]


def wrong(mistake: Object) -> Object:
    obj: Object = copy.deepcopy(OBJECTS[mistake["of"]]["object"])
    for path, value in mistake["set"].items():
        here: Any = obj
        *steps, last = [int(step) if step.isdigit() else step for step in path.split(".")]
        for step in steps:
            here = here[step]
        if value is None:
            del here[last]
        else:
            here[last] = value
    return obj


@pytest.mark.parametrize("name", OBJECTS)
async def test_without_the_mistake_it_is_taken(api: Api, name: str) -> None:
    reply = await api.post(OBJECTS[name]["path"] + "?dryRun=All", OBJECTS[name]["object"])
    assert reply.status == 201, reply.message


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda one: f"{one['of']}: {', '.join(one['set'])}")
async def test_the_mistake_is_told(api: Api, mistake: Object) -> None:
    reply = await api.post(OBJECTS[mistake["of"]]["path"] + "?dryRun=All", wrong(mistake))
    assert (reply.status, reply.reason) == (422, "Invalid")
    causes = reply.json["details"]["causes"]
    assert [f"{cause['field']}: {cause['message']}" for cause in causes] == mistake["says"]


@pytest.mark.parametrize("change", CHANGES, ids=lambda one: f"{one['of']}: {', '.join(one['patch'])}")
async def test_what_may_not_change_is_told(api: Api, change: Object) -> None:
    path, obj = OBJECTS[change["of"]]["path"], OBJECTS[change["of"]]["object"]
    await api.made(path, obj)
    whole = f"{path}/{obj['metadata']['name']}"
    door = f"{whole}/{change['subresource']}" if "subresource" in change else whole
    reply = await api.patch(door, change["patch"])
    assert (reply.status, reply.reason) == (422, "Invalid")
    causes = reply.json["details"]["causes"]
    assert [f"{cause['field']}: {cause['message']}" for cause in causes] == change["says"]
