"""Bootstrap tokens: ended ones are deleted, and the public ConfigMap `cluster-info` is signed with the others.

In: Secrets of type `bootstrap.kubernetes.io/token` and the ConfigMap, both by fixed places. Out: deletions,
signatures.
Source: https://kubernetes.io/docs/reference/access-authn-authz/bootstrap-tokens/
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from datetime import datetime
from typing import Any

import msgspec

from pybernetes.api.kinds import CONFIG_MAPS, SECRETS
from pybernetes.api.times import parse_time
from pybernetes.client.interface import Object
from pybernetes.controllers.actions import delete_of, patch_of
from pybernetes.controllers.reconciler import Reconciler

TYPE = "bootstrap.kubernetes.io/token"
TOKEN_NAMESPACE, PUBLIC_NAMESPACE = "kube-system", "kube-public"
CLUSTER_INFO = "cluster-info"
SIGNATURE_PREFIX = "jws-kubeconfig-"


def _text(secret: Object, key: str) -> str:
    try:
        return base64.b64decode((secret.get("data") or {}).get(key, "")).decode()
    except (binascii.Error, UnicodeDecodeError):
        return ""


def expiration(secret: Object) -> datetime | None:
    """When the token ends; None for one that never does. One that cannot be read has ended."""
    text = _text(secret, "expiration")
    if not text:
        return None
    try:
        return parse_time(text)
    except ValueError:
        return datetime.fromisoformat("1970-01-01T00:00:00+00:00")


def signing_token(secret: Object, now: datetime) -> tuple[str, str] | None:
    """(id, secret) of a token that may sign; None for others."""
    id, value = _text(secret, "token-id"), _text(secret, "token-secret")
    ends = expiration(secret)
    if not id or not value or (ends is not None and ends <= now):
        return None
    return (id, value) if _text(secret, "usage-bootstrap-signing") == "true" else None


def _url_base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def detached_signature(content: str, id: str, secret: str) -> str:
    """A JWS (RFC 7515) over the content, with the content left out: `header..signature`."""
    header = _url_base64(msgspec.json.encode({"alg": "HS256", "kid": id}))
    body = f"{header}.{_url_base64(content.encode())}".encode()
    return f"{header}..{_url_base64(hmac.new(secret.encode(), body, hashlib.sha256).digest())}"


def signatures(config: Object, tokens: list[tuple[str, str]]) -> dict[str, str | None]:
    """What to change in the ConfigMap's data; None removes a signature."""
    data = config.get("data") or {}
    content = data.get("kubeconfig")
    wanted: dict[str, str] = {}
    if content:
        wanted = {f"{SIGNATURE_PREFIX}{id}": detached_signature(content, id, secret) for id, secret in tokens}
    changes: dict[str, str | None] = {key: value for key, value in wanted.items() if data.get(key) != value}
    changes.update({key: None for key in data if key.startswith(SIGNATURE_PREFIX) and key not in wanted})
    return changes


class _TokenFollower(Reconciler):
    workers = 1

    def follow_tokens(self) -> None:
        self.tokens = self.context.informers.informer(
            SECRETS, namespace=TOKEN_NAMESPACE, field_selector=f"type={TYPE}"
        )
        self.informers.append(self.tokens)


class TokenCleaner(_TokenFollower):
    name = "token-cleaner-controller"

    def watch(self) -> None:
        self.follow_tokens()
        self.enqueue_changes(self.tokens)

    async def sync(self, key: str) -> None:
        secret = self.tokens.store.get(key)
        ends = expiration(secret) if secret is not None else None
        if secret is None or ends is None:
            return
        left = (ends - self.clock.now()).total_seconds()
        if left > 0:
            self.queue.add_after(key, left)
        else:
            await self.act(delete_of(SECRETS, secret))


class BootstrapSigner(_TokenFollower):
    """One key: the ConfigMap."""

    name = "bootstrap-signer-controller"

    def watch(self) -> None:
        self.follow_tokens()

        def changed(*_: Any) -> None:
            self.queue.add(CLUSTER_INFO)

        self.tokens.add_handler(added=changed, updated=changed, deleted=changed)
        self.configs = self.context.informers.informer(
            CONFIG_MAPS, namespace=PUBLIC_NAMESPACE, field_selector=f"metadata.name={CLUSTER_INFO}"
        )
        self.informers.append(self.configs)
        self.configs.add_handler(added=changed, updated=changed)

    async def sync(self, key: str) -> None:
        config = self.configs.store.get(f"{PUBLIC_NAMESPACE}/{CLUSTER_INFO}")
        if config is None:
            return
        now = self.clock.now()
        tokens = [found for one in self.tokens.store.list() if (found := signing_token(one, now))]
        changes = signatures(config, tokens)
        if changes:
            await self.act(patch_of(CONFIG_MAPS, config, {"data": changes}))
