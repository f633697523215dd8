"""/healthz, /livez and /readyz: named checks, each of which is fine or says what is not.

https://kubernetes.io/docs/reference/using-api/health-checks/
"""

from __future__ import annotations

from collections.abc import Callable

from pybernetes.apiserver.answers import text_response
from pybernetes.apiserver.context import Context
from pybernetes.lib.http.messages import Response

Check = Callable[[], str]
"""Answers "" when all is well, else what is not."""


def _fine() -> str:
    return ""


class Health:
    """The checks of one server. `add` gives one a name; `live` checks also decide on /livez."""

    def __init__(self) -> None:
        self._checks: dict[str, tuple[Check, bool]] = {"ping": (_fine, True), "log": (_fine, True)}

    def add(self, name: str, check: Check, live: bool = False) -> None:
        self._checks[name] = (check, live)

    def failing(self, endpoint: str) -> dict[str, str]:
        """The checks of `readyz`, `livez` or `healthz` that fail, and why."""
        return {name: why for name, check in self._chosen(endpoint).items() if (why := check())}

    def checks(self, endpoint: str) -> list[str]:
        """The names of what `readyz`, `livez` or `healthz` looks at."""
        return list(self._chosen(endpoint))

    def _chosen(self, endpoint: str) -> dict[str, Check]:
        return {name: check for name, (check, live) in self._checks.items() if live or endpoint == "readyz"}

    def answer(self, context: Context, endpoint: str, only: str = "") -> Response | None:
        """None when `only` names no check."""
        checks = self._chosen(endpoint)
        if only:
            if only not in checks:
                return None
            checks = {only: checks[only]}
        excluded = {name for name in context.request.query.get("exclude", ()) if name}
        lines, failed = [], False
        for name, check in checks.items():
            if name in excluded:
                lines.append(f"[+]{name} excluded: ok")
                continue
            why = check()
            failed = failed or bool(why)
            lines.append(f"[-]{name} failed: reason withheld" if why else f"[+]{name} ok")
        unknown = sorted(excluded - checks.keys())
        if unknown:
            named = ", ".join(f'"{name}"' for name in unknown)
            lines.append(f"warn: some health checks cannot be excluded: no matches for {named}")
        if failed:
            return text_response("\n".join([*lines, f"{endpoint} check failed", ""]), 500)
        if "verbose" in context.request.query:
            return text_response("\n".join([*lines, f"{endpoint} check passed", ""]))
        return text_response("ok")
