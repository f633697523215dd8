"""A first user's way: deploy, reach, scale, roll out and back, look into containers."""

from __future__ import annotations

import json

from cluster import Cluster, deployment, run, wait
from registry import Registry, image


def test_both_nodes_are_ready_and_state_their_share(cluster: Cluster) -> None:
    nodes = cluster.items("nodes")
    assert {node["metadata"]["name"] for node in nodes} == {"node-1", "node-2"}
    assert cluster.ready_nodes() == {"node-1", "node-2"}
    for node in nodes:
        assert node["status"]["capacity"]["cpu"] in (
            f"{cluster.settings.cpu_millis}m",
            str(cluster.settings.cpu_millis // 1000),
        )
        assert node["spec"]["podCIDR"].endswith("/24")


def test_the_status_command_says_that_all_is_well(cluster: Cluster) -> None:
    text = cluster.cli("status").stdout
    assert "node-2-containerd" in text
    assert "not all is well" not in text


def test_a_second_up_changes_nothing(cluster: Cluster) -> None:
    before = cluster.cli("status").stdout.splitlines()
    text = cluster.cli("up").stdout
    assert "everything runs already" in text
    pids = [line.split()[2] for line in before if " running " in line]
    after = cluster.cli("status").stdout.splitlines()
    assert [line.split()[2] for line in after if " running " in line] == pids


def test_every_pod_answers_from_the_host_both_nodes_and_other_pods(
    cluster: Cluster, web: str, namespace: str
) -> None:
    cluster.apply(deployment("web", web, 4), namespace=namespace)
    cluster.kubectl("rollout", "status", "deployment/web", "-n", namespace, "--timeout=90s")
    pods = cluster.running_pods("app=web", namespace)
    assert {pod["spec"]["nodeName"] for pod in pods} == {"node-1", "node-2"}, "pods are spread"
    addresses = {pod["status"]["podIP"] for pod in pods}
    assert len(addresses) == 4
    asking = pods[0]["metadata"]["name"]
    for pod in pods:
        address, answer = pod["status"]["podIP"], f"v1 {pod['metadata']['name']}"
        assert cluster.fetch(address) == answer
        assert cluster.fetch(address, "node-1") == answer
        assert cluster.fetch(address, "node-2") == answer
        command = ["wget", "-q", "-O", "-", f"http://{address}:8080/"]
        assert cluster.kubectl("exec", "-n", namespace, asking, "--", *command).stdout.strip() == answer


def test_a_pod_reaches_the_api_server_with_its_service_account(
    cluster: Cluster, web: str, namespace: str
) -> None:
    cluster.apply(deployment("web", web), namespace=namespace)
    cluster.kubectl("rollout", "status", "deployment/web", "-n", namespace, "--timeout=90s")
    gateway = str(cluster.settings.subnet[1])
    command = ["sh", "-c", f"nc -w 5 {gateway} {cluster.settings.secure_port} </dev/null && echo reached"]
    assert "reached" in cluster.kubectl("exec", "-n", namespace, "deploy/web", "--", *command).stdout
    folder = "/var/run/secrets/kubernetes.io/serviceaccount"
    listed = cluster.kubectl("exec", "-n", namespace, "deploy/web", "--", "ls", folder).stdout.split()
    assert listed == ["ca.crt", "namespace", "token"]


def test_a_list_of_objects_is_applied_and_validated(cluster: Cluster, namespace: str) -> None:
    maps = [{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}} for name in ("a", "b")]
    manifest = json.dumps({"apiVersion": "v1", "kind": "List", "items": maps})
    cluster.kubectl("apply", "-n", namespace, "-f", "-", stdin=manifest)
    names = {item["metadata"]["name"] for item in cluster.items("configmaps", "-n", namespace)}
    assert names >= {"a", "b"}
    wrong = json.dumps({**maps[0], "dta": {}})
    refused = cluster.kubectl("apply", "-n", namespace, "-f", "-", stdin=wrong, check=False)
    assert 'unknown field "dta"' in refused.stderr


def test_scaling_up_and_down(cluster: Cluster, web: str, namespace: str) -> None:
    cluster.apply(deployment("web", web, 1), namespace=namespace)
    cluster.kubectl("scale", "deployment/web", "--replicas=5", "-n", namespace)
    wait(lambda: len(cluster.running_pods("app=web", namespace)) == 5, "five replicas")
    cluster.kubectl("scale", "deployment/web", "--replicas=1", "-n", namespace)
    wait(lambda: len(cluster.items("pods", "-n", namespace)) == 1, "one replica, the others gone")


def test_rolling_out_and_back(cluster: Cluster, web: str, web2: str, namespace: str) -> None:
    cluster.apply(deployment("web", web, 2), namespace=namespace)
    cluster.kubectl("rollout", "status", "deployment/web", "-n", namespace, "--timeout=90s")
    cluster.kubectl("set", "image", "deployment/web", f"web={web2}", "-n", namespace)
    cluster.kubectl("rollout", "status", "deployment/web", "-n", namespace, "--timeout=90s")
    for pod in cluster.running_pods("app=web", namespace):
        assert cluster.fetch(pod["status"]["podIP"]).startswith("v2 ")
    assert len(cluster.items("replicasets", "-n", namespace)) == 2
    assert "2 " in cluster.kubectl("rollout", "history", "deployment/web", "-n", namespace).stdout
    cluster.kubectl("rollout", "undo", "deployment/web", "-n", namespace)
    cluster.kubectl("rollout", "status", "deployment/web", "-n", namespace, "--timeout=90s")
    for pod in cluster.running_pods("app=web", namespace):
        assert cluster.fetch(pod["status"]["podIP"]).startswith("v1 ")


def test_an_image_that_is_not_there_says_so(cluster: Cluster, registry: Registry, namespace: str) -> None:
    missing = f"{registry.address}/missing:1"
    cluster.apply(deployment("broken", missing), namespace=namespace)

    def reason() -> str:
        pod = cluster.items("pods", "-n", namespace)[0]
        return pod["status"]["containerStatuses"][0]["state"]["waiting"]["reason"]

    wait(lambda: reason() in ("ErrImagePull", "ImagePullBackOff"), "the pull is reported")
    wait(lambda: reason() == "ImagePullBackOff", "the back-off is reported")
    describe = cluster.kubectl("describe", "pod", "-n", namespace).stdout
    assert "Back-off pulling image" in describe
    cluster.kubectl(
        "set",
        "image",
        "deployment/broken",
        f"web={registry.push('missing', '2', image('missing'))}",
        "-n",
        namespace,
    )
    cluster.kubectl("rollout", "status", "deployment/broken", "-n", namespace, "--timeout=90s")


def test_exec_with_input_output_and_exit_code(cluster: Cluster, web: str, namespace: str) -> None:
    cluster.apply(deployment("web", web), namespace=namespace)
    cluster.kubectl("rollout", "status", "deployment/web", "-n", namespace, "--timeout=90s")
    execute = ["exec", "-n", namespace, "deploy/web"]
    assert cluster.kubectl(*execute, "--", "sh", "-c", "echo out; echo err >&2").stdout == "out\n"
    assert cluster.kubectl(*execute, "--", "sh", "-c", "exit 7", check=False).returncode == 7
    data = "x" * 300_000 + "\n"
    echoed = cluster.kubectl(*execute, "-i", "--", "md5sum", stdin=data).stdout.split()[0]
    assert echoed == run(["md5sum"], stdin=data).stdout.split()[0]


def test_copying_into_and_out_of_a_container(cluster: Cluster, web: str, namespace: str, tmp_path) -> None:  # type: ignore[no-untyped-def]
    cluster.apply(deployment("web", web), namespace=namespace)
    cluster.kubectl("rollout", "status", "deployment/web", "-n", namespace, "--timeout=90s")
    pod = cluster.running_pods("app=web", namespace)[0]["metadata"]["name"]
    source, target = tmp_path / "source", tmp_path / "target"
    source.write_bytes(bytes(range(256)) * 4000)
    cluster.kubectl("cp", "-n", namespace, str(source), f"{pod}:/tmp/copied")
    cluster.kubectl("cp", "-n", namespace, f"{pod}:/tmp/copied", str(target))
    assert target.read_bytes() == source.read_bytes()


def test_logs_of_this_container_and_the_one_before(cluster: Cluster, web: str, namespace: str) -> None:
    command = [
        "sh",
        "-c",
        "echo start; [ -e /data/once ] || { touch /data/once; echo first; exit 3; }; exec /serve",
    ]
    more = {"command": command, "volumeMounts": [{"name": "data", "mountPath": "/data"}]}
    app = deployment("web", web, **more)
    app["spec"]["template"]["spec"]["volumes"] = [{"name": "data", "emptyDir": {}}]
    cluster.apply(app, namespace=namespace)
    cluster.kubectl("rollout", "status", "deployment/web", "-n", namespace, "--timeout=90s")
    assert cluster.kubectl("logs", "-n", namespace, "deploy/web").stdout == "start\nserving v1\n"
    assert cluster.kubectl("logs", "-n", namespace, "deploy/web", "--previous").stdout == "start\nfirst\n"
    status = cluster.items("pods", "-n", namespace)[0]["status"]["containerStatuses"][0]
    assert status["restartCount"] == 1
    assert status["lastState"]["terminated"]["exitCode"] == 3


def test_port_forward(cluster: Cluster, web: str, namespace: str) -> None:
    import re
    import subprocess
    import sys

    from cluster import FETCH, KUBECTL

    cluster.apply(deployment("web", web), namespace=namespace)
    cluster.kubectl("rollout", "status", "deployment/web", "-n", namespace, "--timeout=90s")
    command = [KUBECTL, "port-forward", "-n", namespace, "deploy/web", ":8080", "--address", "127.0.0.1"]
    forward = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=cluster.environment)
    try:
        assert forward.stdout is not None
        match = re.search(r"127\.0\.0\.1:(\d+)", forward.stdout.readline())
        assert match
        answer = run([sys.executable, "-c", FETCH, f"http://127.0.0.1:{match[1]}/"]).stdout
        assert answer.startswith("v1 web-")
    finally:
        forward.terminate()
        forward.wait(10)


def test_configuration_and_secrets_are_shared_by_a_pods_containers(
    cluster: Cluster, web: str, namespace: str
) -> None:
    config = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "c"},
        "data": {"key": "from a map"},
    }
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "s"},
        "stringData": {"key": "from a secret"},
    }
    mounts = [{"name": name, "mountPath": f"/{name}"} for name in ("config", "secret", "shared")]
    spec = {
        "restartPolicy": "Never",
        "initContainers": [
            {
                "name": "init",
                "image": web,
                "command": ["sh", "-c", "cat /config/key >/shared/f"],
                "volumeMounts": mounts,
            }
        ],
        "containers": [
            {
                "name": "main",
                "image": web,
                "command": ["sh", "-c", 'cat /shared/f; echo; cat /secret/key; echo; echo "$FROM"'],
                "env": [{"name": "FROM", "valueFrom": {"configMapKeyRef": {"name": "c", "key": "key"}}}],
                "volumeMounts": mounts,
            }
        ],
        "volumes": [
            {"name": "config", "configMap": {"name": "c"}},
            {"name": "secret", "secret": {"secretName": "s"}},
            {"name": "shared", "emptyDir": {}},
        ],
    }
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "reader"}, "spec": spec}
    cluster.apply(config, secret, pod, namespace=namespace)
    cluster.kubectl(
        "wait", "--for=jsonpath={.status.phase}=Succeeded", "pod/reader", "-n", namespace, "--timeout=60s"
    )
    expected = "from a map\nfrom a secret\nfrom a map\n"
    assert cluster.kubectl("logs", "reader", "-n", namespace).stdout == expected


def test_a_pod_that_fits_nowhere_says_why(cluster: Cluster, web: str, namespace: str) -> None:
    resources = {"requests": {"cpu": "1000"}}
    cluster.apply(deployment("big", web, resources=resources), namespace=namespace)

    def message() -> str:
        events = cluster.items("events", "-n", namespace, "--field-selector", "reason=FailedScheduling")
        return json.dumps([event["message"] for event in events])

    wait(lambda: "0/2 nodes are available: 2 Insufficient cpu" in message(), "the event")


def test_an_image_archive_is_loaded_into_every_node(cluster: Cluster, namespace: str, tmp_path) -> None:  # type: ignore[no-untyped-def]
    from pybernetes.cluster import oci_archive

    archive = tmp_path / "app.tar"
    oci_archive.write(image("example.com/loaded:1", "loaded"), archive)
    assert "example.com/loaded:1 is on node-1, node-2" in cluster.cli("image", "load", str(archive)).stdout
    cluster.apply(
        deployment("loaded", "example.com/loaded:1", 2, imagePullPolicy="Never"), namespace=namespace
    )
    cluster.kubectl("rollout", "status", "deployment/loaded", "-n", namespace, "--timeout=90s")
    for pod in cluster.running_pods("app=loaded", namespace):
        assert cluster.fetch(pod["status"]["podIP"]).startswith("loaded ")
