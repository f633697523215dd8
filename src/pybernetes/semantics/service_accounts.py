"""What stands for a ServiceAccount: its user name and groups, and the token that a Secret may hold for it. Pure.

The token controller makes such a token, the API server recognises it, RBAC and impersonation know the user.
Source: https://kubernetes.io/docs/reference/access-authn-authz/service-accounts-admin/
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pybernetes.api.names import is_dns1123_label, is_dns1123_subdomain

USER_PREFIX = "system:serviceaccount:"
GROUP = "system:serviceaccounts"

SECRET_TYPE = "kubernetes.io/service-account-token"
ACCOUNT_NAME = "kubernetes.io/service-account.name"
ACCOUNT_UID = "kubernetes.io/service-account.uid"
INVALID_SINCE = "kubernetes.io/legacy-token-invalid-since"
"""The label of a Secret whose token is not to work any more, though nobody has deleted it yet."""

SECRET_ISSUER = "kubernetes/serviceaccount"
_CLAIM = "kubernetes.io/serviceaccount/"


def user_name(namespace: str, name: str) -> str:
    return f"{USER_PREFIX}{namespace}:{name}"


def groups(namespace: str) -> tuple[str, ...]:
    """All accounts, and those of the namespace."""
    return (GROUP, f"{GROUP}:{namespace}")


def split_user_name(user: str) -> tuple[str, str] | None:
    """(namespace, name) of the account that a user name stands for; None when it is no account's."""
    if not user.startswith(USER_PREFIX):
        return None
    namespace, _, name = user.removeprefix(USER_PREFIX).partition(":")
    if is_dns1123_label(namespace) or is_dns1123_subdomain(name):
        return None
    return namespace, name


@dataclass(slots=True, frozen=True)
class SecretToken:
    """What a token in a Secret says; it has no end and no audience of its own."""

    namespace: str
    secret: str
    account: str
    uid: str

    def claims(self) -> dict[str, str]:
        return {
            "iss": SECRET_ISSUER,
            f"{_CLAIM}namespace": self.namespace,
            f"{_CLAIM}secret.name": self.secret,
            f"{_CLAIM}service-account.name": self.account,
            f"{_CLAIM}service-account.uid": self.uid,
            "sub": user_name(self.namespace, self.account),
        }

    @classmethod
    def from_claims(cls, claims: dict[str, Any]) -> SecretToken | None:
        """None when something is missing, or does not belong together."""
        fields = ("namespace", "secret.name", "service-account.name", "service-account.uid")
        token = cls(*(str(claims.get(_CLAIM + field) or "") for field in fields))
        if not (token.namespace and token.secret and token.account and token.uid):
            return None
        return token if claims.get("sub") == user_name(token.namespace, token.account) else None
