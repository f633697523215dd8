"""What a simulated node says of a pod, second by second."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from pybernetes.semantics.pods import is_ready
from pybernetes.testing.simpods import PREFIX, Run, Timing, step

START = datetime(2026, 1, 1, tzinfo=UTC)


def pod(policy: str = "Always", **wishes: str) -> dict[str, Any]:
    annotations = {PREFIX + name.replace("_", "-"): value for name, value in wishes.items()}
    return {
        "metadata": {"name": "web", "annotations": annotations},
        "spec": {"restartPolicy": policy, "containers": [{"name": "main", "image": "web:1"}]},
    }


def at(obj: dict[str, Any], run: Run, seconds: float) -> dict[str, Any]:
    found = step(obj, run, START + timedelta(seconds=seconds), Timing(1, 2, 1), "172.31.0.1")
    assert found.status is not None
    return {"status": found.status, "again": found.again}


def test_a_pod_is_created_runs_and_becomes_ready() -> None:
    obj, run = pod(), Run(START, "10.244.0.2")
    first = at(obj, run, 0)
    assert first["status"]["phase"] == "Pending" and first["again"] == 1
    assert "podIP" not in first["status"]
    second = at(obj, run, 1)
    assert second["status"]["phase"] == "Running" and not is_ready(second) and second["again"] == 2
    assert second["status"]["podIPs"] == [{"ip": "10.244.0.2"}]
    third = at(obj, run, 3)
    assert is_ready(third) and third["again"] is None


def test_conditions_keep_the_time_of_their_last_change() -> None:
    obj, run = pod(), Run(START, "10.244.0.2")
    for seconds in (0, 1, 3, 50):
        found = at(obj, run, seconds)
    times = {one["type"]: one["lastTransitionTime"] for one in found["status"]["conditions"]}
    assert times["Ready"] == "2026-01-01T00:00:03Z"
    assert times["Initialized"] == "2026-01-01T00:00:00Z"


def test_a_job_pod_ends_with_its_exit_code() -> None:
    obj, run = pod("Never", exit_after="5", exit_code="3"), Run(START, "10.244.0.2")
    assert at(obj, run, 1)["again"] == 2
    assert at(obj, run, 3)["again"] == 3
    ended = at(obj, run, 6)
    assert ended["status"]["phase"] == "Failed"
    assert ended["status"]["containerStatuses"][0]["state"]["terminated"]["exitCode"] == 3


def test_containers_that_must_run_are_started_again() -> None:
    obj, run = pod(exit_after="5"), Run(START, "10.244.0.2")
    at(obj, run, 1)
    again = at(obj, run, 6)
    assert again["status"]["phase"] == "Running"
    assert again["status"]["containerStatuses"][0]["restartCount"] == 1


def test_a_pod_can_be_kept_from_becoming_ready() -> None:
    obj, run = pod(ready="false"), Run(START, "10.244.0.2")
    assert not is_ready(at(obj, run, 100))


def test_host_network_pods_have_the_nodes_address() -> None:
    obj, run = pod(), Run(START, "10.244.0.2")
    obj["spec"]["hostNetwork"] = True
    assert at(obj, run, 100)["status"]["podIP"] == "172.31.0.1"
