"""Config maps, secrets and service accounts' tokens that this node's pods refer to.

An object is fetched once and then followed by a watch on its name for as long as a pod refers to it;
`changed(uid)` tells which pod has to look again. Nothing is polled.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from pybernetes.api.errors import APIError
from pybernetes.api.kinds import CONFIG_MAPS, SECRETS, SERVICE_ACCOUNTS
from pybernetes.api.times import parse_time
from pybernetes.client.interface import Client, Object
from pybernetes.lib.backoff import Backoff
from pybernetes.lib.clock import Clock
from pybernetes.lib.tasks import Tasks

log = logging.getLogger(__name__)

KINDS = {"configmap": CONFIG_MAPS, "secret": SECRETS}
Key = tuple[str, str, str]
"""kind word, namespace, name"""

TOKEN_LIFETIME = 3600


class _Followed:
    __slots__ = ("obj", "ready", "task", "users")

    def __init__(self) -> None:
        self.obj: Object | None = None
        self.ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.users: set[str] = set()
        self.task: asyncio.Task[None] | None = None


class References:
    """What pods refer to. A pod's references end with `release`."""

    def __init__(self, client: Client, clock: Clock, tasks: Tasks, changed: Callable[[str], None]) -> None:
        self._client = client
        self._clock = clock
        self._tasks = tasks
        self._changed = changed
        self._followed: dict[Key, _Followed] = {}
        self._tokens: dict[tuple[str, str, str, int], tuple[str, float, float]] = {}

    async def need(self, uid: str, namespace: str, wanted: set[tuple[str, str]]) -> None:
        """Have each ("configmap" | "secret", name) at hand for the pod. Raises APIError when the API cannot tell."""
        waits = []
        for kind, name in wanted:
            key = (kind, namespace, name)
            entry = self._followed.get(key)
            if entry is None:
                entry = self._followed[key] = _Followed()
                entry.task = self._tasks.spawn(self._follow(key, entry), f"{kind}/{namespace}/{name}")
            entry.users.add(uid)
            waits.append(entry)
        for entry in waits:
            await asyncio.shield(entry.ready)

    def lookup(self, namespace: str) -> Callable[[str, str], Object | None]:
        """For what `need` has fetched."""

        def find(kind: str, name: str) -> Object | None:
            entry = self._followed.get((kind, namespace, name))
            return entry.obj if entry is not None else None

        return find

    def release(self, uid: str) -> None:
        for key, entry in list(self._followed.items()):
            entry.users.discard(uid)
            if not entry.users:
                del self._followed[key]
                if entry.task is not None:
                    entry.task.cancel()
        for token in [token for token in self._tokens if token[0] == uid]:
            del self._tokens[token]

    def _set(self, entry: _Followed, obj: Object | None) -> None:
        first = not entry.ready.done()
        changed = entry.obj is not obj
        entry.obj = obj
        if first:
            entry.ready.set_result(None)
        elif changed:
            for uid in list(entry.users):
                self._changed(uid)

    async def _follow(self, key: Key, entry: _Followed) -> None:
        word, namespace, name = key
        kind = KINDS[word]
        backoff = Backoff(0.5, 30)
        while True:
            try:
                # A list says as of when it is true; the object's own version may be too old to watch from.
                selector = f"metadata.name={name}"
                answer = await self._client.list(kind, namespace, field_selector=selector)
                obj: Object | None = answer["items"][0] if answer["items"] else None
                if entry.obj is None or obj is None or _version(obj) != _version(entry.obj):
                    self._set(entry, obj)
                async for event in self._client.watch(
                    kind, namespace, field_selector=selector, resource_version=_version(answer)
                ):
                    backoff.forget(key)
                    if event.type in ("ADDED", "MODIFIED"):
                        if entry.obj is None or _version(event.object) != _version(entry.obj):
                            self._set(entry, event.object)
                    elif event.type == "DELETED":
                        self._set(entry, None)
                delay = 1.0
            except APIError as error:
                if not entry.ready.done():
                    # whoever waits is told, and asks again later
                    entry.ready.set_exception(error)
                    entry.ready.exception()
                    self._followed.pop(key, None)
                    return
                delay = backoff.next(key, self._clock.monotonic())
                log.warning(
                    "cannot follow %s %s/%s: %s; again in %.1f s", word, namespace, name, error, delay
                )
            await self._clock.sleep(delay)

    # service account tokens

    async def token(self, pod: Object, request: Object) -> str:
        """A token bound to the pod, renewed when 80 % of its life is over, for a serviceAccountToken source."""
        meta = pod["metadata"]
        audience = request.get("audience") or ""
        seconds = int(request.get("expirationSeconds") or TOKEN_LIFETIME)
        key = (str(meta["uid"]), str(pod["spec"].get("serviceAccountName") or "default"), audience, seconds)
        known = self._tokens.get(key)
        now = self._clock.now().timestamp()
        if known is not None and now < known[1]:
            return known[0]
        wanted: Object = {
            "apiVersion": "authentication.k8s.io/v1",
            "kind": "TokenRequest",
            "spec": {
                "audiences": [audience] if audience else [],
                "expirationSeconds": seconds,
                "boundObjectRef": {
                    "apiVersion": "v1",
                    "kind": "Pod",
                    "name": meta["name"],
                    "uid": meta["uid"],
                },
            },
        }
        answer = await self._client.create(
            SERVICE_ACCOUNTS, wanted, meta.get("namespace", "default"), name=key[1], subresource="token"
        )
        status = answer["status"]
        expires = parse_time(status["expirationTimestamp"]).timestamp()
        renew = now + min((expires - now) * 0.8, 24 * 3600.0)
        self._tokens[key] = (status["token"], renew, expires)
        return str(status["token"])

    def renewal(self, uid: str) -> float:
        """When (epoch seconds) the pod's next token is due to be renewed; 0 if it has none."""
        return min((renew for key, (_, renew, _) in self._tokens.items() if key[0] == uid), default=0)


def _version(obj: Object) -> str:
    return str(obj["metadata"].get("resourceVersion", ""))
