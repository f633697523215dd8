"""Who may talk to the kubelet: a client certificate of the cluster's CA, or a token that the API server knows.

The API server's own certificate and cluster administrators may everything; all others as the API server
answers a SubjectAccessReview for `nodes/<part>`. Answers are remembered for a short time.
Source: https://kubernetes.io/docs/reference/access-authn-authz/kubelet-authn-authz/
"""

from __future__ import annotations

from dataclasses import dataclass

from pybernetes.api.errors import APIError
from pybernetes.api.kinds import SUBJECT_ACCESS_REVIEWS, TOKEN_REVIEWS
from pybernetes.client.interface import Client
from pybernetes.lib.clock import Clock
from pybernetes.lib.http.messages import Request

MASTERS = "system:masters"
API_SERVER = "kube-apiserver-kubelet-client"
ALLOWED_FOR, DENIED_FOR, TOKEN_FOR = 300.0, 30.0, 120.0
MAX_REMEMBERED = 1000

_PARTS = {"stats": "stats", "metrics": "metrics", "logs": "log", "spec": "spec"}
_FINE = {"pods": "pods", "runningpods": "pods", "healthz": "healthz", "configz": "configz"}


@dataclass(slots=True, frozen=True)
class User:
    name: str
    groups: tuple[str, ...] = ()


class Refused(Exception):
    """401 or 403."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


def certificate_user(der: bytes) -> User:
    """The user that a verified client certificate names."""
    from cryptography import x509
    from cryptography.x509.oid import NameOID

    subject = x509.load_der_x509_certificate(der).subject
    names = subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    groups = subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)
    return User(str(names[0].value) if names else "", tuple(str(group.value) for group in groups))


def verb(method: str) -> str:
    return {"POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}.get(method, "get")


def parts(path: str) -> list[str]:
    """The subresources of nodes of which one suffices, the narrower first."""
    first = path.strip("/").partition("/")[0]
    if first in _PARTS:
        return [_PARTS[first]]
    return [_FINE[first], "proxy"] if first in _FINE else ["proxy"]


class Access:
    def __init__(self, client: Client, clock: Clock, node_name: str) -> None:
        self._client = client
        self._clock = clock
        self._node = node_name
        self._users: dict[str, tuple[float, User | None]] = {}
        self._answers: dict[tuple[User, str, str], tuple[float, bool]] = {}

    async def check(self, request: Request) -> User:
        """The user. Raises Refused."""
        user = await self._authenticate(request)
        if user is None:
            raise Refused(401, "Unauthorized")
        if MASTERS in user.groups or user.name == API_SERVER:
            return user
        asked = verb(request.method)
        wanted = parts(request.path)
        for part in wanted:
            if await self._authorized(user, asked, part):
                return user
        text = (
            f"Forbidden (user={user.name}, verb={asked}, resource=nodes, subresource(s)=[{' '.join(wanted)}])"
        )
        raise Refused(403, text)

    async def _authenticate(self, request: Request) -> User | None:
        if request.peer.certificate is not None:
            return certificate_user(request.peer.certificate)
        kind, _, token = request.headers.get("authorization").partition(" ")
        if kind.lower() != "bearer" or not token.strip():
            return None
        token = token.strip()
        now = self._clock.monotonic()
        known = self._users.get(token)
        if known is not None and now < known[0]:
            return known[1]
        review = {
            "apiVersion": "authentication.k8s.io/v1",
            "kind": "TokenReview",
            "metadata": {},
            "spec": {"token": token},
        }
        try:
            status = (await self._client.create(TOKEN_REVIEWS, review)).get("status") or {}
        except APIError as error:
            raise Refused(503, f"the API server cannot be asked about the token: {error}") from error
        user = None
        if status.get("authenticated"):
            info = status.get("user") or {}
            user = User(info.get("username", ""), tuple(info.get("groups") or ()))
        if len(self._users) >= MAX_REMEMBERED:
            self._users.clear()
        self._users[token] = (now + (TOKEN_FOR if user else DENIED_FOR), user)
        return user

    async def _authorized(self, user: User, asked: str, part: str) -> bool:
        key = (user, asked, part)
        now = self._clock.monotonic()
        known = self._answers.get(key)
        if known is not None and now < known[0]:
            return known[1]
        review = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SubjectAccessReview",
            "metadata": {},
            "spec": {
                "user": user.name,
                "groups": list(user.groups),
                "resourceAttributes": {
                    "verb": asked,
                    "version": "v1",
                    "resource": "nodes",
                    "subresource": part,
                    "name": self._node,
                },
            },
        }
        try:
            status = (await self._client.create(SUBJECT_ACCESS_REVIEWS, review)).get("status") or {}
        except APIError as error:
            raise Refused(503, f"the API server cannot be asked what {user.name} may do: {error}") from error
        allowed = bool(status.get("allowed"))
        if len(self._answers) >= MAX_REMEMBERED:
            self._answers.clear()
        self._answers[key] = (now + (ALLOWED_FOR if allowed else DENIED_FOR), allowed)
        return allowed
