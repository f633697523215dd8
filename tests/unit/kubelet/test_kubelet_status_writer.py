"""Status patches and the order of their writing."""

from __future__ import annotations

import asyncio

from pybernetes.api.errors import NotFound, ServiceUnavailable
from pybernetes.kubelet.status_writer import StatusWriter, status_patch
from pybernetes.lib.clock import VirtualClock
from pybernetes.lib.tasks import Tasks

POD = {"metadata": {"name": "p", "namespace": "ns", "uid": "u", "resourceVersion": "1"}}


def test_only_what_changed_is_sent():
    before = {"phase": "Pending", "hostIP": "1", "reason": "x"}
    assert status_patch(before, {"phase": "Running", "hostIP": "1"}) == {"phase": "Running", "reason": None}
    assert status_patch(before, before) == {}


def test_conditions_are_merged_and_lose_what_is_no_longer_said():
    before = {"conditions": [{"type": "Ready", "status": "False", "reason": "R", "message": "m"}]}
    after = {"conditions": [{"type": "Ready", "status": "True", "lastProbeTime": None}]}
    assert status_patch(before, after) == {
        "conditions": [{"type": "Ready", "status": "True", "reason": None, "message": None}]
    }


def test_an_address_that_is_gone_is_taken_out():
    patch = status_patch({"podIPs": [{"ip": "1"}]}, {"podIPs": [{"ip": "2"}]})
    assert patch == {"podIPs": [{"$patch": "delete", "ip": "1"}, {"ip": "2"}]}


class FakeClient:
    def __init__(self):
        self.sent = []
        self.errors = []
        self.gate = asyncio.Event()
        self.gate.set()

    async def patch(self, kind, namespace, name, body, **_):
        await self.gate.wait()
        if self.errors:
            raise self.errors.pop(0)
        self.sent.append(body)
        return {"metadata": {"resourceVersion": str(10 + len(self.sent))}}


async def test_statuses_are_written_in_order_and_the_ones_between_are_left_out():
    clock, client, tasks = VirtualClock(), FakeClient(), Tasks("t")
    writer = StatusWriter(client, clock, tasks)
    client.gate.clear()
    for phase in ("Pending", "Running", "Succeeded"):
        writer.publish(POD, {"phase": phase, "conditions": []})
        await clock.settle()
    client.gate.set()
    await writer.flush("u")
    assert [body["status"]["phase"] for body in client.sent] == ["Pending", "Succeeded"]
    assert client.sent[0]["metadata"] == {"uid": "u"}
    await tasks.close()


async def test_a_write_that_fails_is_tried_again_and_one_without_a_pod_is_not():
    clock, client, tasks = VirtualClock(), FakeClient(), Tasks("t")
    writer = StatusWriter(client, clock, tasks)
    client.errors = [ServiceUnavailable("no")]
    writer.publish(POD, {"phase": "Running", "conditions": []})
    await clock.advance(1)
    assert len(client.sent) == 1
    client.errors = [NotFound("gone")]
    writer.publish(POD, {"phase": "Failed", "conditions": []})
    await writer.flush("u")
    assert len(client.sent) == 1
    await tasks.close()


async def test_a_condition_that_somebody_else_changed_is_written_again():
    clock, client, tasks = VirtualClock(), FakeClient(), Tasks("t")
    writer = StatusWriter(client, clock, tasks)
    mine = {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}
    writer.publish(POD, mine)
    await writer.flush("u")
    theirs = {"phase": "Running", "conditions": [{"type": "Ready", "status": "False"}]}
    stale = {**POD, "metadata": {**POD["metadata"], "resourceVersion": "5"}, "status": theirs}
    writer.reconcile(stale, mine)
    assert len(client.sent) == 1, "an older version is no news"
    newer = {**stale, "metadata": {**POD["metadata"], "resourceVersion": "50"}}
    writer.reconcile(newer, mine)
    await writer.flush("u")
    assert client.sent[1]["status"] == {"conditions": [{"type": "Ready", "status": "True"}]}
    await tasks.close()
