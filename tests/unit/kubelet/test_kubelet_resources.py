"""cgroup limits, out-of-memory scores, admission, security contexts, CRI configurations."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from pybernetes.kubelet.admission import admit
from pybernetes.kubelet.cri import configs
from pybernetes.kubelet.cri.messages import api_pb2
from pybernetes.kubelet.environment.names import Resolver
from pybernetes.kubelet.resources import cgroups, security
from pybernetes.kubelet.resources.oom import oom_score_adj
from pybernetes.kubelet.volumes.manager import Mounted


def pod(*resources, **spec):
    containers = [{"name": f"c{i}", "image": "x", "resources": one} for i, one in enumerate(resources)]
    return {
        "metadata": {"name": "p", "namespace": "ns", "uid": "u1"},
        "spec": {"containers": containers, **spec},
    }


SMALL = {"requests": {"cpu": "100m", "memory": "64Mi"}, "limits": {"cpu": "200m", "memory": "64Mi"}}
FULL = {"requests": {"cpu": "1", "memory": "1Gi"}, "limits": {"cpu": "1", "memory": "1Gi"}}


def test_a_pod_is_limited_only_if_each_container_is():
    assert cgroups.pod_cgroup_limits(pod(SMALL, SMALL)) == cgroups.Limits(204, 40000, 128 << 20, 0)
    assert cgroups.pod_cgroup_limits(pod(SMALL, {})) == cgroups.Limits(102, 0, 0, 0)
    assert cgroups.pod_cgroup_limits(pod({}), 50) == cgroups.Limits(2, 0, 0, 50)


def test_weights_follow_shares():
    assert [cgroups.weight(cgroups.shares(milli)) for milli in (0, 1000, 10**9)] == [1, 39, 10000]


def make_v2(tmp_path):
    (tmp_path / "cgroup.controllers").write_text("cpu memory pids")
    return cgroups.Cgroups("/pybernetes/n", tmp_path)


def test_pods_are_grouped_by_their_class(tmp_path):
    groups = make_v2(tmp_path)
    assert groups.pod_path(pod(FULL)) == "/pybernetes/n/kubepods/podu1"
    assert groups.pod_path(pod(SMALL)) == "/pybernetes/n/kubepods/burstable/podu1"
    assert groups.pod_path(pod({})) == "/pybernetes/n/kubepods/besteffort/podu1"
    assert cgroups.Cgroups("", tmp_path).pod_path(pod(FULL)) == "/kubepods/podu1"


def test_limits_are_written_in_the_form_of_version_two(tmp_path):
    groups = make_v2(tmp_path)
    path = tmp_path / groups.make_pod(pod(FULL)).strip("/")
    assert (path / "cpu.max").read_text() == "100000 100000"
    assert (path / "memory.max").read_text() == str(1 << 30)
    assert groups.pod_uids() == {"u1"}


def test_limits_are_written_in_the_form_of_version_one(tmp_path):
    for name in ("cpu,cpuacct", "memory", "pids"):
        (tmp_path / name).mkdir()
    groups = cgroups.Cgroups("/pybernetes/n", tmp_path)
    path = groups.make_pod(pod(FULL), 99).strip("/")
    assert (tmp_path / "cpu,cpuacct" / path / "cpu.shares").read_text() == "1024"
    assert (tmp_path / "cpu,cpuacct" / path / "cpu.cfs_quota_us").read_text() == "100000"
    assert (tmp_path / "memory" / path / "memory.limit_in_bytes").read_text() == str(1 << 30)
    assert (tmp_path / "pids" / path / "pids.max").read_text() == "99"


def test_on_version_one_no_quota_is_larger_than_that_of_a_group_above(tmp_path):
    node = tmp_path / "cpu,cpuacct" / "pybernetes" / "n"
    (node / "kubepods").mkdir(parents=True)
    (node / "cpu.cfs_quota_us").write_text("-1")
    (node / "cpu.cfs_period_us").write_text("100000")
    (node / "kubepods" / "cpu.cfs_quota_us").write_text("25000")
    (node / "kubepods" / "cpu.cfs_period_us").write_text("50000")
    groups = cgroups.Cgroups("/pybernetes/n", tmp_path)
    groups.prepare_node(500, 1 << 30)
    path = groups.make_pod(pod(FULL)).strip("/")
    assert (tmp_path / "cpu,cpuacct" / path / "cpu.cfs_quota_us").read_text() == "50000"
    container = pod(FULL)["spec"]["containers"][0]
    assert configs.container_resources(container, 0, groups.hold).cpu_quota == 50000
    assert configs.container_resources(container, 0).cpu_quota == 100000


def test_oom_scores():
    assert oom_score_adj(pod(FULL), pod(FULL)["spec"]["containers"][0], 4 << 30) == -997
    assert oom_score_adj(pod({}), pod({})["spec"]["containers"][0], 4 << 30) == 1000
    half = {"requests": {"memory": "2Gi"}}
    assert oom_score_adj(pod(half), pod(half)["spec"]["containers"][0], 4 << 30) == 500
    none = {"requests": {"cpu": "1"}}
    assert oom_score_adj(pod(none), pod(none)["spec"]["containers"][0], 4 << 30) == 999


NODE = {"metadata": {"name": "n", "labels": {"disk": "ssd"}}, "spec": {}}
ALLOCATABLE = {"cpu": "2", "memory": "1Gi", "pods": "3"}


def test_admission_counts_what_is_there():
    one = pod({"requests": {"cpu": "1500m"}})
    assert admit(one, NODE, [], ALLOCATABLE) is None
    reason, message = admit(one, NODE, [one], ALLOCATABLE)
    assert reason == "OutOfcpu"
    assert message == "Node didn't have enough resource: cpu, requested: 1500, used: 1500, capacity: 2000"
    assert admit(pod({}), NODE, [pod({})] * 3, ALLOCATABLE)[0] == "OutOfpods"


def test_admission_counts_extended_resources_that_the_node_has_and_no_others():
    one = pod({"requests": {"example.com/gpu": "2"}, "limits": {"example.com/gpu": "2"}})
    assert admit(one, NODE, [], ALLOCATABLE) is None
    node = {**NODE, "status": {"allocatable": {"cpu": "64", "example.com/gpu": "3"}}}
    assert admit(one, node, [], ALLOCATABLE) is None
    assert admit(one, node, [one], ALLOCATABLE)[0] == "OutOfexample.com/gpu"
    assert admit(pod({"requests": {"cpu": "3"}}), node, [], ALLOCATABLE)[0] == "OutOfcpu"


def test_admission_checks_selector_ports_and_taints():
    assert admit(pod({}, nodeSelector={"disk": "hdd"}), NODE, [], ALLOCATABLE)[0] == "NodeAffinity"
    port = pod({})
    port["spec"]["containers"][0]["ports"] = [{"containerPort": 80, "hostPort": 80, "protocol": "TCP"}]
    assert admit(port, NODE, [port], ALLOCATABLE)[0] == "NodePorts"
    tainted = {**NODE, "spec": {"taints": [{"key": "k", "effect": "NoExecute"}]}}
    assert admit(pod({}), tainted, [], ALLOCATABLE)[0] == "TaintToleration"


def test_the_container_context_is_laid_over_the_pods():
    one = pod({}, securityContext={"runAsUser": 1, "runAsGroup": 2, "fsGroup": 3, "supplementalGroups": [4]})
    container = {"name": "c", "securityContext": {"runAsUser": 9, "allowPrivilegeEscalation": False}}
    context = security.container_context(one, container)
    assert (context.run_as_user.value, context.run_as_group.value) == (9, 2)
    assert list(context.supplemental_groups) == [4, 3]
    assert context.no_new_privs
    assert "/proc/kcore" in context.masked_paths
    assert context.seccomp.profile_type == api_pb2.SecurityProfile.ProfileType.Value("Unconfined")


def image(uid=None, username=""):
    return SimpleNamespace(
        HasField=lambda name: uid is not None, uid=SimpleNamespace(value=uid), username=username
    )


def test_run_as_non_root_is_refused_where_root_would_run():
    one = pod({}, securityContext={"runAsNonRoot": True})
    container = {"name": "c"}
    with pytest.raises(security.RunAsRootRefused, match="image will run as root"):
        security.check_user(one, container, image())
    with pytest.raises(security.RunAsRootRefused, match="non-numeric user"):
        security.check_user(one, container, image(username="web"))
    security.check_user(one, container, image(uid=5))
    own = {"name": "c", "securityContext": {"runAsUser": 0}}
    with pytest.raises(security.RunAsRootRefused, match="breaks non-root policy"):
        security.check_user(one, own, image(uid=5))


def test_namespaces():
    mode = api_pb2.NamespaceMode
    plain = security.namespaces(pod({}))
    assert (plain.network, plain.pid) == (mode.Value("POD"), mode.Value("CONTAINER"))
    shared = security.namespaces(pod({}, shareProcessNamespace=True, hostNetwork=True))
    assert (shared.network, shared.pid) == (mode.Value("NODE"), mode.Value("POD"))


def test_the_sandbox_carries_upstreams_labels_and_host_ports():
    one = pod({})
    one["spec"]["containers"][0]["ports"] = [{"containerPort": 80, "hostPort": 8080}]
    config = configs.sandbox_config(
        one, 2, hostname="h", resolver=Resolver(("1.1.1.1",)), log_directory="/l", cgroup_parent="/g"
    )
    assert dict(config.labels) == {
        "io.kubernetes.pod.name": "p",
        "io.kubernetes.pod.namespace": "ns",
        "io.kubernetes.pod.uid": "u1",
    }
    assert config.port_mappings[0].host_port == 8080
    assert config.metadata.attempt == 2
    assert config.hostname == "h"


def test_a_sandbox_on_the_nodes_network_cannot_have_a_host_name_of_its_own():
    config = configs.sandbox_config(
        pod({}, hostNetwork=True),
        0,
        hostname="h",
        resolver=Resolver(),
        log_directory="/l",
        cgroup_parent="/g",
    )
    assert config.hostname == ""


def test_the_container_gets_expanded_words_limits_and_mounts():
    one = pod(FULL)
    container = {**one["spec"]["containers"][0], "command": ["run", "$(A)"], "args": ["$$(A)"], "tty": True}
    config = configs.container_config(
        one,
        container,
        3,
        image_id="sha256:1",
        variables={"A": "1"},
        mounts=[Mounted("/in", "/out", True, "HostToContainer")],
        log_path="c/3.log",
        oom_score=-997,
    )
    assert list(config.command) == ["run", "1"]
    assert list(config.args) == ["$(A)"]
    resources = config.linux.resources
    assert (resources.cpu_shares, resources.cpu_quota, resources.memory_limit_in_bytes) == (
        1024,
        100000,
        1 << 30,
    )
    assert config.mounts[0].readonly
    assert config.mounts[0].propagation == api_pb2.MountPropagation.Value("PROPAGATION_HOST_TO_CONTAINER")
    assert config.annotations["io.kubernetes.container.restartCount"] == "3"
