"""Volumes and environment, as containers see them."""

from __future__ import annotations

import base64

import pytest
from containerd_node import BUSYBOX as IMAGE

from pybernetes.api.kinds import CONFIG_MAPS, SECRETS, SERVICES
from pybernetes.lib.clock import RealClock

pytestmark = pytest.mark.node


async def output_of(node, name, script, *, volumes=(), mounts=(), env=(), seconds=20, **more):
    main = {
        "name": "main",
        "image": IMAGE,
        "command": ["sh", "-c", script],
        "volumeMounts": list(mounts),
        "env": list(env),
        **more.pop("container", {}),
    }
    await node.run(name, containers=[main], volumes=list(volumes), restartPolicy="Never", **more)
    await node.phase(name, "Succeeded", seconds)
    return (await node.get(f"/containerLogs/default/{name}/main"))[1]


async def make(node, kind, name, **data):
    return await node.api.create(kind, {"metadata": {"name": name, "namespace": "default"}, **data})


async def test_config_maps_secrets_and_downward_api_are_files(node):
    await make(node, CONFIG_MAPS, "conf", data={"a.txt": "alpha", "b.txt": "beta"})
    await make(node, SECRETS, "hush", data={"key": base64.b64encode(b"secret").decode()})
    await make(node, CONFIG_MAPS, "kube-root-ca.crt", data={"ca.crt": "CA"})
    volumes = [
        {
            "name": "conf",
            "configMap": {"name": "conf", "items": [{"key": "a.txt", "path": "x/a", "mode": 256}]},
        },
        {"name": "hush", "secret": {"secretName": "hush"}},
        {
            "name": "down",
            "downwardAPI": {"items": [{"path": "n", "fieldRef": {"fieldPath": "metadata.name"}}]},
        },
        {
            "name": "token",
            "projected": {
                "sources": [
                    {"serviceAccountToken": {"path": "token", "expirationSeconds": 3607}},
                    {
                        "configMap": {
                            "name": "kube-root-ca.crt",
                            "items": [{"key": "ca.crt", "path": "ca.crt"}],
                        }
                    },
                ]
            },
        },
        {"name": "gone", "configMap": {"name": "nowhere", "optional": True}},
    ]
    mounts = [{"name": volume["name"], "mountPath": f"/v/{volume['name']}"} for volume in volumes]
    script = "cat /v/conf/x/a /v/hush/key /v/down/n /v/token/ca.crt; "
    script += "stat -L -c ' %a' /v/conf/x/a; ls /v/gone; cat /v/token/token"
    text, token = (await output_of(node, "files", script, volumes=volumes, mounts=mounts)).splitlines()
    assert text == "alphasecretfilesCA 400"
    user = await node.api.server.access.tokens.authenticate_token(token)
    assert user.name == "system:serviceaccount:default:default"
    assert dict(user.extra)["authentication.kubernetes.io/pod-name"] == ("files",)


async def test_a_changed_config_map_reaches_a_running_container(node):
    conf = await make(node, CONFIG_MAPS, "conf", data={"a": "old"})
    volumes = [{"name": "conf", "configMap": {"name": "conf"}}]
    mounts = [{"name": "conf", "mountPath": "/conf"}]
    main = {
        "name": "main",
        "image": IMAGE,
        "command": ["sh", "-c", "until grep -q new /conf/a; do sleep 0.05; done"],
        "volumeMounts": mounts,
    }
    await node.run("watcher", containers=[main], volumes=volumes, restartPolicy="Never")
    await node.phase("watcher", "Running")
    await node.api.update(CONFIG_MAPS, {**conf, "data": {"a": "new"}})
    await node.phase("watcher", "Succeeded", 5)


async def test_a_missing_config_map_is_waited_for(node):
    volumes = [{"name": "conf", "configMap": {"name": "late"}}]
    mounts = [{"name": "conf", "mountPath": "/conf"}]
    main = {"name": "main", "image": IMAGE, "command": ["cat", "/conf/a"], "volumeMounts": mounts}
    await node.run("patient", containers=[main], volumes=volumes, restartPolicy="Never")
    async with RealClock().timeout(10):
        while "FailedMount" not in node.recorder.reasons():
            await RealClock().sleep(0.02)
    assert 'MountVolume.SetUp failed for volume "conf" : configmap "late" not found' in [
        message for _, _, message in node.recorder.events
    ]
    await make(node, CONFIG_MAPS, "late", data={"a": "here"})
    await node.phase("patient", "Succeeded", 10)


async def test_the_environment(node):
    await make(node, CONFIG_MAPS, "conf", data={"COLOR": "red", "SIZE": "big"})
    await make(
        node, SERVICES, "db", spec={"clusterIP": "10.96.0.7", "ports": [{"port": 5432, "protocol": "TCP"}]}
    )
    env = [
        {"name": "PLAIN", "value": "one"},
        {"name": "REF", "value": "$(PLAIN)-$(COLOR)-$(NONE)-$$(PLAIN)"},
        {"name": "POD", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
        {"name": "IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}},
        {"name": "CPU", "valueFrom": {"resourceFieldRef": {"resource": "requests.cpu", "divisor": "1m"}}},
        {"name": "KEY", "valueFrom": {"configMapKeyRef": {"name": "conf", "key": "SIZE"}}},
    ]
    more = {
        "envFrom": [{"configMapRef": {"name": "conf"}}],
        "resources": {"requests": {"cpu": "250m"}},
        "workingDir": "/tmp",
        "command": ["sh", "-c", "echo $PLAIN $REF $POD $CPU $KEY $DB_SERVICE_HOST $(PLAIN); pwd; echo $IP"],
    }
    lines = (await output_of(node, "env", "", env=env, container=more)).splitlines()
    assert lines[0] == "one one-red-$(NONE)-$(PLAIN) env 250 big 10.96.0.7 one"
    assert lines[1] == "/tmp"
    assert lines[2].startswith("10.99.7.")


async def test_a_missing_key_is_a_config_error(node):
    env = [{"name": "KEY", "valueFrom": {"secretKeyRef": {"name": "none", "key": "x"}}}]
    await node.run("lost", containers=[{"name": "main", "image": IMAGE, "env": env}])

    def waiting():
        statuses = node.api.pod("lost")["status"].get("containerStatuses")
        found = statuses and statuses[0]["state"].get("waiting")
        return found if found and found["reason"] == "CreateContainerConfigError" else None

    assert (await node.api.until(waiting))["message"] == 'secret "none" not found'


async def test_sub_paths_groups_hosts_and_resolver(node):
    await make(node, CONFIG_MAPS, "conf", data={"only.txt": "just this"})
    volumes = [{"name": "conf", "configMap": {"name": "conf"}}, {"name": "work", "emptyDir": {}}]
    mounts = [
        {"name": "conf", "mountPath": "/etc/only.txt", "subPath": "only.txt"},
        {"name": "work", "mountPath": "/work", "subPath": "deep/down"},
    ]
    script = (
        "cat /etc/only.txt; echo; id -u; id -G; touch /work/x && echo writable; hostname; "
        "grep -c names /etc/hosts; cat /etc/resolv.conf; touch /root-file 2>/dev/null || echo read-only"
    )
    text = await output_of(
        node,
        "details",
        script,
        volumes=volumes,
        mounts=mounts,
        securityContext={"runAsUser": 1000, "runAsGroup": 3000, "fsGroup": 2000},
        container={"securityContext": {"readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}}},
        hostname="names",
    )
    lines = text.splitlines()
    assert lines[:6] == ["just this", "1000", "3000 2000", "writable", "names", "1"]
    assert "nameserver 10.96.0.10" in lines
    assert any(
        line.startswith("search default.svc.cluster.local svc.cluster.local cluster.local") for line in lines
    )
    assert "read-only" in lines
