"""One request on its way through the chain: what the stages have found out about it so far."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pybernetes.apiserver.auth.user import ANONYMOUS_USER, User
from pybernetes.apiserver.requestinfo import RequestInfo
from pybernetes.lib.http.messages import Request

if TYPE_CHECKING:
    from pybernetes.apiserver.app import APIServer
    from pybernetes.apiserver.resources import Resource


@dataclass(slots=True)
class Context:
    """`resource` is set by routing; `warnings` become Warning headers; `finish` runs when the answer is made."""

    server: APIServer
    request: Request
    info: RequestInfo
    user: User = ANONYMOUS_USER
    resource: Resource | None = None
    warnings: list[str] = field(default_factory=list)
    finish: list[Callable[[], None]] = field(default_factory=list)

    def warn(self, text: str) -> None:
        if text not in self.warnings:
            self.warnings.append(text)

    @property
    def dry_run(self) -> bool:
        return bool(self.request.query.get("dryRun"))
