"""What breaks heals: containers, nodes, the master, everything at once. Runs after the tests of a first user's way."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import threading
from pathlib import Path

from cluster import Cluster, deployment, wait

from pybernetes.cluster import cgroups, host_network, local_node, mounts, processes


def kill_container(cluster: Cluster, pod: dict[str, object]) -> None:
    """Kill every process of the pod but its sandbox's, from outside, as the kernel would for lack of memory."""
    uid, node = pod["metadata"]["uid"], pod["spec"]["nodeName"]
    group = f"{cluster.layout.cgroup}/{node}/kubepods"
    doomed = []
    for pid in cgroups.processes(group):
        try:
            line = Path(f"/proc/{pid}/cgroup").read_text()
            command = Path(f"/proc/{pid}/cmdline").read_text()
        except OSError:
            continue
        if uid.replace("-", "_") in line.replace("-", "_") and "catatonit" not in command:
            doomed.append(pid)
    # Stopped first, so that a shell whose child dies before it cannot end by itself with another exit code.
    for signal_number in (signal.SIGSTOP, signal.SIGKILL):
        for pid in doomed:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal_number)


def kill_node(cluster: Cluster, name: str) -> None:
    """Kill every process of a node, its supervisor first."""
    record = processes.read_record(cluster.layout.node(name).record)
    assert record is not None
    os.kill(record.supervisor.pid, signal.SIGKILL)
    group = f"{cluster.layout.cgroup}/{name}"

    def ended() -> bool:
        cgroups.signal_all(group, signal.SIGKILL)
        return not cgroups.processes(group)

    wait(ended, f"every process of {name} ends", 20)


def test_a_killed_container_is_restarted(cluster: Cluster, web: str, namespace: str) -> None:
    cluster.apply(deployment("web", web), namespace=namespace)
    cluster.kubectl("rollout", "status", "deployment/web", "-n", namespace, "--timeout=90s")
    before = cluster.running_pods("app=web", namespace)[0]
    kill_container(cluster, before)

    def restarted() -> bool:
        (pod,) = cluster.running_pods("app=web", namespace)
        return pod["status"]["containerStatuses"][0]["restartCount"] == 1

    wait(restarted, "the container runs again")
    (after,) = cluster.running_pods("app=web", namespace)
    assert after["metadata"]["uid"] == before["metadata"]["uid"]
    assert after["status"]["podIP"] == before["status"]["podIP"]
    assert after["status"]["containerStatuses"][0]["lastState"]["terminated"]["exitCode"] == 137


def test_a_deleted_pod_is_replaced(cluster: Cluster, web: str, namespace: str) -> None:
    cluster.apply(deployment("web", web), namespace=namespace)
    cluster.kubectl("rollout", "status", "deployment/web", "-n", namespace, "--timeout=90s")
    before = cluster.running_pods("app=web", namespace)[0]["metadata"]["name"]
    cluster.kubectl("delete", "pod", before, "-n", namespace)
    wait(
        lambda: (
            [p["metadata"]["name"] != before for p in cluster.running_pods("app=web", namespace)] == [True]
        ),
        "another pod is Ready",
    )


def test_a_drained_node_is_empty_and_is_used_again(cluster: Cluster, web: str, namespace: str) -> None:
    cluster.apply(deployment("web", web, 3), namespace=namespace)
    cluster.kubectl("rollout", "status", "deployment/web", "-n", namespace, "--timeout=90s")
    cluster.kubectl(
        "drain", "node-1", "--ignore-daemonsets", "--delete-emptydir-data", "--force", "--timeout=60s"
    )

    def nodes() -> set[str]:
        return {pod["spec"]["nodeName"] for pod in cluster.running_pods("app=web", namespace)}

    wait(
        lambda: nodes() == {"node-2"} and len(cluster.running_pods("app=web", namespace)) == 3,
        "all on node-2",
    )
    cluster.kubectl("uncordon", "node-1")
    cluster.kubectl("scale", "deployment/web", "--replicas=6", "-n", namespace)
    wait(lambda: nodes() == {"node-1", "node-2"}, "node-1 is used again")


def test_a_killed_kubelet_or_containerd_leaves_containers_running(
    cluster: Cluster, web: str, namespace: str
) -> None:
    cluster.apply(deployment("web", web, 2), namespace=namespace)
    cluster.kubectl("rollout", "status", "deployment/web", "-n", namespace, "--timeout=90s")
    before = {p["metadata"]["uid"]: p["status"]["podIP"] for p in cluster.running_pods("app=web", namespace)}
    record_path = cluster.layout.node("node-1").record
    for component in ("node-1", "node-1-containerd"):
        record = processes.read_record(record_path)
        assert record is not None
        process = record.children[component]
        assert process is not None
        os.kill(process.pid, signal.SIGKILL)

        def back(component: str = component, old: processes.Identity = process) -> bool:
            now = processes.read_record(record_path)
            return now is not None and now.children.get(component) not in (None, old)

        wait(back, f"{component} runs again", 20)
    cluster.kubectl("scale", "deployment/web", "--replicas=4", "-n", namespace)
    wait(lambda: len(cluster.running_pods("app=web", namespace)) == 4, "the node works as before")
    after = {p["metadata"]["uid"]: p for p in cluster.running_pods("app=web", namespace)}
    for uid, address in before.items():
        assert after[uid]["status"]["podIP"] == address
        assert after[uid]["status"]["containerStatuses"][0]["restartCount"] == 0
        assert cluster.fetch(address).startswith("v1 ")


def test_a_killed_nodes_pods_move_and_the_node_comes_back(cluster: Cluster, web: str, namespace: str) -> None:
    app = deployment("web", web, 4)
    app["spec"]["template"]["spec"]["tolerations"] = [
        {
            "key": f"node.kubernetes.io/{taint}",
            "operator": "Exists",
            "effect": "NoExecute",
            "tolerationSeconds": 1,
        }
        for taint in ("not-ready", "unreachable")
    ]
    cluster.apply(app, namespace=namespace)
    cluster.kubectl("rollout", "status", "deployment/web", "-n", namespace, "--timeout=90s")
    addresses = {
        pod["status"]["podIP"]
        for pod in cluster.running_pods("app=web", namespace)
        if pod["spec"]["nodeName"] == "node-2"
    }
    assert addresses
    kill_node(cluster, "node-2")
    wait(lambda: cluster.ready_nodes() == {"node-1"}, "node-2 is seen to be gone", 60)
    taints = {taint["key"] for taint in cluster.get("node", "node-2")["spec"].get("taints", [])}
    assert "node.kubernetes.io/unreachable" in taints

    def moved() -> bool:
        pods = cluster.running_pods("app=web", namespace)
        return len(pods) == 4 and {pod["spec"]["nodeName"] for pod in pods} == {"node-1"}

    wait(moved, "all replicas are Ready on node-1", 60)
    assert not addresses & {pod["status"]["podIP"] for pod in cluster.running_pods("app=web", namespace)}
    cluster.cli("up")
    wait(lambda: cluster.ready_nodes() == {"node-1", "node-2"}, "node-2 is Ready again")
    wait(lambda: "taints" not in cluster.get("node", "node-2")["spec"], "its taints are gone")
    wait(lambda: len(cluster.items("pods", "-n", namespace)) == 4, "the old pods are gone")
    cluster.kubectl("scale", "deployment/web", "--replicas=8", "-n", namespace)
    wait(lambda: len(cluster.running_pods("app=web", namespace)) == 8, "eight replicas")
    for pod in cluster.running_pods("app=web", namespace):
        assert cluster.fetch(pod["status"]["podIP"], "node-2").startswith("v1 ")


def test_killing_the_master_under_load_loses_no_acknowledged_write(cluster: Cluster, namespace: str) -> None:
    acknowledged: list[str] = []
    stop = threading.Event()

    def write() -> None:
        number = 0
        while not stop.is_set():
            name = f"w-{threading.get_ident()}-{number}"
            made = cluster.kubectl("create", "configmap", name, "-n", namespace, check=False, timeout=60)
            if made.returncode == 0:
                acknowledged.append(name)
            number += 1

    writers = [threading.Thread(target=write) for _ in range(3)]
    for writer in writers:
        writer.start()
    try:
        for _ in range(3):
            enough = len(acknowledged) + 6
            wait(lambda enough=enough: len(acknowledged) >= enough, "writes are acknowledged")
            record = processes.read_record(cluster.layout.server_record)
            assert record is not None
            for child in record.running():
                os.kill(child.pid, signal.SIGKILL)
    finally:
        stop.set()
        for writer in writers:
            writer.join(120)
    wait(lambda: cluster.kubectl("get", "--raw", "/readyz").stdout == "ok", "the master is back")
    kept = {item["metadata"]["name"] for item in cluster.items("configmaps", "-n", namespace)}
    assert set(acknowledged) <= kept


def test_everything_killed_at_once_continues_with_up(cluster: Cluster, web: str, namespace: str) -> None:
    cluster.apply(deployment("web", web, 2), namespace=namespace)
    cluster.kubectl("rollout", "status", "deployment/web", "-n", namespace, "--timeout=90s")
    uid = cluster.get("deployment", "web", "-n", namespace)["metadata"]["uid"]
    record = processes.read_record(cluster.layout.server_record)
    assert record is not None
    for process in (record.supervisor, *record.running()):
        os.kill(process.pid, signal.SIGKILL)
    for name in cluster.settings.node_names:
        kill_node(cluster, name)
    assert cluster.cli("status", check=False).returncode != 0
    cluster.cli("up")
    assert cluster.get("deployment", "web", "-n", namespace)["metadata"]["uid"] == uid

    def answering() -> bool:
        pods = cluster.running_pods("app=web", namespace)
        return len(pods) == 2 and all(cluster.fetch(pod["status"]["podIP"]).startswith("v1 ") for pod in pods)

    wait(answering, "the pods are back", 60)


def test_down_and_up_continue_the_same_cluster(cluster: Cluster, web: str, namespace: str) -> None:
    cluster.apply(deployment("web", web, 2), namespace=namespace)
    cluster.kubectl("rollout", "status", "deployment/web", "-n", namespace, "--timeout=90s")
    settings = json.loads(cluster.layout.settings.read_text())
    cluster.cli("down")
    assert not cgroups.processes(cluster.layout.cgroup)
    assert not cluster.layout.run.exists()
    cluster.cli("up")
    assert json.loads(cluster.layout.settings.read_text()) == settings
    wait(lambda: len(cluster.running_pods("app=web", namespace)) == 2, "the pods are back")


def test_after_a_reboot_up_continues_the_same_cluster(cluster: Cluster, web: str, namespace: str) -> None:
    cluster.apply(deployment("web", web, 2), namespace=namespace)
    cluster.kubectl("rollout", "status", "deployment/web", "-n", namespace, "--timeout=90s")
    uid = cluster.get("deployment", "web", "-n", namespace)["metadata"]["uid"]
    cut_the_power(cluster)
    cluster.cli("up")
    assert cluster.get("deployment", "web", "-n", namespace)["metadata"]["uid"] == uid
    wait(lambda: len(cluster.running_pods("app=web", namespace)) == 2, "the pods are back")


def cut_the_power(cluster: Cluster) -> None:
    """Leave of the cluster what a reboot leaves: the disk, with records of another boot."""
    record = processes.read_record(cluster.layout.server_record)
    assert record is not None
    for process in (record.supervisor, *record.running()):
        os.kill(process.pid, signal.SIGKILL)
    layout, settings = cluster.layout, cluster.settings
    for name in settings.node_names:
        kill_node(cluster, name)
        local_node.forget(layout.node(name))
    cgroups.remove(layout.cgroup)
    mounts.unmount_all(layout.run)
    host_network.remove(layout.table, settings.bridge)
    for path in layout.run.rglob("*.json"):
        content = json.loads(path.read_text())
        path.write_text(json.dumps({**content, "boot": "the one before"}))
