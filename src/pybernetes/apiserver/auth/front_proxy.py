"""Users that an authenticating proxy vouches for: X-Remote- headers beside a certificate of the front-proxy CA.

The headers are believed only of such a proxy, and only when its common name is one of the allowed ones.
Source: https://kubernetes.io/docs/reference/access-authn-authz/authentication/#authenticating-proxy
"""

from __future__ import annotations

from collections.abc import Collection

from pybernetes.api.errors import Unauthorized
from pybernetes.apiserver.auth.user import User, extra_of, with_standing
from pybernetes.apiserver.auth.x509 import ClientCertificates
from pybernetes.lib.http.messages import Request

PREFIX = "x-remote-"
_EXTRA = "x-remote-extra-"


class FrontProxies:
    """`certificates` are those of the front-proxy CA; no `names` allow any of its certificates."""

    def __init__(self, certificates: ClientCertificates, names: Collection[str]) -> None:
        self._certificates = certificates
        self._names = frozenset(names)

    async def authenticate(self, request: Request) -> User | None:
        """None for whoever is no proxy. Raises Unauthorized for one that names no user or is not allowed to."""
        proxy = await self._certificates.authenticate(request)
        if proxy is None:
            return None
        headers = request.headers
        name = headers.get("x-remote-user").strip()
        if not name or (self._names and proxy.name not in self._names):
            raise Unauthorized("Unauthorized")
        groups = [group for group in headers.get_all("x-remote-group") if group]
        uid = headers.get("x-remote-uid").strip()
        return User(name, uid, with_standing(name, groups), extra_of(headers, _EXTRA))
