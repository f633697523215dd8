"""The pure parts of a local node."""

from pathlib import Path

import pytest

from pybernetes.cluster import containerd, local_node
from pybernetes.cluster.failure import Failure
from pybernetes.cluster.layout import Layout


def test_loopback_name_servers_are_left_out() -> None:
    text = "search example.com\nnameserver 127.0.0.53\nnameserver ::1\nnameserver 192.0.2.1\noptions edns0\n"
    assert local_node.without_loopback(text) == "search example.com\nnameserver 192.0.2.1\noptions edns0\n"


def test_a_resolv_conf_that_nodes_can_use_is_not_replaced(tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    source.write_text("nameserver 192.0.2.1\n")
    target.write_text("left from before\n")
    local_node.write_resolv_conf(target, source)
    assert not target.exists()
    source.write_text("nameserver 127.0.0.1\nnameserver 192.0.2.1\n")
    local_node.write_resolv_conf(target, source)
    assert "127.0.0.1" not in target.read_text()


def test_names_that_cannot_be_host_names_are_refused() -> None:
    for name in ("", "Up", "a_b", "-a", "a" * 41, "a/b"):
        with pytest.raises(Failure, match="will not do"):
            Layout.of(name)


def test_sockets_stay_short_whatever_the_data_directory() -> None:
    layout = Layout.of("a" * 40, "/a/very/long/" + "path/" * 40)
    assert len(str(layout.node("node-100").socket)) < 100


def test_the_table_is_named_after_the_cluster() -> None:
    assert Layout.of().table == "pybernetes"
    assert Layout.of("other").table == "pybernetes-other"


def test_containerds_configuration_is_toml_with_the_nodes_own_paths(tmp_path: Path) -> None:
    import tomllib

    settings = containerd.Settings(
        root=Path("/data/containerd"),
        state=Path("/run/containerd"),
        cni_config=Path("/data/cni"),
        cni_binaries="/usr/lib/cni",
        registries=Path("/data/registries"),
        sandbox_image="example.com/pause:1",
        may_adjust_oom_score=False,
    )
    config = tomllib.loads(containerd.configuration(settings))
    cri = config["plugins"]["io.containerd.grpc.v1.cri"]
    assert config["root"] == "/data/containerd"
    assert config["grpc"]["address"] == "/run/containerd/containerd.sock"
    assert cri["restrict_oom_score_adj"] is True
    assert cri["cni"] == {"bin_dir": "/usr/lib/cni", "conf_dir": "/data/cni"}
    assert cri["registry"]["config_path"] == "/data/registries"


def test_a_plain_http_registry_is_toml_too() -> None:
    import tomllib

    hosts = tomllib.loads(containerd.plain_http_registry("10.209.0.1:5000"))
    assert hosts["server"] == "http://10.209.0.1:5000"
    assert list(hosts["host"]) == ["http://10.209.0.1:5000"]
