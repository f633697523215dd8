"""Registry credentials out of imagePullSecrets, the best match first.

Source: https://kubernetes.io/docs/concepts/containers/images/#config-json
"""

from __future__ import annotations

import base64
import binascii
import fnmatch
from collections.abc import Iterable
from dataclasses import dataclass

import msgspec

from pybernetes.kubelet.images.names import ImageName
from pybernetes.kubelet.machine.model import Object

_DOCKER_HUB = ("docker.io", "index.docker.io", "registry-1.docker.io")


@dataclass(slots=True, frozen=True)
class Credential:
    username: str = ""
    password: str = ""
    identity_token: str = ""
    server: str = ""


def from_secret(secret: Object) -> dict[str, Credential]:
    """Registry (with an optional path) -> credential; a secret that cannot be read gives none."""
    data = secret.get("data") or {}
    try:
        if secret.get("type") == "kubernetes.io/dockerconfigjson":
            auths = msgspec.json.decode(base64.b64decode(data[".dockerconfigjson"])).get("auths") or {}
        elif secret.get("type") == "kubernetes.io/dockercfg":
            auths = msgspec.json.decode(base64.b64decode(data[".dockercfg"]))
        else:
            return {}
        return {registry: _credential(registry, entry) for registry, entry in auths.items()}
    except (KeyError, ValueError, AttributeError, binascii.Error, msgspec.DecodeError):
        return {}


def _credential(registry: str, entry: Object) -> Credential:
    username, password = entry.get("username", ""), entry.get("password", "")
    if entry.get("auth"):
        decoded = base64.b64decode(entry["auth"]).decode()
        username, _, password = decoded.partition(":")
    return Credential(username, password.rstrip("\0"), entry.get("identitytoken", ""), registry)


def candidates(image: ImageName, secrets: Iterable[Object]) -> list[Credential]:
    """Credentials worth a try, the most specific first."""
    found: list[tuple[int, Credential]] = []
    for secret in secrets:
        for registry, credential in from_secret(secret).items():
            pattern = registry.removeprefix("https://").removeprefix("http://").rstrip("/")
            if _matches(pattern, image):
                found.append((len(pattern), credential))
    found.sort(key=lambda pair: -pair[0])
    return [credential for _, credential in found]


def _matches(pattern: str, image: ImageName) -> bool:
    host, _, path = pattern.partition("/")
    if path in ("v1", "v2"):
        path = ""
    wanted, _, port = host.partition(":")
    actual, _, actual_port = image.domain.partition(":")
    if port != actual_port:
        return False
    if wanted in _DOCKER_HUB:
        if actual not in _DOCKER_HUB:
            return False
    else:
        parts, actual_parts = wanted.split("."), actual.split(".")
        if len(parts) != len(actual_parts):
            return False
        if not all(fnmatch.fnmatchcase(b, a) for a, b in zip(parts, actual_parts, strict=True)):
            return False
    return not path or image.path == path or image.path.startswith(path + "/")
