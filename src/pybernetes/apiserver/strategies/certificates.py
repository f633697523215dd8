"""CertificateSigningRequests: who asks is recorded by the server; approval and certificate have doors of their own."""

from __future__ import annotations

from typing import Any

from pybernetes.api.times import now
from pybernetes.apiserver.strategies.base import Strategy, keep
from pybernetes.apiserver.writes import Write

Object = dict[str, Any]


class CertificateStrategy(Strategy):
    """`/approval` leads to the conditions, `/status` to the status but for the decisions; spec never changes."""

    unmanaged = ("spec", "status")

    def prepare_create(self, write: Write) -> None:
        super().prepare_create(write)
        spec = write.object.setdefault("spec", {})
        for field in ("username", "uid", "groups", "extra"):
            spec.pop(field, None)
        info = write.user.as_user_info()
        spec |= info

    def prepare_update(self, write: Write) -> None:
        new, old = write.object, write.previous
        keep(new, old, "spec")
        if write.subresource not in ("approval", "status"):
            keep(new, old, "status")
            return
        old_status = old.get("status") or {}
        status = dict(new.get("status") or {})
        conditions = [dict(one) for one in status.get("conditions") or ()]
        if write.subresource == "status":
            _keep_decisions(conditions, old_status.get("conditions") or [])
        else:
            status = dict(old_status)
        _set_times(conditions, old_status.get("conditions") or [], now(write.server.clock))
        status["conditions"] = conditions
        if not conditions:
            del status["conditions"]
        new["status"] = status


def _keep_decisions(conditions: list[Object], before: list[Object]) -> None:
    """Decisions stay as they were; validation refuses more or fewer of them."""
    for decision in ("Approved", "Denied"):
        old = [one for one in before if one.get("type") == decision]
        places = [at for at, one in enumerate(conditions) if one.get("type") == decision]
        if len(old) == len(places):
            for at, one in zip(places, old, strict=True):
                conditions[at] = one


def _set_times(conditions: list[Object], before: list[Object], moment: str) -> None:
    """Times that are missing are the server's; a condition that says the same has not turned."""
    for condition in conditions:
        if not condition.get("lastUpdateTime"):
            condition["lastUpdateTime"] = moment
        if not condition.get("lastTransitionTime"):
            same = [
                one["lastTransitionTime"]
                for one in before
                if one.get("type") == condition.get("type")
                and one.get("status") == condition.get("status")
                and one.get("lastTransitionTime")
            ]
            condition["lastTransitionTime"] = same[0] if same else moment
