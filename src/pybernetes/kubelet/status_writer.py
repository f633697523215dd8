"""Writes pod statuses to the API: at once, in order, never an older one after a newer one.

While one write of a pod is under way, later statuses replace each other, and the last one follows. What is
sent is a strategic merge patch of what changed, with the pod's uid, so that a successor of the same name is never hit.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from pybernetes.api.errors import APIError, Conflict, Invalid, NotFound
from pybernetes.api.kinds import PODS
from pybernetes.client.interface import STRATEGIC_MERGE_PATCH, Client, Object
from pybernetes.lib.backoff import Backoff
from pybernetes.lib.clock import Clock
from pybernetes.lib.tasks import Tasks

log = logging.getLogger(__name__)


def status_patch(before: Object, after: Object) -> Object:
    """The strategic merge patch from one status to the other; empty when there is nothing to change."""
    patch: Object = {}
    for field, value in after.items():
        old = before.get(field)
        if old == value:
            continue
        if field == "conditions":
            patch[field] = _conditions(old or [], value)
        elif field in ("podIPs", "hostIPs"):
            kept = {entry["ip"] for entry in value}
            gone = [{"$patch": "delete", "ip": e["ip"]} for e in old or () if e["ip"] not in kept]
            patch[field] = [*gone, *value]
        else:
            patch[field] = value
    for field in ("reason", "message", "podIP", "podIPs"):
        if field in before and field not in after:
            patch[field] = None
    return patch


def _conditions(before: list[Object], after: list[Object]) -> list[Object]:
    """Merged by type: others' conditions stay, and what a condition lost is set to null."""
    known = {condition["type"]: condition for condition in before}
    changed = []
    for condition in after:
        old = known.get(condition["type"])
        if old == condition:
            continue
        lost: Object = {field: None for field in old or () if field not in condition}
        sent = {field: value for field, value in condition.items() if value is not None}
        changed.append({**lost, **sent})
    return changed


def _version(obj: Object) -> int:
    text = str(obj["metadata"].get("resourceVersion", ""))
    return int(text) if text.isdigit() else 0


class _Entry:
    __slots__ = ("base", "idle", "latest", "name", "namespace", "version")

    def __init__(self, pod: Object) -> None:
        self.namespace: str = pod["metadata"].get("namespace", "default")
        self.name: str = pod["metadata"]["name"]
        self.base: Object = dict(pod.get("status") or {})
        self.latest: Object | None = None
        self.version = 0
        self.idle: asyncio.Event = asyncio.Event()
        self.idle.set()


class StatusWriter:
    """One for the whole kubelet."""

    def __init__(self, client: Client, clock: Clock, tasks: Tasks) -> None:
        self._client = client
        self._clock = clock
        self._tasks = tasks
        self._entries: dict[str, _Entry] = {}

    def publish(self, pod: Object, status: Object) -> None:
        uid = pod["metadata"]["uid"]
        entry = self._entries.get(uid)
        if entry is None:
            entry = self._entries[uid] = _Entry(pod)
        entry.latest = status
        if entry.idle.is_set():
            entry.idle.clear()
            self._tasks.spawn(self._write(uid, entry), f"status/{entry.namespace}/{entry.name}")

    def reconcile(self, pod: Object, status: Object) -> None:
        """Somebody else may have changed what is the kubelet's: write it again if the API's is newer and differs."""
        entry = self._entries.get(pod["metadata"]["uid"])
        if entry is None or not entry.idle.is_set() or _version(pod) <= entry.version:
            return
        shown = pod.get("status") or {}
        have = {one["type"]: one["status"] for one in shown.get("conditions") or ()}
        wanted = {one["type"]: one["status"] for one in status["conditions"]}
        if shown.get("phase") != status["phase"] or any(
            have.get(kind) != value for kind, value in wanted.items()
        ):
            entry.base = dict(shown)
            self.publish(pod, status)

    async def flush(self, uid: str) -> None:
        """Returns when the last published status of the pod has been written (or the pod is gone)."""
        entry = self._entries.get(uid)
        if entry is not None:
            await entry.idle.wait()

    def forget(self, uid: str) -> None:
        entry = self._entries.pop(uid, None)
        if entry is not None:
            entry.latest = None

    async def _write(self, uid: str, entry: _Entry) -> None:
        backoff = Backoff(0.2, 10)
        try:
            while entry.latest is not None:
                status, entry.latest = entry.latest, None
                patch = status_patch(entry.base, status)
                if not patch:
                    continue
                body: dict[str, Any] = {"metadata": {"uid": uid}, "status": patch}
                try:
                    written = await self._client.patch(
                        PODS,
                        entry.namespace,
                        entry.name,
                        body,
                        patch_type=STRATEGIC_MERGE_PATCH,
                        subresource="status",
                    )
                    entry.version = _version(written)
                    entry.base = {**entry.base, **status}
                    for field in ("reason", "message"):
                        if field not in status:
                            entry.base.pop(field, None)
                    backoff.forget(uid)
                except (NotFound, Conflict) as error:
                    log.info("status of pod %s/%s not written: %s", entry.namespace, entry.name, error)
                    return
                except Invalid as error:
                    log.error("status of pod %s/%s was refused: %s", entry.namespace, entry.name, error)
                except APIError as error:
                    delay = backoff.next(uid, self._clock.monotonic())
                    log.warning(
                        "status of pod %s/%s: %s; again in %.1f s", entry.namespace, entry.name, error, delay
                    )
                    if entry.latest is None:
                        entry.latest = status
                    await self._clock.sleep(delay)
        finally:
            entry.idle.set()
