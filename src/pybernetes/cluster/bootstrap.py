"""Letting nodes in: bootstrap tokens, the rights they carry, and how a machine finds the cluster's CA with one.

A token is a Secret in kube-system; its user may ask for a client certificate of a node, and the
controllers sign it at once. A machine that has nothing but server and token reads the ConfigMap
kube-public/cluster-info without a certificate check, and believes it because it is signed with the token.
Sources: https://kubernetes.io/docs/reference/access-authn-authz/bootstrap-tokens/ and
https://kubernetes.io/docs/reference/access-authn-authz/kubelet-tls-bootstrapping/
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
import secrets
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from pybernetes.cluster.admin import Admin
from pybernetes.cluster.failure import Failure

TOKEN = re.compile(r"[a-z0-9]{6}\.[a-z0-9]{16}")
ALPHABET = "abcdefghijklmnopqrstuvwxyz0123456789"
JOINERS = "system:bootstrappers:kubeadm:default-node-token"
RBAC = "/apis/rbac.authorization.k8s.io/v1"
LIFE = timedelta(hours=24)

BINDINGS = {
    "kubeadm:kubelet-bootstrap": ("system:node-bootstrapper", JOINERS),
    "kubeadm:node-autoapprove-bootstrap": (
        "system:certificates.k8s.io:certificatesigningrequests:nodeclient",
        JOINERS,
    ),
    "kubeadm:node-autoapprove-certificate-rotation": (
        "system:certificates.k8s.io:certificatesigningrequests:selfnodeclient",
        "system:nodes",
    ),
}
"""Cluster role bindings that joining needs: name -> cluster role and group."""


def new_token() -> str:
    """`id.secret`, as upstream forms them."""
    return ".".join("".join(secrets.choice(ALPHABET) for _ in range(length)) for length in (6, 16))


def check_token(token: str) -> str:
    if not TOKEN.fullmatch(token):
        raise Failure(
            "the token is not of the form abcdef.0123456789abcdef: make one with `pybernetes token create`"
        )
    return token


def secret(token: str, expires: datetime | None, description: str) -> dict[str, Any]:
    """The Secret that makes the token valid; it never expires when `expires` is None."""
    identifier, _, value = token.partition(".")
    data = {
        "token-id": identifier,
        "token-secret": value,
        "usage-bootstrap-authentication": "true",
        "usage-bootstrap-signing": "true",
        "auth-extra-groups": JOINERS,
        "description": description,
    }
    if expires is not None:
        data["expiration"] = expires.strftime("%Y-%m-%dT%H:%M:%SZ")
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": f"bootstrap-token-{identifier}", "namespace": "kube-system"},
        "type": "bootstrap.kubernetes.io/token",
        "stringData": data,
    }


def cluster_role_binding(name: str) -> dict[str, Any]:
    role, group = BINDINGS[name]
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": name},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role},
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": group}],
    }


def allow_joining(
    admin: Admin, token: str, life: timedelta | None = LIFE, description: str = "local nodes"
) -> None:
    """Make the token valid and have the bindings."""
    from pybernetes.lib.clock import RealClock

    for name in BINDINGS:
        admin.ensure(f"{RBAC}/clusterrolebindings", cluster_role_binding(name))
    expires = None if life is None else RealClock().now() + life
    admin.ensure("/api/v1/namespaces/kube-system/secrets", secret(token, expires, description))


# cluster-info: the CA for a machine that has only the token


def sign(token: str, content: str) -> str:
    """The detached JWS (HS256) over `content` with the token's secret."""
    identifier, _, value = token.partition(".")
    header = _base64url(json.dumps({"alg": "HS256", "kid": identifier}, separators=(",", ":")).encode())
    signed = f"{header}.{_base64url(content.encode())}".encode()
    return f"{header}..{_base64url(hmac.new(value.encode(), signed, hashlib.sha256).digest())}"


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def signed_by(token: str, config_map: dict[str, Any]) -> str:
    """The kubeconfig in a cluster-info ConfigMap, if the token's signature on it is right; else Failure."""
    data = config_map.get("data") or {}
    content = data.get("kubeconfig", "")
    signature = data.get(f"jws-kubeconfig-{token.partition('.')[0]}", "")
    if not content or not hmac.compare_digest(signature, sign(token, content)):
        raise Failure(
            "the server cannot prove that it knows the token: make a new one there with `pybernetes token create`"
        )
    return str(content)


def publish_cluster_info(admin: Admin, server: str, ca: bytes, token: str) -> None:
    """Put server and CA, signed with the token, where anybody may read it."""
    from pybernetes.cluster.kubeconfig import render_public

    content = render_public(server, ca)
    path = "/api/v1/namespaces/kube-public/configmaps"
    metadata = {"name": "cluster-info", "namespace": "kube-public"}
    signature = {f"jws-kubeconfig-{token.partition('.')[0]}": sign(token, content)}
    obj = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": metadata,
        "data": {"kubeconfig": content, **signature},
    }
    if not admin.ensure(path, obj):
        admin.call("PATCH", f"{path}/cluster-info", {"data": obj["data"]}, "application/merge-patch+json")
    role = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "Role",
        "metadata": {"name": "kubeadm:bootstrap-signer-clusterinfo", "namespace": "kube-public"},
        "rules": [
            {
                "apiGroups": [""],
                "resources": ["configmaps"],
                "resourceNames": ["cluster-info"],
                "verbs": ["get"],
            }
        ],
    }
    binding = {
        **role,
        "kind": "RoleBinding",
        "roleRef": {
            "apiGroup": "rbac.authorization.k8s.io",
            "kind": "Role",
            "name": "kubeadm:bootstrap-signer-clusterinfo",
        },
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "system:anonymous"}],
    }
    del binding["rules"]
    admin.ensure(f"{RBAC}/namespaces/kube-public/roles", role)
    admin.ensure(f"{RBAC}/namespaces/kube-public/rolebindings", binding)


def discover_ca(server: str, token: str, ca_hash: str = "") -> bytes:
    """The CA (PEM) of the cluster at `server`: checked by the token's signature, and by its hash if one is given."""
    import http.client
    import ssl
    from urllib.parse import urlsplit

    from pybernetes.cluster.kubeconfig import ca_of

    url = urlsplit(server)
    if url.scheme != "https" or not url.hostname:
        raise Failure(f"--server {server} is not a URL such as https://192.0.2.1:6443")
    # The answer is not believed because of the connection, but because of the signature.
    connection = http.client.HTTPSConnection(
        url.hostname, url.port or 443, timeout=10, context=ssl._create_unverified_context()
    )
    try:
        connection.request("GET", "/api/v1/namespaces/kube-public/configmaps/cluster-info")
        answer = connection.getresponse()
        content = answer.read()
    except OSError as error:
        raise Failure(f"no API server answers at {server} ({error}): check the address and the way to it")
    finally:
        connection.close()
    if answer.status != 200:
        raise Failure(
            f"{server} does not publish its CA: run `pybernetes token create` there, or give --ca-file"
        )
    ca = ca_of(signed_by(token, json.loads(content)))
    if ca_hash:
        from pybernetes.cluster.pki import ca_hash as hash_of

        if hash_of(ca) != ca_hash:
            raise Failure(
                f"the CA of {server} is not the one with {ca_hash}: check that --server is the right cluster"
            )
    return ca


def read_ca(path: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise Failure(f"cannot read the CA in {path}: {error.strerror}")
