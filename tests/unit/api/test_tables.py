from datetime import UTC, datetime
from typing import Any

import pytest

from pybernetes.api.kinds import (
    BUILTIN_KINDS,
    CERTIFICATE_SIGNING_REQUESTS,
    CORE_EVENTS,
    DEPLOYMENTS,
    JOBS,
    LEASES,
    NODES,
    PODS,
    SERVICES,
    Kind,
)
from pybernetes.api.tables import columns_for, row

NOW = datetime(2026, 1, 1, 1, 0, 0, tzinfo=UTC)


def shown(kind: Kind, **fields: Any) -> dict[str, Any]:
    metadata = {"name": "x", "creationTimestamp": "2026-01-01T00:57:00Z", **fields.pop("metadata", {})}
    cells = row(kind, {"metadata": metadata, **fields}, NOW)
    names = [column["name"] for column in columns_for(kind)]
    assert len(cells) == len(names)
    return dict(zip(names, cells, strict=True))


@pytest.mark.parametrize("kind", BUILTIN_KINDS, ids=lambda kind: kind.group_kind)
def test_every_kind_fills_its_columns_even_when_empty(kind: Kind) -> None:
    assert shown(kind)["Name"] == "x"
    assert all(column["name"] for column in columns_for(kind))


def pod_shown(*statuses: dict[str, Any], **more: Any) -> dict[str, Any]:
    status = {"phase": "Running", "containerStatuses": list(statuses), **more.pop("status", {})}
    spec = {"containers": [{"name": str(at)} for at in range(len(statuses) or 1)], **more.pop("spec", {})}
    return shown(PODS, spec=spec, status=status, **more)


def state(**of: Any) -> dict[str, Any]:
    return {"state": of}


def test_a_running_pod() -> None:
    running = {"ready": True, "restartCount": 0, **state(running={})}
    cells = pod_shown(running, spec={"nodeName": "n1"}, status={"podIP": "10.0.0.1"})
    assert cells == {
        "Name": "x",
        "Ready": "1/1",
        "Status": "Running",
        "Restarts": "0",
        "Age": "3m",
        "IP": "10.0.0.1",
        "Node": "n1",
        "Nominated Node": "<none>",
        "Readiness Gates": "<none>",
    }
    assert (
        pod_shown(running, metadata={"deletionTimestamp": "2026-01-01T00:59:00Z"})["Status"] == "Terminating"
    )


@pytest.mark.parametrize(
    ("status", "word"),
    [
        (state(waiting={"reason": "CrashLoopBackOff"}), "CrashLoopBackOff"),
        (state(terminated={"reason": "Completed", "exitCode": 0}), "Completed"),
        (state(terminated={"exitCode": 3}), "ExitCode:3"),
        (state(terminated={"signal": 9}), "Signal:9"),
        (state(terminated={"reason": "Error", "exitCode": 1}), "Error"),
    ],
)
def test_a_container_in_trouble_names_the_pods_status(status: dict[str, Any], word: str) -> None:
    assert pod_shown(status)["Status"] == word


def test_restarts_say_when_the_last_was() -> None:
    last = {"lastState": {"terminated": {"finishedAt": "2026-01-01T00:57:00Z"}}}
    assert pod_shown({"restartCount": 2, **last, **state(running={})})["Restarts"] == "2 (3m ago)"


@pytest.mark.parametrize(
    ("init", "word"),
    [
        (state(running={}), "Init:0/1"),
        (state(waiting={"reason": "PodInitializing"}), "Init:0/1"),
        (state(waiting={"reason": "ErrImagePull"}), "Init:ErrImagePull"),
        (state(terminated={"exitCode": 1, "reason": "Error"}), "Init:Error"),
        (state(terminated={"exitCode": 2}), "Init:ExitCode:2"),
    ],
)
def test_pods_that_initialize(init: dict[str, Any], word: str) -> None:
    waiting = state(waiting={"reason": "PodInitializing"})
    cells = pod_shown(
        waiting,
        spec={"initContainers": [{"name": "i"}]},
        status={"phase": "Pending", "initContainerStatuses": [{"name": "i", **init}]},
    )
    assert cells["Status"] == word


def test_sidecars_count_as_containers() -> None:
    cells = pod_shown(
        {"ready": True, **state(running={})},
        spec={"initContainers": [{"name": "s", "restartPolicy": "Always"}]},
        status={"initContainerStatuses": [{"name": "s", "started": True, "ready": True, "restartCount": 1}]},
    )
    assert (cells["Ready"], cells["Status"], cells["Restarts"]) == ("2/2", "Running", "1")


def test_nodes() -> None:
    cells = shown(
        NODES,
        metadata={"labels": {"node-role.kubernetes.io/control-plane": ""}},
        spec={"unschedulable": True},
        status={
            "conditions": [{"type": "Ready", "status": "True"}],
            "nodeInfo": {"kubeletVersion": "v1.36.0"},
            "addresses": [{"type": "InternalIP", "address": "10.1.0.2"}],
        },
    )
    assert cells["Status"] == "Ready,SchedulingDisabled"
    assert (cells["Roles"], cells["Version"], cells["Internal-IP"]) == (
        "control-plane",
        "v1.36.0",
        "10.1.0.2",
    )


def test_deployments_services_jobs_events_and_requests() -> None:
    deployment = shown(
        DEPLOYMENTS,
        spec={"replicas": 3, "selector": {"matchLabels": {"a": "b"}}},
        status={"readyReplicas": 2},
    )
    assert (deployment["Ready"], deployment["Selector"]) == ("2/3", "a=b")
    service = shown(
        SERVICES,
        spec={
            "type": "NodePort",
            "clusterIP": "10.96.0.5",
            "ports": [{"port": 80, "nodePort": 30080, "protocol": "TCP"}],
        },
    )
    assert (service["Cluster-IP"], service["External-IP"], service["Port(s)"]) == (
        "10.96.0.5",
        "<none>",
        "80:30080/TCP",
    )
    job = shown(
        JOBS,
        spec={"completions": 1},
        status={
            "succeeded": 1,
            "startTime": "2026-01-01T00:57:00Z",
            "completionTime": "2026-01-01T00:57:05Z",
            "conditions": [{"type": "Complete", "status": "True"}],
        },
    )
    assert (job["Status"], job["Completions"], job["Duration"]) == ("Complete", "1/1", "5s")
    event = shown(
        CORE_EVENTS,
        involvedObject={"kind": "Pod", "name": "p"},
        lastTimestamp="2026-01-01T00:59:30Z",
        source={"component": "kubelet", "host": "n1"},
        message="m\n",
    )
    assert (event["Last Seen"], event["Object"], event["Source"], event["Message"]) == (
        "30s",
        "pod/p",
        "kubelet, n1",
        "m",
    )
    request = shown(
        CERTIFICATE_SIGNING_REQUESTS,
        spec={"signerName": "s"},
        status={"conditions": [{"type": "Approved"}], "certificate": "x"},
    )
    assert request["Condition"] == "Approved,Issued"
    assert shown(LEASES, spec={"holderIdentity": "n1"})["Holder"] == "n1"
