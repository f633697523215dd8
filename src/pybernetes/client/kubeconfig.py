"""From a kubeconfig (file, text or dict) to a `Transport`.

File: https://kubernetes.io/docs/concepts/configuration/organize-cluster-access-kubeconfig/
Relative paths in a file count from the file's folder. Credential plugins (`exec`, `auth-provider`)
are refused with a message that says what to use instead.
"""

from __future__ import annotations

import base64
import binascii
import os
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pybernetes.client.transport import Credentials, HttpTransport
from pybernetes.lib.tls import Pem, client_context


class KubeconfigError(Exception):
    """The kubeconfig cannot be used; the message says which part and what to do."""


@dataclass(slots=True, frozen=True)
class ClusterAccess:
    """What one context of a kubeconfig says: where the server is, and how to show who is asking."""

    server: str
    context: ssl.SSLContext | None
    credentials: Credentials
    server_name: str | None = None
    namespace: str = "default"

    def transport(self) -> HttpTransport:
        return HttpTransport(
            self.server,
            context=self.context,
            credentials=self.credentials,
            server_name=self.server_name,
        )


def load(path: str | os.PathLike[str], context: str = "") -> ClusterAccess:
    """The access that the named context of a kubeconfig file gives; by default its current one."""
    file = Path(path)
    try:
        text = file.read_text()
    except OSError as error:
        raise KubeconfigError(f"cannot read the kubeconfig {file}: {error.strerror}") from error
    return parse(text, context, folder=file.parent, source=str(file))


def parse(text: str, context: str = "", *, folder: Path | None = None, source: str = "") -> ClusterAccess:
    """The same for the text of a kubeconfig (YAML or JSON)."""
    where = source or "the kubeconfig"
    import yaml

    try:
        data = yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except yaml.YAMLError as error:
        raise KubeconfigError(f"{where} is not YAML: {error}") from error
    if not isinstance(data, dict):
        raise KubeconfigError(f"{where} is not a kubeconfig: expected a mapping with clusters and contexts")
    return from_dict(data, context, folder=folder, source=where)


def from_dict(
    data: dict[str, Any], context: str = "", *, folder: Path | None = None, source: str = "the kubeconfig"
) -> ClusterAccess:
    """The same for a decoded kubeconfig."""
    name = context or data.get("current-context") or ""
    if not name:
        raise KubeconfigError(f"{source} has no current-context: set one with kubectl config use-context")
    chosen = _named(data, "contexts", name, "context", source)
    cluster = _named(data, "clusters", chosen.get("cluster", ""), "cluster", source)
    user = _named(data, "users", chosen["user"], "user", source) if chosen.get("user") else {}
    for plugin in ("exec", "auth-provider"):
        if user.get(plugin):
            raise KubeconfigError(
                f"{source} takes credentials from a plugin ({plugin}), which is not supported: "
                "use a client certificate, a token or a tokenFile"
            )
    if cluster.get("proxy-url"):
        raise KubeconfigError(
            f"the cluster of context {name!r} in {source} has a proxy-url, which is not supported: remove it, "
            "and give a server that can be reached directly"
        )
    server = cluster.get("server")
    if not server:
        raise KubeconfigError(f"the cluster of context {name!r} in {source} has no server")
    return ClusterAccess(
        server=server,
        context=_tls(cluster, user, folder, source) if server.startswith("https") else None,
        credentials=Credentials(
            token=user.get("token", ""),
            token_file="" if user.get("token") else (_path(user.get("tokenFile"), folder) or ""),
            username=user.get("username", ""),
            password=user.get("password", ""),
        ),
        server_name=cluster.get("tls-server-name") or None,
        namespace=chosen.get("namespace") or "default",
    )


def make(
    server: str,
    *,
    ca_data: bytes = b"",
    certificate_data: bytes = b"",
    key_data: bytes = b"",
    token: str = "",
    cluster: str = "pybernetes",
    user: str = "",
    namespace: str = "",
) -> dict[str, Any]:
    """A kubeconfig with everything embedded, as a dict to write as YAML or JSON."""
    user = user or f"{cluster}-user"
    cluster_part: dict[str, Any] = {"server": server}
    if ca_data:
        cluster_part["certificate-authority-data"] = base64.b64encode(ca_data).decode()
    user_part: dict[str, Any] = {}
    if certificate_data:
        user_part["client-certificate-data"] = base64.b64encode(certificate_data).decode()
        user_part["client-key-data"] = base64.b64encode(key_data).decode()
    if token:
        user_part["token"] = token
    context: dict[str, Any] = {"cluster": cluster, "user": user}
    if namespace:
        context["namespace"] = namespace
    name = f"{user}@{cluster}"
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": cluster, "cluster": cluster_part}],
        "users": [{"name": user, "user": user_part}],
        "contexts": [{"name": name, "context": context}],
        "current-context": name,
        "preferences": {},
    }


def _named(data: dict[str, Any], section: str, name: str, what: str, source: str) -> dict[str, Any]:
    entries = data.get(section) or []
    for entry in entries:
        if entry.get("name") == name:
            return entry.get(what) or {}
    known = ", ".join(str(entry.get("name")) for entry in entries) or "none"
    raise KubeconfigError(f"{source} has no {what} named {name!r}; it has: {known}")


def _tls(cluster: dict[str, Any], user: dict[str, Any], folder: Path | None, source: str) -> ssl.SSLContext:
    try:
        return client_context(
            ca=_pem(cluster, "certificate-authority", folder),
            certificate=_pem(user, "client-certificate", folder),
            key=_pem(user, "client-key", folder),
            verify=not cluster.get("insecure-skip-tls-verify", False),
        )
    except (OSError, ValueError) as error:
        raise KubeconfigError(f"{source}: certificates cannot be used: {error}") from error


def _pem(part: dict[str, Any], name: str, folder: Path | None) -> Pem | None:
    """`NAME-data`, which comes before the file that `NAME` may say."""
    data = part.get(f"{name}-data")
    if not data:
        path = _path(part.get(name), folder)
        return Path(path) if path else None
    try:
        return base64.b64decode(data, validate=True)
    except binascii.Error as error:
        raise ValueError(f"{name}-data is not base64") from error


def _path(value: str | None, folder: Path | None) -> str | None:
    if not value:
        return None
    return str(folder / value) if folder is not None else value
