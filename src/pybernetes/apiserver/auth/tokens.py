"""Service account tokens: made for pods and people by TokenRequest, and recognised when they come back.

A token names its account and, when bound, the pod, secret or node that it lives and dies with. Bound
tokens are checked against those objects at every use, so deleting the pod ends its token at once. Tokens that
the token controller has put into Secrets are recognised as well; they live as long as their Secret.
Source: https://kubernetes.io/docs/reference/access-authn-authz/service-accounts-admin/
"""

from __future__ import annotations

import base64
import hmac
import uuid
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pybernetes.api.errors import Unauthorized
from pybernetes.api.kinds import NODES, PODS, SECRETS, SERVICE_ACCOUNTS, Kind
from pybernetes.apiserver.auth.user import User, service_account
from pybernetes.lib import jwt
from pybernetes.semantics.service_accounts import (
    INVALID_SINCE,
    SECRET_ISSUER,
    SecretToken,
    user_name,
)

Object = dict[str, Any]
Lookup = Callable[[Kind, str | None, str], Awaitable[Object | None]]
"""(kind, namespace, name) -> the object as it is now."""

PRIVATE = "kubernetes.io"
POD_DELETION_LEEWAY = 60
"""Seconds after its deletion timestamp that a pod's token still works, so that it can shut down tidily."""

_BOUND: dict[str, Kind] = {"pod": PODS, "secret": SECRETS, "node": NODES}
_VERIFIED = 1024


@dataclass(frozen=True, slots=True)
class Bound:
    """What a token is bound to: `kind` is pod, secret or node."""

    kind: str
    name: str
    uid: str


class ServiceAccountTokens:
    """Issuer and verifier. The first key signs; all keys verify, so that keys can be rotated."""

    def __init__(
        self,
        signing_key: bytes,
        other_keys: Sequence[bytes],
        issuer: str,
        audiences: Sequence[str],
        lookup: Lookup,
        now: Callable[[], datetime],
        used: Callable[[Object], None] = lambda secret: None,
    ) -> None:
        """`used` is told of each Secret whose token lets somebody in."""
        self._used = used
        self._private = jwt.load_private_key(signing_key)
        self._keys = [self._private.public_key(), *(jwt.load_public_key(pem) for pem in other_keys)]
        self.issuer = issuer
        self.audiences = tuple(audiences)
        self._lookup = lookup
        self._now = now
        self._verified: dict[str, jwt.Claims] = {}

    def issue(
        self,
        account: Object,
        seconds: int,
        audiences: Sequence[str] = (),
        bound: Sequence[Bound] = (),
        warn_after: int = 0,
    ) -> tuple[str, datetime]:
        """A token for a ServiceAccount object and the moment of its end."""
        metadata = account["metadata"]
        start = int(self._now().timestamp())
        private: Object = {
            "namespace": metadata["namespace"],
            "serviceaccount": {"name": metadata["name"], "uid": metadata["uid"]},
        }
        for item in bound:
            private[item.kind] = {"name": item.name, "uid": item.uid}
        if warn_after:
            private["warnafter"] = start + warn_after
        claims = {
            "aud": list(audiences or self.audiences),
            "exp": start + seconds,
            "iat": start,
            "iss": self.issuer,
            "jti": str(uuid.uuid4()),
            PRIVATE: private,
            "nbf": start,
            "sub": user_name(metadata["namespace"], metadata["name"]),
        }
        return jwt.sign(self._private, claims), datetime.fromtimestamp(start + seconds, self._now().tzinfo)

    async def authenticate_token(self, token: str, audiences: Sequence[str] = ()) -> User | None:
        """The account, None when another issuer made the token. Raises Unauthorized for a bad one of ours."""
        claims = self._claims(token)
        if claims is None:
            return None
        if claims["iss"] == SECRET_ISSUER:
            return await self._of_secret(token, claims, audiences)
        now = self._now().timestamp()
        if not claims.get("nbf", 0) <= now < claims.get("exp", 0):
            raise Unauthorized("Unauthorized")
        said, wanted = _listed(claims.get("aud")), list(audiences or self.audiences)
        if not set(wanted) & set(said):
            raise WrongAudience(said, wanted)
        private = claims.get(PRIVATE) or {}
        reference = private.get("serviceaccount") or {}
        namespace, name, uid = private.get("namespace"), reference.get("name"), reference.get("uid")
        if not (namespace and name and uid):
            raise Unauthorized("Unauthorized")
        if not self._alive(await self._lookup(SERVICE_ACCOUNTS, namespace, name), uid):
            raise Unauthorized("Unauthorized")
        extra: dict[str, list[str]] = {}
        if claims.get("jti"):
            extra["authentication.kubernetes.io/credential-id"] = [f"JTI={claims['jti']}"]
        for kind, resource in _BOUND.items():
            bound = private.get(kind)
            if not bound:
                continue
            where = namespace if resource.namespaced else None
            # The node of a pod's token is told to the reader, and lives its own life.
            told = kind == "node" and "pod" in private
            if not told and not self._alive(await self._lookup(resource, where, bound["name"]), bound["uid"]):
                raise Unauthorized("Unauthorized")
            if kind != "secret":
                extra[f"authentication.kubernetes.io/{kind}-name"] = [bound["name"]]
                extra[f"authentication.kubernetes.io/{kind}-uid"] = [bound["uid"]]
        return service_account(namespace, name, uid, extra)

    async def _of_secret(self, token: str, claims: jwt.Claims, audiences: Sequence[str]) -> User:
        """Such a token is for this server alone, and good while its Secret has it."""
        said = SecretToken.from_claims(claims)
        if said is None or (audiences and not set(audiences) & set(self.audiences)):
            raise Unauthorized("Unauthorized")
        secret = await self._lookup(SECRETS, said.namespace, said.secret)
        account = await self._lookup(SERVICE_ACCOUNTS, said.namespace, said.account)
        if secret is None or account is None or account["metadata"].get("uid") != said.uid:
            raise Unauthorized("Unauthorized")
        if any("deletionTimestamp" in one["metadata"] for one in (secret, account)):
            raise Unauthorized("Unauthorized")
        held = str((secret.get("data") or {}).get("token", ""))
        if not hmac.compare_digest(held.encode(), base64.b64encode(token.encode())):
            raise Unauthorized("Unauthorized")
        if (secret["metadata"].get("labels") or {}).get(INVALID_SINCE):
            raise Unauthorized("Unauthorized")
        self._used(secret)
        return service_account(said.namespace, said.account, said.uid)

    def _claims(self, token: str) -> jwt.Claims | None:
        claims = self._verified.get(token)
        if claims is not None:
            return claims
        claims = jwt.peek(token)
        if claims is None or claims.get("iss") not in (self.issuer, SECRET_ISSUER):
            return None
        if not any(jwt.verify(key, token) for key in self._keys):
            raise Unauthorized("Unauthorized")
        if len(self._verified) >= _VERIFIED:
            self._verified.clear()
        self._verified[token] = claims
        return claims

    def _alive(self, obj: Object | None, uid: str) -> bool:
        if obj is None or obj["metadata"].get("uid") != uid:
            return False
        deleted = obj["metadata"].get("deletionTimestamp")
        if not deleted:
            return True
        gone = datetime.fromisoformat(deleted.replace("Z", "+00:00"))
        return (self._now() - gone).total_seconds() < POD_DELETION_LEEWAY

    def openid_configuration(self, jwks_uri: str) -> Object:
        """What /.well-known/openid-configuration answers."""
        return {
            "issuer": self.issuer,
            "jwks_uri": jwks_uri,
            "response_types_supported": ["id_token"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": sorted({jwt.jwk(key)["alg"] for key in self._keys}),
        }

    def jwks(self) -> Object:
        """What /openid/v1/jwks answers."""
        return {"keys": [jwt.jwk(key) for key in self._keys]}


class WrongAudience(Unauthorized):
    """A good token that is meant for others."""

    def __init__(self, said: Sequence[str], wanted: Sequence[str]) -> None:
        super().__init__("Unauthorized")
        self.why = f"token audiences {_quoted(said)} is invalid for the target audiences {_quoted(wanted)}"


def _quoted(texts: Sequence[str]) -> str:
    return "[" + " ".join(f'"{text}"' for text in texts) + "]"


def _listed(audience: Any) -> list[str]:
    return audience if isinstance(audience, list) else [str(audience)] if audience else []
