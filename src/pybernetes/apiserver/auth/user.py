"""Who made a request: a name, groups, and what else the authenticator knows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from urllib.parse import unquote

from pybernetes.lib.http.messages import Headers
from pybernetes.semantics import service_accounts

ANONYMOUS = "system:anonymous"
AUTHENTICATED = "system:authenticated"
UNAUTHENTICATED = "system:unauthenticated"
MASTERS = "system:masters"
NODES = "system:nodes"
NODE_PREFIX = "system:node:"


@dataclass(frozen=True, slots=True)
class User:
    """`groups` include system:authenticated or system:unauthenticated; `extra` has lists of strings."""

    name: str
    uid: str = ""
    groups: tuple[str, ...] = ()
    extra: tuple[tuple[str, tuple[str, ...]], ...] = field(default=())

    @property
    def node_name(self) -> str:
        """The node that this user is, "" if it is none."""
        if NODES in self.groups and self.name.startswith(NODE_PREFIX):
            return self.name.removeprefix(NODE_PREFIX)
        return ""

    def as_user_info(self) -> dict[str, object]:
        """As TokenReview, SelfSubjectReview and admission reviews show it."""
        info: dict[str, object] = {"username": self.name}
        if self.uid:
            info["uid"] = self.uid
        if self.groups:
            info["groups"] = list(self.groups)
        if self.extra:
            info["extra"] = {key: list(values) for key, values in self.extra}
        return info


ANONYMOUS_USER = User(ANONYMOUS, groups=(UNAUTHENTICATED,))
LOOPBACK_USER = User("system:apiserver", groups=(MASTERS, AUTHENTICATED))


def service_account(
    namespace: str, name: str, uid: str = "", extra: dict[str, list[str]] | None = None
) -> User:
    """The user that a service account's token stands for."""
    return User(
        service_accounts.user_name(namespace, name),
        uid,
        (*service_accounts.groups(namespace), AUTHENTICATED),
        tuple((key, tuple(values)) for key, values in (extra or {}).items()),
    )


def with_standing(name: str, groups: Sequence[str]) -> tuple[str, ...]:
    """The groups, and that the user is authenticated (or anonymous) unless they say so themselves."""
    if AUTHENTICATED in groups or UNAUTHENTICATED in groups:
        return tuple(groups)
    return (*groups, UNAUTHENTICATED if name == ANONYMOUS else AUTHENTICATED)


def extra_of(headers: Headers, prefix: str) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """`User.extra` from headers whose names are `prefix` (in small letters) and a percent-encoded key."""
    found: dict[str, list[str]] = {}
    for header, value in headers.items():
        if header.startswith(prefix):
            found.setdefault(unquote(header[len(prefix) :]), []).append(value)
    return tuple((key, tuple(values)) for key, values in found.items())
