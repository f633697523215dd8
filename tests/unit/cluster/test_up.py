"""What `up` decides before it touches anything."""

import os
from collections.abc import Callable
from dataclasses import replace
from ipaddress import IPv4Network
from pathlib import Path
from typing import Any

import pytest

from pybernetes.cluster import cgroups, doctor, host_network, local_cluster, server
from pybernetes.cluster.down import down
from pybernetes.cluster.failure import Failure
from pybernetes.cluster.layout import Layout
from pybernetes.cluster.readiness import is_ready
from pybernetes.cluster.up import Wishes, decide, up
from pybernetes.store.sqlite_file import OpenFile

Machine = Callable[..., None]


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    (tmp_path / "data").mkdir()
    return Layout("c1", tmp_path / "data", tmp_path / "run")


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    """A machine with the given routes, interfaces and taken ports."""

    def set_up(
        routes: tuple[str, ...] = (), interfaces: tuple[str, ...] = ("lo",), ports: tuple[int, ...] = ()
    ) -> None:
        networks = [IPv4Network(route) for route in routes]
        monkeypatch.setattr(host_network, "taken_networks", lambda: networks)
        monkeypatch.setattr(host_network, "interfaces", lambda: set(interfaces))
        monkeypatch.setattr(local_cluster, "RUN_ROOT", Path("/nonexistent"))
        monkeypatch.setattr(server, "port_is_free", lambda address, port: port not in ports)

    set_up()
    return set_up


def test_a_new_cluster_gets_the_defaults(layout: Layout, machine: Machine) -> None:
    settings = decide(layout, Wishes(nodes=2))
    assert (settings.nodes, settings.secure_port, settings.cluster_cidr) == (2, 6443, "10.244.0.0/16")
    assert (settings.bridge, settings.bridge_subnet) == ("pyb0", "10.209.0.0/24")
    assert settings.node_names == ["node-1", "node-2"]


def test_a_second_cluster_keeps_out_of_the_firsts_way(layout: Layout, machine: Machine) -> None:
    machine(routes=("10.209.0.0/24", "10.244.1.0/24"), interfaces=("lo", "pyb0", "pyb0-1"))
    settings = decide(layout, Wishes())
    assert (settings.bridge, settings.bridge_subnet) == ("pyb1", "10.209.1.0/24")
    assert settings.cluster_cidr == "10.245.0.0/16"


def test_a_taken_port_says_so(layout: Layout, machine: Machine) -> None:
    machine(ports=(6443,))
    with pytest.raises(Failure, match="port 6443 is taken: choose another with --secure-port"):
        decide(layout, Wishes())


def test_a_known_cluster_is_continued(layout: Layout, machine: Machine) -> None:
    first = decide(layout, Wishes(nodes=2, secure_port=7000))
    first.write(layout.settings)
    assert decide(layout, Wishes()) == first


def test_after_a_reboot_a_bridge_whose_addresses_are_taken_moves(layout: Layout, machine: Machine) -> None:
    first = decide(layout, Wishes())
    first.write(layout.settings)
    machine(routes=("10.209.0.0/16",))
    with pytest.raises(Failure, match="no free network"):
        decide(layout, Wishes())
    machine(routes=("10.209.0.0/24",), interfaces=("lo", "pyb0"))
    assert decide(layout, Wishes()) == first, "its own bridge is there"
    machine(routes=("10.209.0.0/24",))
    assert decide(layout, Wishes()) == replace(first, bridge_subnet="10.209.1.0/24")


def test_a_cluster_can_grow_but_not_shrink(layout: Layout, machine: Machine) -> None:
    decide(layout, Wishes(nodes=2)).write(layout.settings)
    assert decide(layout, Wishes(nodes=3)).nodes == 3
    with pytest.raises(Failure, match="cannot lose any"):
        decide(layout, Wishes(nodes=1))


def test_networks_cannot_change(layout: Layout, machine: Machine) -> None:
    decide(layout, Wishes()).write(layout.settings)
    with pytest.raises(Failure, match="cannot change"):
        decide(layout, Wishes(cluster_cidr="10.0.0.0/16"))


def test_shares_are_equal_unless_asked_otherwise(layout: Layout, machine: Machine) -> None:
    one, two = decide(layout, Wishes(nodes=1)), decide(layout, Wishes(nodes=2))
    assert two.cpu_millis == one.cpu_millis // 2
    assert abs(two.memory_bytes * 2 - one.memory_bytes) <= 2 << 20
    assert decide(layout, Wishes(node_cpus=0.5, node_memory=1 << 30)).cpu_millis == 500
    with pytest.raises(Failure, match="--node-memory"):
        decide(layout, Wishes(node_memory=1))


def test_damaged_settings_say_what_to_do(layout: Layout, machine: Machine) -> None:
    layout.settings.write_text("{")
    with pytest.raises(Failure, match="damaged"):
        decide(layout, Wishes())


@pytest.mark.parametrize(
    ("wish", "complaint"),
    [
        ({"nodes": 0}, "--nodes 0 will not do"),
        ({"cluster_cidr": "10.0.0/8"}, "--cluster-cidr 10.0.0/8 is not a network"),
        ({"service_cluster_ip_range": "10.244.0.0/16"}, "overlap"),
        ({"bind_address": "1.2.3.400"}, "--bind-address 1.2.3.400 is not an IP address"),
        ({"bind_address": "203.0.113.7"}, "--bind-address 203.0.113.7 is no address of this machine"),
        ({"secure_port": 99999}, "--secure-port 99999 is not a port"),
        ({"token_auth_file": __file__}, "--token-auth-file will not do: .*:1: expected token,user,uid"),
        ({"client_ca_file": __file__}, "holds no certificates"),
        ({"controller_flags": {"controllers": ("nosuch",)}}, '"nosuch" is not in the list'),
    ],
)
def test_what_cannot_work_is_refused_before_anything_is_made(
    wish: dict[str, Any], complaint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(host_network, "taken_networks", list)
    monkeypatch.setattr(host_network, "interfaces", lambda: {"lo"})
    monkeypatch.setattr(local_cluster, "RUN_ROOT", tmp_path / "run")
    layout = Layout("c1", tmp_path / "data", tmp_path / "run" / "c1")
    said: list[str] = []
    with pytest.raises(Failure, match=complaint):
        up(layout, Wishes(**{"cluster_cidr": "10.244.0.0/16", "secure_port": 45999, **wish}), said.append)
    assert not said
    assert not layout.data.exists()
    assert not layout.run.exists()


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local_cluster, "RUN_ROOT", tmp_path / "run")
    (tmp_path / "file").touch()
    layout = Layout("c1", tmp_path / "file" / "data", tmp_path / "run" / "c1")
    with pytest.raises(Failure, match=r"cannot be made \(Not a directory\): choose another folder"):
        up(layout, Wishes(secure_port=1023), [].append)


def test_a_full_disk_is_told_before_anything_is_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local_cluster, "RUN_ROOT", tmp_path / "run")
    monkeypatch.setattr(doctor, "free_bytes", lambda path: 3 << 20)
    layout = Layout("c1", tmp_path / "data", tmp_path / "run" / "c1")
    with pytest.raises(Failure, match=r"the disk is full: 3 MiB are free for .*data and 64 MiB are needed"):
        up(layout, Wishes(secure_port=45999), [].append)
    assert not layout.data.exists()


def test_names_and_folders_of_two_clusters_are_not_mixed(layout: Layout, machine: Machine) -> None:
    decide(layout, Wishes()).write(layout.settings)
    with pytest.raises(Failure, match="is that of cluster 'c1': add --name c1"):
        local_cluster.resolve("c2", str(layout.data))
    assert local_cluster.resolve("c1", str(layout.data)).data == layout.data


def test_a_live_cluster_is_not_taken_down_by_another_folder(
    layout: Layout, machine: Machine, tmp_path: Path
) -> None:
    local_cluster.mark_live(layout, decide(layout, Wishes()))
    other = replace(layout, data=tmp_path / "other")
    with pytest.raises(Failure, match=r"a cluster 'c1' is up, with its data in .*data and not in .*other"):
        local_cluster.claim_run_directory(other)


def test_what_a_node_said_before_it_was_started_again_does_not_count() -> None:
    said = {"type": "Ready", "status": "True", "lastHeartbeatTime": "2026-01-01T00:00:05Z"}
    node = {"status": {"conditions": [said]}}
    assert is_ready(node)
    assert is_ready(node, "2026-01-01T00:00:05Z")
    assert not is_ready(node, "2026-01-01T00:00:06Z")


def test_a_cluster_that_runs_without_its_data_is_not_continued(
    layout: Layout, machine: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local_cluster, "RUN_ROOT", tmp_path)
    local_cluster.mark_live(layout, decide(layout, Wishes()))
    with pytest.raises(Failure, match=r"its data in .* is gone: .* `pybernetes down --name c1 --purge`"):
        up(layout, Wishes(), [].append)


def test_damaged_settings_can_be_purged(
    layout: Layout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local_cluster, "RUN_ROOT", tmp_path)
    monkeypatch.setattr(cgroups, "remove", lambda group: True)
    monkeypatch.setattr("pybernetes.cluster.down.live_clusters", lambda: {"another": tmp_path})
    layout.settings.write_text("{")
    said: list[str] = []
    down(layout, purge=True, say=said.append)
    assert said == ["cluster c1 is down", f"its data in {layout.data} is deleted"]
    assert not layout.data.exists()


def test_a_server_is_not_started_on_data_that_another_has_open(layout: Layout) -> None:
    file = OpenFile(layout.database)
    with pytest.raises(Failure, match=rf"already runs on .*data \(process {os.getpid()}\): stop it first"):
        server.check_data(layout)
    file.close()
    server.check_data(layout)


def test_two_families_need_a_kernel_with_ipv6(
    layout: Layout, machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(host_network, "has_ipv6", lambda: False)
    with pytest.raises(Failure, match="needs IPv6, which this machine's kernel has not"):
        up(layout, Wishes(cluster_cidr="10.244.0.0/16,fd00:10:244::/56"), print)
    assert not layout.settings.exists()
