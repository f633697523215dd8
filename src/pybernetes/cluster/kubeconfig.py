"""kubeconfig files: server, CA and credentials in, the YAML text that kubectl reads out.

Written by hand rather than with a YAML library: the values are base64, names and URLs only, and
`up` starts faster without one.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from pathlib import Path

from pybernetes.cluster.failure import Failure
from pybernetes.cluster.pki import write_private


@dataclass(frozen=True)
class Credentials:
    """A client certificate with its key (PEM bytes or paths), or a bearer token."""

    user: str
    certificate: bytes | Path = b""
    key: bytes | Path = b""
    token: str = ""


def render(cluster: str, server: str, ca: bytes | Path, credentials: Credentials) -> str:
    """One cluster, one user, one context, which is the current one."""
    context = cluster if credentials.user == "kubernetes-admin" else f"{credentials.user}@{cluster}"
    user = [f"    {line}\n" for line in _user_lines(credentials)]
    return (
        "apiVersion: v1\n"
        "kind: Config\n"
        "clusters:\n"
        f"- name: {cluster}\n"
        "  cluster:\n"
        f"    server: {server}\n"
        f"    {_file_or_data('certificate-authority', ca)}\n"
        "users:\n"
        f"- name: {credentials.user}\n"
        "  user:\n"
        f"{''.join(user)}"
        "contexts:\n"
        f"- name: {context}\n"
        "  context:\n"
        f"    cluster: {cluster}\n"
        f"    user: {credentials.user}\n"
        f"current-context: {context}\n"
    )


def _user_lines(credentials: Credentials) -> list[str]:
    if credentials.token:
        return [f"token: {credentials.token}"]
    return [
        _file_or_data("client-certificate", credentials.certificate),
        _file_or_data("client-key", credentials.key),
    ]


def _file_or_data(field: str, value: bytes | Path) -> str:
    if isinstance(value, bytes):
        return f"{field}-data: {base64.b64encode(value).decode()}"
    return f"{field}: {value}"


def write(path: Path, cluster: str, server: str, ca: bytes | Path, credentials: Credentials) -> None:
    """Write the file, readable by its owner only; an unchanged one is left alone."""
    content = render(cluster, server, ca, credentials).encode()
    if path.exists() and path.read_bytes() == content:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    write_private(path, content)


def write_all(pki: Path, kubeconfigs: Path, admin: Path, cluster: str, server: str) -> None:
    """The administrator's file and one for each component that runs on the server."""
    ca = (pki / "ca.crt").read_bytes()
    targets = {
        "admin": (admin, "kubernetes-admin"),
        "controller-manager": (
            kubeconfigs / "controller-manager.kubeconfig",
            "system:kube-controller-manager",
        ),
        "scheduler": (kubeconfigs / "scheduler.kubeconfig", "system:kube-scheduler"),
    }
    for file, (path, user) in targets.items():
        certificate, key = (pki / f"{file}.crt").read_bytes(), (pki / f"{file}.key").read_bytes()
        write(path, cluster, server, ca, Credentials(user, certificate, key))


def render_public(server: str, ca: bytes) -> str:
    """A kubeconfig without a user, as kube-public/cluster-info holds it."""
    return (
        "apiVersion: v1\n"
        "kind: Config\n"
        "clusters:\n"
        '- name: ""\n'
        "  cluster:\n"
        f"    server: {server}\n"
        f"    {_file_or_data('certificate-authority', ca)}\n"
    )


def ca_of(text: str) -> bytes:
    """The embedded CA (PEM) of the first cluster in a kubeconfig."""
    import yaml

    try:
        cluster = yaml.safe_load(text)["clusters"][0]["cluster"]
        return base64.b64decode(cluster["certificate-authority-data"])
    except (yaml.YAMLError, KeyError, IndexError, TypeError, ValueError):
        raise Failure(
            "the server's cluster-info holds no CA: run `pybernetes token create` there, or give --ca-file"
        )
