"""Who may come in and do what: the parts of auth/ joined with this server's objects.

Roles, bindings and pods are followed by subscriptions to the caches, so that deciding never waits for I/O.
"""

from __future__ import annotations

import base64
import binascii
import secrets
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, cast

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from pybernetes.api.kinds import (
    CLUSTER_ROLE_BINDINGS,
    CLUSTER_ROLES,
    PODS,
    ROLE_BINDINGS,
    ROLES,
    SECRETS,
    Kind,
)
from pybernetes.api.times import now
from pybernetes.apiserver.auth.attributes import Attributes
from pybernetes.apiserver.auth.authenticators import (
    Authenticator,
    Authenticators,
    BearerTokens,
    BootstrapTokens,
    StaticTokens,
    TokenAuthenticator,
)
from pybernetes.apiserver.auth.authorizers import Authorizer, Authorizers, Masters
from pybernetes.apiserver.auth.front_proxy import FrontProxies
from pybernetes.apiserver.auth.node import NodeAuthorizer
from pybernetes.apiserver.auth.rbac import RBAC
from pybernetes.apiserver.auth.tokens import ServiceAccountTokens
from pybernetes.apiserver.auth.user import LOOPBACK_USER, User
from pybernetes.apiserver.auth.x509 import ClientCertificates
from pybernetes.apiserver.cache.caches import CacheEntry, Subscription, WatchEvent
from pybernetes.apiserver.housekeeping.legacy_tokens import LastUse

if TYPE_CHECKING:
    from pybernetes.apiserver.app import APIServer

Object = dict[str, Any]

_TOKEN_SECRET = "bootstrap.kubernetes.io/token"


class Followed:
    """A kind's objects as they are now; `version` changes with each of them. Cluster-wide."""

    def __init__(self, kind: Kind) -> None:
        self.kind = kind
        self.version = 0
        self.entries: dict[str, CacheEntry] = {}
        self._objects: dict[str, Object] = {}
        self._subscription: Subscription | None = None

    async def start(self, server: APIServer) -> None:
        """Take the present state over and follow it from there."""
        cache = await server.registry.cache(server.resources.of(self.kind))
        self._subscription = await cache.watch(initial=True, initial_bookmark=True)
        async for batch in self._subscription:
            events = cast("list[WatchEvent]", batch)
            for event in events:
                self._take(event)
            if any(event.initial_end for event in events):
                break
        server.tasks.spawn(self._follow(self._subscription), f"follow {self.kind.resource}")

    async def _follow(self, subscription: Subscription) -> None:
        async for batch in subscription:
            for event in cast("list[WatchEvent]", batch):
                self._take(event)

    def _take(self, event: WatchEvent) -> None:
        entry = event.entry
        if entry is None:
            return
        self.version += 1
        self._objects.pop(entry.key, None)
        if event.type == "DELETED":
            self.entries.pop(entry.key, None)
        else:
            self.entries[entry.key] = entry

    def objects(self) -> Iterable[Object]:
        """Decoded, each once; not to be changed."""
        for key, entry in self.entries.items():
            obj = self._objects.get(key)
            if obj is None:
                obj = self._objects[key] = entry.object()
            yield obj

    def close(self) -> None:
        if self._subscription is not None:
            self._subscription.close()


class Roles:
    """`RoleSource` for RBAC."""

    def __init__(self) -> None:
        self.kinds = {
            kind: Followed(kind) for kind in (CLUSTER_ROLES, CLUSTER_ROLE_BINDINGS, ROLES, ROLE_BINDINGS)
        }

    @property
    def version(self) -> int:
        return sum(followed.version for followed in self.kinds.values())

    def cluster_roles(self) -> Iterable[Object]:
        return self.kinds[CLUSTER_ROLES].objects()

    def cluster_role_bindings(self) -> Iterable[Object]:
        return self.kinds[CLUSTER_ROLE_BINDINGS].objects()

    def roles(self) -> Iterable[Object]:
        return self.kinds[ROLES].objects()

    def role_bindings(self) -> Iterable[Object]:
        return self.kinds[ROLE_BINDINGS].objects()


class Pods(Followed):
    """`PodSource` for the node authorizer."""

    def __init__(self) -> None:
        super().__init__(PODS)
        self._nodes: dict[str, dict[str, CacheEntry]] = {}

    def _take(self, event: WatchEvent) -> None:
        entry = event.entry
        if entry is None:
            return
        before = self.entries.get(entry.key)
        if before is not None:
            self._nodes.get(before.field("spec.nodeName"), {}).pop(entry.key, None)
        super()._take(event)
        node = entry.field("spec.nodeName")
        if node and event.type != "DELETED":
            self._nodes.setdefault(node, {})[entry.key] = entry

    def pods_on(self, node: str) -> Iterable[Object]:
        return [entry.object() for entry in self._nodes.get(node, {}).values()]


class AllowAll:
    """`Options.authorization` AlwaysAllow."""

    async def authorize(self, user: User, asked: Attributes) -> tuple[bool, str]:
        return True, ""


def _new_key() -> bytes:
    """A signing key for a server that was given none: tokens end with it."""
    key = ec.generate_private_key(ec.SECP256R1())
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


class Access:
    """Authenticators and authorizers of one server, and the keys that it signs tokens with."""

    def __init__(self, server: APIServer) -> None:
        self._server = server
        options = server.options
        self.loopback_token = secrets.token_urlsafe(32)
        self.roles = Roles()
        self.pods = Pods()
        self.rbac = RBAC(self.roles)
        self.tokens = ServiceAccountTokens(
            options.sa_signing_key or _new_key(),
            options.sa_keys,
            options.issuer,
            options.token_audiences,
            server.lookup,
            server.clock.now,
            LastUse(server),
        )
        self.bearer_tokens = BearerTokens(self._token_kinds())
        self.authenticators = Authenticators(self._ways(), anonymous=options.anonymous)
        self.authorizers = Authorizers(self._authorizers())

    def _ways(self) -> list[Authenticator]:
        options, moment = self._server.options, self._server.clock.now
        ways: list[Authenticator] = []
        if options.front_proxy_ca:
            proxies = ClientCertificates(options.front_proxy_ca, moment)
            ways.append(FrontProxies(proxies, options.front_proxy_names))
        if options.client_ca:
            ways.append(ClientCertificates(options.client_ca, moment))
        return [*ways, self.bearer_tokens]

    def _token_kinds(self) -> list[TokenAuthenticator]:
        server, options = self._server, self._server.options
        kinds: list[TokenAuthenticator] = [StaticTokens({self.loopback_token: LOOPBACK_USER})]
        if options.token_file is not None:
            kinds.append(StaticTokens.from_file(options.token_file))
        kinds.append(self.tokens)
        kinds.append(BootstrapTokens(self._bootstrap_secret, lambda: now(server.clock)))
        return kinds

    def _authorizers(self) -> list[Authorizer]:
        if self._server.options.authorization == "AlwaysAllow":
            return [AllowAll()]
        return [Masters(), NodeAuthorizer(self.pods), self.rbac]

    async def _bootstrap_secret(self, namespace: str, name: str) -> dict[str, str] | None:
        secret = await self._server.lookup(SECRETS, namespace, name)
        if secret is None or secret.get("type") != _TOKEN_SECRET or "deletionTimestamp" in secret["metadata"]:
            return None
        try:
            return {
                key: base64.b64decode(value).decode() for key, value in (secret.get("data") or {}).items()
            }
        except (binascii.Error, UnicodeDecodeError):
            return None

    async def start(self) -> None:
        if self._server.options.authorization == "AlwaysAllow":
            return
        for followed in (*self.roles.kinds.values(), self.pods):
            await followed.start(self._server)

    async def close(self) -> None:
        for followed in (*self.roles.kinds.values(), self.pods):
            followed.close()
