"""systemd units."""

from pybernetes.cluster.service_unit import unit


def test_a_cluster_is_a_oneshot_that_down_ends() -> None:
    text = unit("up", "c1", ["--name", "c1", "--nodes", "3"], "/opt/bin/pybernetes")
    assert "Type=oneshot\nRemainAfterExit=yes\nExecStart=/opt/bin/pybernetes up --name c1 --nodes 3\n" in text
    assert "ExecStop=/opt/bin/pybernetes down --name c1\n" in text


def test_a_server_and_a_node_are_restarted_and_leave_containers_running() -> None:
    for what in ("server", "node"):
        text = unit(what, "c1", [], "/opt/bin/pybernetes")
        assert f"ExecStart=/opt/bin/pybernetes {what}\n" in text
        assert "Restart=always\n" in text
        assert "KillMode=process\nDelegate=yes\n" in text
        assert "WantedBy=multi-user.target\n" in text
