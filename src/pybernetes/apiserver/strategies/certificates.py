"""CertificateSigningRequests: who asks is recorded by the server; approval and certificate have doors of their own."""

from __future__ import annotations

from typing import Any

from pybernetes.api.times import now
from pybernetes.apiserver.strategies.base import Strategy, keep
from pybernetes.apiserver.writes import Write

_DECISIONS = frozenset(("Approved", "Denied"))


class CertificateStrategy(Strategy):
    """`/approval` may only touch the decisions, `/status` only the rest of the status; spec never changes."""

    def prepare_create(self, write: Write) -> None:
        write.object.pop("status", None)
        spec = write.object.setdefault("spec", {})
        for field in ("username", "uid", "groups", "extra"):
            spec.pop(field, None)
        info = write.user.as_user_info()
        spec |= info

    def prepare_update(self, write: Write) -> None:
        new, old = write.object, write.previous
        keep(new, old, "spec")
        old_status = old.get("status") or {}
        new_status = dict(new.get("status") or {})
        if write.subresource == "approval":
            conditions = self._conditions(write, new_status, old_status, approving=True)
            new["status"] = {**old_status, "conditions": conditions}
        elif write.subresource == "status":
            conditions = self._conditions(write, new_status, old_status, approving=False)
            new_status["conditions"] = conditions
            new["status"] = new_status
        else:
            keep(new, old, "status")
            return
        if not new["status"].get("conditions"):
            new["status"].pop("conditions", None)
        metadata = new["metadata"]
        keep(metadata, old["metadata"], "ownerReferences", "finalizers", "labels")

    def _conditions(
        self, write: Write, new: dict[str, Any], old: dict[str, Any], approving: bool
    ) -> list[dict[str, Any]]:
        """Decisions from one side, other conditions from the other; times are the server's when missing."""
        before = {one.get("type"): one for one in old.get("conditions") or ()}
        moment = now(write.server.clock)
        found = []
        for one in new.get("conditions") or ():
            if (one.get("type") in _DECISIONS) is not approving:
                continue
            condition = dict(one)
            condition.setdefault("lastUpdateTime", moment)
            previous = before.get(condition.get("type"))
            if previous is not None and previous.get("status") == condition.get("status"):
                condition["lastTransitionTime"] = previous.get("lastTransitionTime", moment)
            else:
                condition.setdefault("lastTransitionTime", moment)
            found.append(condition)
        kept = [
            one for one in old.get("conditions") or () if (one.get("type") in _DECISIONS) is not approving
        ]
        if not approving:
            return [*kept, *found]
        seen = {one.get("type") for one in found}
        decided = [one for one in old.get("conditions") or () if one.get("type") in _DECISIONS - seen]
        return [*kept, *decided, *found]
