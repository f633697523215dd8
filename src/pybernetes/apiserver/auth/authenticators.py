"""Who is asking: an authenticating proxy, client certificates, bearer tokens of several kinds, or nobody.

`Authenticators` asks each authenticator in turn. One answers a `User`, None when the request does not
carry its kind of credential, or raises `Unauthorized` when it does and the credential is bad; another
credential of the request may still be good.
Source: https://kubernetes.io/docs/reference/access-authn-authz/authentication/
"""

from __future__ import annotations

import base64
import csv
import hmac
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Protocol

from pybernetes.api.errors import Unauthorized
from pybernetes.apiserver.auth.user import ANONYMOUS_USER, AUTHENTICATED, User
from pybernetes.lib.http.messages import Request
from pybernetes.lib.websocket import offered_protocols


class Authenticator(Protocol):
    async def authenticate(self, request: Request) -> User | None: ...


class TokenAuthenticator(Protocol):
    """The same for a bearer token alone, as TokenReview needs it."""

    async def authenticate_token(self, token: str, audiences: Sequence[str] = ()) -> User | None: ...


def bearer_token(request: Request) -> str:
    """The token of the Authorization header; "" if there is none."""
    scheme, _, token = request.headers.get("authorization").strip().partition(" ")
    if scheme.lower() == "bearer":
        return token.strip()
    return ""


_IN_PROTOCOL = "base64url.bearer.authorization.k8s.io."


def websocket_token(request: Request) -> str:
    """The token that a browser puts among the subprotocols of a WebSocket, as it cannot set headers; "" if none.

    It is taken out of the request: nobody further on is to see it. Another subprotocol has to be there.
    """
    offered = offered_protocols(request.headers)
    found = [one for one in offered if one.startswith(_IN_PROTOCOL)]
    if not found:
        return ""
    others = [one for one in offered if one not in found]
    encoded = found[0].removeprefix(_IN_PROTOCOL)
    try:
        token = base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)).decode()
    except ValueError:
        raise Unauthorized("Unauthorized") from None
    if len(found) > 1 or not others or not token:
        raise Unauthorized("Unauthorized")
    request.headers.set("sec-websocket-protocol", ", ".join(others))
    return token


class StaticTokens:
    """`--token-auth-file`: lines of `token,user,uid,"group1,group2"`."""

    def __init__(self, users: dict[str, User]) -> None:
        self._users = users

    @classmethod
    def from_file(cls, path: Path) -> StaticTokens:
        """Raises ValueError that names the line when one has fewer than three columns."""
        users: dict[str, User] = {}
        with path.open(newline="") as lines:
            for number, row in enumerate(csv.reader(lines, skipinitialspace=True), 1):
                if not row or not "".join(row).strip():
                    continue
                if len(row) < 3 or not row[0] or not row[1]:
                    raise ValueError(f'{path}:{number}: expected token,user,uid[,"group1,group2"]')
                groups = (
                    tuple(part.strip() for part in row[3].split(",") if part.strip()) if len(row) > 3 else ()
                )
                users[row[0]] = User(row[1], row[2], (*groups, AUTHENTICATED))
        return cls(users)

    async def authenticate_token(self, token: str, audiences: Sequence[str] = ()) -> User | None:
        return self._users.get(token)


GetSecret = Callable[[str, str], Awaitable[dict[str, str] | None]]
"""(namespace, name) -> the decoded data of a Secret of type bootstrap.kubernetes.io/token, None if there is none."""


class BootstrapTokens:
    """`abcdef.0123456789abcdef`: tokens that let a new node ask for its certificate.

    Source: https://kubernetes.io/docs/reference/access-authn-authz/bootstrap-tokens/
    """

    def __init__(self, get_secret: GetSecret, now: Callable[[], str]) -> None:
        self._get_secret = get_secret
        self._now = now
        """The present as RFC 3339 in UTC, so that times compare as text."""

    async def authenticate_token(self, token: str, audiences: Sequence[str] = ()) -> User | None:
        token_id, dot, secret = token.partition(".")
        if not (dot and len(token_id) == 6 and len(secret) == 16 and (token_id + secret).isalnum()):
            return None
        data = await self._get_secret("kube-system", f"bootstrap-token-{token_id}")
        if data is None or data.get("usage-bootstrap-authentication") != "true":
            return None
        if not hmac.compare_digest(data.get("token-secret", ""), secret) or data.get("token-id") != token_id:
            return None
        expiration = data.get("expiration", "")
        if expiration and expiration <= self._now():
            return None
        extra = [part.strip() for part in data.get("auth-extra-groups", "").split(",") if part.strip()]
        groups = [group for group in extra if group.startswith("system:bootstrappers:")]
        return User(f"system:bootstrap:{token_id}", groups=("system:bootstrappers", *groups, AUTHENTICATED))


class BearerTokens:
    """The token of the Authorization header or of a WebSocket, against each kind. One that nobody knows is an error."""

    def __init__(self, kinds: Sequence[TokenAuthenticator]) -> None:
        self._kinds = kinds

    async def authenticate(self, request: Request) -> User | None:
        token = bearer_token(request)
        if not token and "sec-websocket-protocol" in request.headers:
            token = websocket_token(request)
        if not token:
            return None
        user = await self.authenticate_token(token)
        if user is None:
            raise Unauthorized("Unauthorized")
        return user

    async def authenticate_token(self, token: str, audiences: Sequence[str] = ()) -> User | None:
        for kind in self._kinds:
            user = await kind.authenticate_token(token, audiences)
            if user is not None:
                return user
        return None


class Authenticators:
    """All of them in order; a request without any credential is `system:anonymous`, where that is let in."""

    def __init__(self, authenticators: Sequence[Authenticator], *, anonymous: bool = True) -> None:
        self._authenticators = authenticators
        self._anonymous = anonymous

    async def authenticate(self, request: Request) -> User:
        """Raises Unauthorized."""
        refused: Unauthorized | None = None
        for authenticator in self._authenticators:
            try:
                user = await authenticator.authenticate(request)
            except Unauthorized as error:
                refused = error
                continue
            if user is not None:
                return user
        if refused is not None or not self._anonymous:
            raise refused or Unauthorized("Unauthorized")
        return ANONYMOUS_USER
