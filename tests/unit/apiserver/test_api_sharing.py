"""What a patch does not touch is shared between the old and the new object: the old one must stay as it was."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from api_harness import Api, deployment

from pybernetes.apiserver.admission import admit
from pybernetes.apiserver.writes import UPDATE, Write

DEFAULT = "/api/v1/namespaces/default"
LABEL = {"metadata": {"labels": {"touched": "yes"}}}


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, Any]]:
    """(the old object as updates leave it at the end of admission, the object as it was stored)."""
    found: list[tuple[Any, Any]] = []

    async def look(write: Write) -> None:
        if write.operation == UPDATE and write.old is not None:
            entry = await write.server.registry.get(write.resource, write.namespace, write.name)
            found.append((write.old, entry.object(write.resource.head)))

    monkeypatch.setattr(admit, "VALIDATING", (*admit.VALIDATING, ("Look", look)))
    return found


@pytest.mark.parametrize("kind", ["merge", "strategic"])
@pytest.mark.parametrize(
    "obj",
    [
        ("/api/v1/namespaces/default/services", {"spec": {"type": "NodePort", "ports": [{"port": 80}]}}),
        ("/api/v1/namespaces/default/configmaps", {"data": {"a": "b"}}),
        ("/apis/apps/v1/namespaces/default/deployments", deployment("one")),
        ("/api/v1/namespaces/default/pods", {"spec": {"containers": [{"name": "c", "image": "i"}]}}),
        ("/api/v1/nodes", {"spec": {"taints": [{"key": "k", "effect": "NoSchedule"}]}}),
    ],
    ids=lambda one: str(one[0]).rpartition("/")[2],
)
async def test_updates_leave_the_old_object_alone(
    api: Api, seen: list[tuple[Any, Any]], kind: str, obj: tuple[str, dict[str, Any]]
) -> None:
    path, body = obj
    await api.made(path, {**body, "metadata": {"name": "one"}})
    reply = await api.patch(f"{path}/one", LABEL, kind)
    assert reply.status == 200, reply.body
    ((old, stored),) = seen
    assert msgspec.json.encode(old) == msgspec.json.encode(stored)
    assert '"f:touched":{}' in reply.body.decode()


async def test_a_service_that_gives_up_its_node_ports_frees_them(api: Api) -> None:
    spec = {"type": "NodePort", "selector": {"a": "b"}, "ports": [{"port": 80, "nodePort": 30080}]}
    await api.made(f"{DEFAULT}/services", {"metadata": {"name": "one"}, "spec": spec})
    reply = await api.patch(f"{DEFAULT}/services/one", {"spec": {"type": "ClusterIP"}})
    assert "nodePort" not in reply.json["spec"]["ports"][0]
    await api.made(f"{DEFAULT}/services", {"metadata": {"name": "two"}, "spec": spec})
