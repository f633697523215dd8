"""Pods on a real containerd."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.node


async def test_a_pod_runs_and_is_deleted(node):
    await node.run("web", command=["sleep", "1000"])
    status = await node.ready("web")
    assert status["phase"] == "Running"
    assert status["podIP"].startswith("10.99.7.")
    assert status["containerStatuses"][0]["state"]["running"]["startedAt"]
    from pybernetes.api.kinds import PODS

    await node.api.delete(PODS, "default", "web")
    await node.gone("web")
    assert {"Pulled", "Created", "Started", "Killing"} <= set(node.recorder.reasons())


async def test_a_job_like_pod_succeeds(node):
    await node.run("job", command=["sh", "-c", "echo done > /dev/termination-log"], restartPolicy="Never")
    status = await node.phase("job", "Succeeded")
    ended = status["containerStatuses"][0]["state"]["terminated"]
    assert (ended["exitCode"], ended["reason"], ended["message"]) == (0, "Completed", "done\n")


async def test_a_container_that_exits_is_restarted(node):
    await node.run("crash", command=["sh", "-c", "exit 3"])

    def restarted():
        status = node.api.pod("crash")["status"]["containerStatuses"][0]
        return status if status["restartCount"] == 1 and "waiting" in status["state"] else None

    await node.api.until(lambda: node.api.pod("crash")["status"].get("containerStatuses"))
    status = await node.api.until(restarted)
    assert status["state"]["waiting"]["reason"] == "CrashLoopBackOff"
    assert status["lastState"]["terminated"]["exitCode"] == 3
