"""The client: one call, one request, over any `Transport`.

In: a `Kind`, names and plain dicts. Out: plain dicts, or the `APIError` that the server answered with;
a server that cannot be reached is `ServiceUnavailable`, one that does not answer in time is `Timeout`.
Requests that may be repeated safely are repeated when the server asks for it (429 and 503 with Retry-After).
"""

from __future__ import annotations

import logging
import random
from collections.abc import AsyncIterator, Mapping
from typing import Any
from urllib.parse import quote, urlencode

import msgspec

import pybernetes
from pybernetes.api.errors import APIError, InternalError, ServiceUnavailable, Timeout, from_status
from pybernetes.api.kinds import Kind
from pybernetes.client.interface import APPLY_PATCH, MERGE_PATCH, Object, WatchEvent
from pybernetes.lib.clock import Clock, RealClock
from pybernetes.lib.http.messages import Headers
from pybernetes.lib.http.transport import StreamingResponse, Transport, TransportResponse

log = logging.getLogger(__name__)

JSON = "application/json"
REQUEST_TIMEOUT = 60.0
WATCH_TIMEOUT = 300
"""Seconds; each watch asks for between this and twice this, so that not all are renewed at once."""
MAX_RETRIES = 10
MAX_FRAME = 64 << 20
_REPEATABLE = frozenset({"GET", "HEAD", "PUT", "DELETE"})

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode


class RestClient:
    """Implements `client.interface.Client`."""

    def __init__(
        self,
        transport: Transport,
        *,
        clock: Clock | None = None,
        user_agent: str = f"pybernetes/{pybernetes.__version__}",
        timeout: float = REQUEST_TIMEOUT,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """`headers` go with every request, such as Impersonate-User."""
        self.transport = transport
        self.clock: Clock = clock or RealClock()
        self._timeout = timeout
        self._headers = Headers({"accept": JSON, "user-agent": user_agent, **(headers or {})})

    # objects

    async def get(self, kind: Kind, namespace: str | None, name: str, *, subresource: str = "") -> Object:
        return await self._call("GET", kind.path(namespace, _segment(name), subresource))

    async def list(
        self,
        kind: Kind,
        namespace: str | None = None,
        *,
        label_selector: str = "",
        field_selector: str = "",
        resource_version: str = "",
        limit: int = 0,
        continue_: str = "",
    ) -> Object:
        query = {
            "labelSelector": label_selector,
            "fieldSelector": field_selector,
            "resourceVersion": resource_version,
            "limit": limit,
            "continue": continue_,
        }
        answer = await self._call("GET", kind.path(namespace), query)
        items = answer.get("items")
        if items is None:
            answer["items"] = []
        else:
            api_version, name = kind.api_version, kind.kind
            for item in items:
                item["apiVersion"] = api_version
                item["kind"] = name
        return answer

    async def create(
        self, kind: Kind, obj: Object, namespace: str | None = None, *, name: str = "", subresource: str = ""
    ) -> Object:
        namespace = namespace or (obj.get("metadata") or {}).get("namespace")
        path = kind.path(namespace, _segment(name) if name else None, subresource)
        return await self._call("POST", path, None, obj)

    async def update(self, kind: Kind, obj: Object, *, subresource: str = "") -> Object:
        meta = obj["metadata"]
        path = kind.path(meta.get("namespace"), _segment(meta["name"]), subresource)
        return await self._call("PUT", path, None, obj)

    async def update_status(self, kind: Kind, obj: Object) -> Object:
        return await self.update(kind, obj, subresource="status")

    async def patch(
        self,
        kind: Kind,
        namespace: str | None,
        name: str,
        patch: Any,
        *,
        patch_type: str = MERGE_PATCH,
        subresource: str = "",
        field_manager: str = "",
        force: bool = False,
    ) -> Object:
        query = {"fieldManager": field_manager, "force": "true" if force else ""}
        if patch_type == APPLY_PATCH and not field_manager:
            raise ValueError("an apply patch needs a field_manager")
        path = kind.path(namespace, _segment(name), subresource)
        return await self._call("PATCH", path, query, patch, content_type=patch_type)

    async def delete(
        self,
        kind: Kind,
        namespace: str | None,
        name: str,
        *,
        grace_period_seconds: int | None = None,
        propagation_policy: str = "",
        uid: str = "",
        resource_version: str = "",
    ) -> Object:
        options: Object = {}
        if grace_period_seconds is not None:
            options["gracePeriodSeconds"] = grace_period_seconds
        if propagation_policy:
            options["propagationPolicy"] = propagation_policy
        if uid or resource_version:
            wanted = {"uid": uid, "resourceVersion": resource_version}
            options["preconditions"] = {key: value for key, value in wanted.items() if value}
        return await self._call(
            "DELETE", kind.path(namespace, _segment(name)), None, _delete_options(options)
        )

    async def delete_collection(
        self,
        kind: Kind,
        namespace: str | None,
        *,
        label_selector: str = "",
        field_selector: str = "",
        grace_period_seconds: int | None = None,
        propagation_policy: str = "",
    ) -> Object:
        query = {"labelSelector": label_selector, "fieldSelector": field_selector}
        options: Object = {}
        if grace_period_seconds is not None:
            options["gracePeriodSeconds"] = grace_period_seconds
        if propagation_policy:
            options["propagationPolicy"] = propagation_policy
        return await self._call("DELETE", kind.path(namespace), query, _delete_options(options))

    # watches

    async def watch(
        self,
        kind: Kind,
        namespace: str | None = None,
        *,
        label_selector: str = "",
        field_selector: str = "",
        resource_version: str = "",
        allow_bookmarks: bool = True,
        send_initial_events: bool = False,
    ) -> AsyncIterator[WatchEvent]:
        """An async generator: leave it with `contextlib.aclosing`, or the connection stays open."""
        query: dict[str, Any] = {
            "watch": "true",
            "labelSelector": label_selector,
            "fieldSelector": field_selector,
            "resourceVersion": resource_version,
            "allowWatchBookmarks": "true" if allow_bookmarks or send_initial_events else "",
            "timeoutSeconds": int(WATCH_TIMEOUT * (1 + random.random())),
        }
        if send_initial_events:
            query["sendInitialEvents"] = "true"
            query["resourceVersionMatch"] = "NotOlderThan"
        answer = await self.stream("GET", _target(kind.path(namespace), query))
        try:
            async for line in _lines(answer):
                yield _event(line)
        except OSError as error:
            raise self._unreachable(error) from error
        finally:
            await answer.close()

    async def stream(
        self, method: str, target: str, headers: Mapping[str, str] | None = None
    ) -> StreamingResponse:
        """An answer that goes on, such as a log that is followed; any status but 2xx raises its APIError."""
        try:
            async with self.clock.timeout(self._timeout):
                answer = await self.transport.stream(method, target, self._with(headers))
        except TimeoutError as error:
            raise self._late(method, target) from error
        except OSError as error:
            raise self._unreachable(error) from error
        if answer.status >= 300:
            try:
                body = b"".join([chunk async for chunk in answer])
            except OSError as error:
                raise self._unreachable(error) from error
            finally:
                await answer.close()
            raise _error(TransportResponse(answer.status, answer.headers, body))
        return answer

    # anything

    async def raw(
        self, method: str, target: str, body: Any = None, headers: Mapping[str, str] | None = None
    ) -> tuple[int, bytes]:
        lines = self._with(headers)
        data = body if isinstance(body, bytes) else b"" if body is None else _encode(body)
        if data and "content-type" not in lines:
            lines.set("content-type", JSON)
        answer = await self._exchange(method, target, lines, data)
        return answer.status, answer.body

    async def close(self) -> None:
        await self.transport.close()

    # inside

    async def _call(
        self,
        method: str,
        path: str,
        query: dict[str, Any] | None = None,
        body: Any = None,
        *,
        content_type: str = JSON,
    ) -> Object:
        headers = self._headers
        data = b""
        if body is not None:
            data = body if isinstance(body, bytes) else _encode(body)
            headers = headers.copy()
            headers.set("content-type", content_type)
        answer = await self._exchange(method, _target(path, query), headers, data)
        if answer.status >= 300:
            raise _error(answer)
        try:
            decoded: Object = _decode(answer.body)
        except msgspec.DecodeError as error:
            raise InternalError(f"{method} {path}: the server's answer is not JSON: {error}") from error
        return decoded

    async def _exchange(self, method: str, target: str, headers: Headers, data: bytes) -> TransportResponse:
        for attempt in range(MAX_RETRIES + 1):
            try:
                async with self.clock.timeout(self._timeout):
                    answer = await self.transport.request(method, target, headers, data)
            except TimeoutError as error:
                raise self._late(method, target) from error
            except OSError as error:
                raise self._unreachable(error) from error
            if answer.status not in (429, 503) or method not in _REPEATABLE or attempt == MAX_RETRIES:
                break
            wait = answer.headers.get("retry-after")
            if not wait.isdigit():
                break
            log.debug("%s %s: %s, again in %s s as the server asks", method, target, answer.status, wait)
            await self.clock.sleep(int(wait))
        return answer

    def _with(self, headers: Mapping[str, str] | None) -> Headers:
        lines = self._headers.copy()
        for name, value in (headers or {}).items():
            lines.set(name, value)
        return lines

    def _unreachable(self, error: OSError) -> ServiceUnavailable:
        return ServiceUnavailable(f"the API server cannot be reached: {error or type(error).__name__}")

    def _late(self, method: str, target: str) -> Timeout:
        path = target.partition("?")[0]
        return Timeout(f"no answer to {method} {path} within {self._timeout:g} s")


def _segment(name: str) -> str:
    return quote(name, safe="") if not name.isalnum() else name


def _target(path: str, query: Mapping[str, Any] | None) -> str:
    given = {key: value for key, value in (query or {}).items() if value}
    return f"{path}?{urlencode(given)}" if given else path


def _delete_options(options: Object) -> Object | None:
    return {"apiVersion": "v1", "kind": "DeleteOptions", **options} if options else None


def _error(answer: TransportResponse) -> APIError:
    """The server's Status as an exception; what is not a Status (a proxy's page, say) becomes its message."""
    try:
        status = _decode(answer.body)
    except msgspec.DecodeError:
        status = None
    if not isinstance(status, dict) or status.get("kind") != "Status":
        text = answer.body[:1000].decode(errors="replace").strip()
        status = {"message": text or f"the server answered {answer.status} without a message"}
    error = from_status(status, answer.status)
    wait = answer.headers.get("retry-after")
    if wait.isdigit() and not error.retry_after:
        error.status.setdefault("details", {})["retryAfterSeconds"] = int(wait)
    return error


async def _lines(answer: StreamingResponse) -> AsyncIterator[bytes]:
    """The non-empty lines of a stream; a line may come in many chunks and a chunk hold many lines."""
    rest = b""
    parts: list[bytes] = []
    size = 0
    async for chunk in answer:
        if b"\n" not in chunk:
            parts.append(chunk)
            size += len(chunk)
            if size > MAX_FRAME:
                raise ConnectionError(f"a watch event is longer than {MAX_FRAME} bytes")
            continue
        first, *more = chunk.split(b"\n")
        line = b"".join([*parts, first]) if parts else first
        rest = more.pop()
        parts = [rest] if rest else []
        size = len(rest)
        if line:
            yield line
        for line in more:
            if line:
                yield line


def _event(line: bytes) -> WatchEvent:
    try:
        frame = _decode(line)
        type_, obj = frame["type"], frame["object"]
    except (msgspec.DecodeError, KeyError, TypeError) as error:
        raise InternalError(f"not a watch event: {line[:200]!r}") from error
    if type_ == "ERROR":
        raise from_status(obj)
    return WatchEvent(type_, obj)
