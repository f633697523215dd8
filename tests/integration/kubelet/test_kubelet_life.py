"""What happens to pods over time, on a real containerd: restarts, hooks, probes, recovery, limits."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from containerd_node import BUSYBOX as IMAGE

from pybernetes.api.kinds import PODS
from pybernetes.client.interface import STRATEGIC_MERGE_PATCH
from pybernetes.lib.clock import RealClock

pytestmark = pytest.mark.node

SLEEP = ["sh", "-c", "trap 'exit 0' TERM; while true; do sleep 0.1; done"]


def mounts() -> str:
    return Path("/proc/self/mounts").read_text()


def status_of(node, name, container="main"):
    status = (node.api.pod(name) or {}).get("status", {})
    listed = [*status.get("containerStatuses", []), *status.get("initContainerStatuses", [])]
    return next((one for one in listed if one["name"] == container), None)


async def pid_of(node, container_id):
    import json

    from pybernetes.kubelet.cri.messages import api_pb2

    request = api_pb2.ContainerStatusRequest(container_id=container_id, verbose=True)
    answer = await node.kubelet.cri.call("ContainerStatus", request)
    return json.loads(answer.info["info"])["pid"]


async def test_a_killed_container_comes_back(node):
    await node.run("web", command=SLEEP)
    status = await node.ready("web")
    os.kill(await pid_of(node, status["containerStatuses"][0]["containerID"][13:]), signal.SIGKILL)
    back = await node.api.until(
        lambda: (s := status_of(node, "web")) and s["restartCount"] == 1 and s["ready"] and s
    )
    assert back["lastState"]["terminated"]["exitCode"] == 137


async def test_a_dead_sandbox_is_replaced(node):
    await node.run("web", command=SLEEP)
    before = await node.ready("web")
    worker = next(iter(node.kubelet.workers.values()))
    os.kill(await node.kubelet.cri.sandbox_pid(worker.machine.state.sandbox.id), signal.SIGKILL)
    after = await node.api.until(
        lambda: (s := status_of(node, "web")) and s["restartCount"] == 1 and s["ready"] and s, 30
    )
    assert after["containerID"] != before["containerStatuses"][0]["containerID"]
    assert "SandboxChanged" in node.recorder.reasons()
    assert node.api.pod("web")["status"]["podIP"]


async def test_a_new_kubelet_takes_over_what_runs_and_ends_what_is_gone(node):
    await node.run("stays", command=SLEEP)
    await node.run("goes", command=SLEEP)
    before = await node.ready("stays")
    await node.ready("goes")
    await node.close()
    await node.api.delete(PODS, "default", "goes", grace_period_seconds=0)
    node.new_kubelet()
    node.recorder.events.clear()
    await node.start()
    async with RealClock().timeout(20):
        while len(await node.kubelet.cri.list_containers()) > 1:
            await RealClock().sleep(0.05)
    assert node.api.pod("stays")["status"] == before
    assert "Started" not in node.recorder.reasons()


async def test_exits_that_nobody_saw_are_found_on_takeover(node):
    await node.run("web", command=SLEEP)
    status = await node.ready("web")
    pid = await pid_of(node, status["containerStatuses"][0]["containerID"][13:])
    await node.close()
    os.kill(pid, signal.SIGKILL)
    node.new_kubelet()
    await node.start()
    await node.api.until(lambda: (s := status_of(node, "web")) and s["restartCount"] == 1 and s["ready"])


async def test_init_containers_and_sidecars(node):
    shared = [{"name": "shared", "mountPath": "/shared"}]
    init = [
        {
            "name": "first",
            "image": IMAGE,
            "command": ["sh", "-c", "echo a > /shared/order"],
            "volumeMounts": shared,
        },
        {"name": "side", "image": IMAGE, "command": SLEEP, "restartPolicy": "Always"},
    ]
    main = {
        "name": "main",
        "image": IMAGE,
        "command": ["sh", "-c", "cat /shared/order; echo b >> /shared/order"],
        "volumeMounts": shared,
    }
    await node.run(
        "ordered",
        containers=[main],
        initContainers=init,
        volumes=[{"name": "shared", "emptyDir": {}}],
        restartPolicy="Never",
    )
    await node.phase("ordered", "Succeeded")
    assert (await node.get("/containerLogs/default/ordered/main"))[1] == "a\n"


async def test_hooks_and_the_grace_period(node, tmp_path):
    main = {
        "name": "main",
        "image": IMAGE,
        "command": SLEEP,
        "volumeMounts": [{"name": "out", "mountPath": "/out"}],
        "lifecycle": {
            "postStart": {"exec": {"command": ["sh", "-c", "echo started > /out/post"]}},
            "preStop": {"exec": {"command": ["sh", "-c", "echo stopping > /out/pre"]}},
        },
    }
    out = [{"name": "out", "hostPath": {"path": str(tmp_path), "type": "Directory"}}]
    await node.run("hooked", containers=[main], volumes=out)
    await node.ready("hooked")
    assert (tmp_path / "post").read_text() == "started\n"
    await node.api.delete(PODS, "default", "hooked")
    await node.gone("hooked")
    assert (tmp_path / "pre").read_text() == "stopping\n"


async def test_probes_on_real_containers(node):
    server = "mkdir /tmp/w; echo ok > /tmp/w/healthz; httpd -f -p 8080 -h /tmp/w"
    main = {
        "name": "main",
        "image": IMAGE,
        "command": ["sh", "-c", server],
        "ports": [{"name": "web", "containerPort": 8080}],
        "readinessProbe": {"httpGet": {"port": "web", "path": "/healthz"}},
        "startupProbe": {"tcpSocket": {"port": 8080}},
        "livenessProbe": {
            "exec": {"command": ["test", "-f", "/tmp/w/healthz"]},
            "periodSeconds": 1,
            "failureThreshold": 1,
        },
    }
    await node.run("probed", containers=[main])
    await node.ready("probed", 5)
    worker = next(iter(node.kubelet.workers.values()))
    id = worker.machine.state.records["main"].current.id
    await node.kubelet.cri.exec_sync(id, ["rm", "/tmp/w/healthz"], 5)
    await node.api.until(lambda: (s := status_of(node, "probed")) and s["restartCount"] == 1)
    assert "Unhealthy" in node.recorder.reasons()


async def test_an_image_that_is_not_there(node):
    container = {"name": "main", "image": "127.0.0.1:1/none:v1"}
    await node.run("broken", containers=[container])
    await node.api.until(
        lambda: (
            (s := status_of(node, "broken"))
            and (s["state"].get("waiting") or {}).get("reason") == "ErrImagePull"
        )
    )
    never = {"name": "main", "image": "never:v1", "imagePullPolicy": "Never"}
    await node.run("never", containers=[never])
    await node.api.until(
        lambda: (
            (s := status_of(node, "never"))
            and (s["state"].get("waiting") or {}).get("reason") == "ErrImageNeverPull"
        )
    )
    await node.run("invalid", containers=[{"name": "main", "image": "UPPER CASE"}])
    await node.api.until(
        lambda: (
            (s := status_of(node, "invalid"))
            and (s["state"].get("waiting") or {}).get("reason") == "InvalidImageName"
        )
    )


async def test_limits_are_held(node):
    main = {
        "name": "main",
        "image": IMAGE,
        "command": ["sh", "-c", "tail /dev/zero"],
        "resources": {
            "limits": {"memory": "32Mi", "cpu": "500m"},
            "requests": {"memory": "32Mi", "cpu": "500m"},
        },
    }
    await node.run("hungry", containers=[main], restartPolicy="Never")
    status = await node.phase("hungry", "Failed", 30)
    assert status["containerStatuses"][0]["state"]["terminated"]["reason"] == "OOMKilled"


async def test_a_pod_that_does_not_fit_is_refused(node):
    main = {"name": "main", "image": IMAGE, "resources": {"requests": {"cpu": "64"}}}
    await node.run("big", containers=[main])
    status = await node.phase("big", "Failed")
    assert status["reason"] == "OutOfcpu"
    assert status["message"] == (
        "Pod was rejected: Node didn't have enough resource: cpu, requested: 64000, used: 0, capacity: 2000"
    )


async def test_nothing_of_a_deleted_pod_is_left(node):
    volumes = [{"name": "ram", "emptyDir": {"medium": "Memory", "sizeLimit": "1Mi"}}]
    main = {
        "name": "main",
        "image": IMAGE,
        "command": SLEEP,
        "volumeMounts": [{"name": "ram", "mountPath": "/ram"}],
    }
    pod = await node.run("brief", containers=[main], volumes=volumes)
    await node.ready("brief")
    uid = pod["metadata"]["uid"]
    assert uid in mounts()
    await node.api.delete(PODS, "default", "brief")
    await node.gone("brief")
    async with RealClock().timeout(10):
        while node.kubelet.workers:
            await RealClock().sleep(0.02)
    assert uid not in mounts()
    assert not list(node.options.root.rglob(f"*{uid}*"))
    assert uid not in node.kubelet.node.cgroups.pod_uids()
    assert not await node.kubelet.cri.list_sandboxes()
    assert not await node.kubelet.cri.list_containers()


async def test_logs_rotate(node):
    script = "i=0; while true; do i=$((i+1)); echo line-$i; sleep 0.05; done"
    await node.run("noisy", command=["sh", "-c", script])
    await node.ready("noisy")
    kubelet = node.kubelet
    kubelet._rotation._max_bytes = 100
    await RealClock().sleep(0.5)
    assert await kubelet._rotation.rotate(kubelet._running_logs()) == 1
    folder = kubelet.layout.pod_logs(node.api.pod("noisy")["metadata"]) / "main"
    async with RealClock().timeout(5):
        while len(list(folder.iterdir())) < 2 or not (folder / "0.log").stat().st_size:
            await RealClock().sleep(0.05)
    assert (await node.get("/containerLogs/default/noisy/main"))[1].startswith("line-")


async def test_a_restarted_containerd_is_listened_to_again(node, containerd):
    await node.run("web", command=SLEEP)
    status = await node.ready("web")
    pid = await pid_of(node, status["containerStatuses"][0]["containerID"][13:])
    containerd.stop()
    containerd.start()
    os.kill(pid, signal.SIGKILL)
    await node.api.until(lambda: (s := status_of(node, "web")) and s["restartCount"] == 1 and s["ready"])


async def test_readiness_that_somebody_else_took_away_is_given_back(node):
    await node.run("web", command=SLEEP)
    await node.ready("web")
    doubt = {"status": {"conditions": [{"type": "Ready", "status": "False"}]}}
    await node.api.patch(
        PODS, "default", "web", doubt, patch_type=STRATEGIC_MERGE_PATCH, subresource="status"
    )
    await node.ready("web")


async def test_the_node_is_registered_with_a_lease_and_defends_its_readiness(node):
    from pybernetes.api.kinds import LEASES, NODES

    name = node.options.node_name

    def ready():
        conditions = {one["type"]: one["status"] for one in node.api.node(name)["status"]["conditions"]}
        return conditions["Ready"] == "True"

    await node.api.until(ready)
    shown = node.api.node(name)
    assert shown["status"]["capacity"]["cpu"] == "2"
    assert shown["status"]["allocatable"]["memory"] == "1948Mi"
    assert shown["metadata"]["labels"]["kubernetes.io/hostname"] == name
    assert shown["status"]["nodeInfo"]["containerRuntimeVersion"].startswith("containerd://1.")
    lease = await node.api.get(LEASES, "kube-node-lease", name)
    assert (lease["spec"]["holderIdentity"], lease["spec"]["leaseDurationSeconds"]) == (name, 40)
    doubt = {"status": {"conditions": [{"type": "Ready", "status": "Unknown"}]}}
    await node.api.patch(NODES, None, name, doubt, patch_type=STRATEGIC_MERGE_PATCH, subresource="status")
    await node.api.until(ready)
