"""The text of kubeconfig files, read back as kubectl would."""

from pathlib import Path

import pytest
import yaml

from pybernetes.cluster import kubeconfig
from pybernetes.cluster.failure import Failure
from pybernetes.cluster.kubeconfig import Credentials


def test_credentials_are_embedded() -> None:
    text = kubeconfig.render(
        "c1", "https://127.0.0.1:6443", b"CA", Credentials("kubernetes-admin", b"CRT", b"KEY")
    )
    data = yaml.safe_load(text)
    assert data["current-context"] == "c1"
    assert data["clusters"] == [
        {"name": "c1", "cluster": {"server": "https://127.0.0.1:6443", "certificate-authority-data": "Q0E="}}
    ]
    user = {"client-certificate-data": "Q1JU", "client-key-data": "S0VZ"}
    assert data["users"] == [{"name": "kubernetes-admin", "user": user}]
    assert data["contexts"][0]["context"] == {"cluster": "c1", "user": "kubernetes-admin"}


def test_paths_and_tokens_are_written_as_such() -> None:
    text = kubeconfig.render("c1", "https://h:1", Path("/ca.crt"), Credentials("joiner", token="a.b"))
    data = yaml.safe_load(text)
    assert data["clusters"][0]["cluster"]["certificate-authority"] == "/ca.crt"
    assert data["users"][0]["user"] == {"token": "a.b"}
    assert data["current-context"] == "joiner@c1"


def test_an_unchanged_file_is_not_written_again(tmp_path: Path) -> None:
    target = tmp_path / "k"
    arguments = (target, "c1", "https://h:1", b"CA", Credentials("u", token="t"))
    kubeconfig.write(*arguments)
    inode = target.stat().st_ino
    kubeconfig.write(*arguments)
    assert target.stat().st_ino == inode


def test_the_ca_comes_back_out_of_a_public_kubeconfig() -> None:
    assert kubeconfig.ca_of(kubeconfig.render_public("https://h:1", b"CA")) == b"CA"
    with pytest.raises(Failure, match="no CA"):
        kubeconfig.ca_of("clusters: []")
