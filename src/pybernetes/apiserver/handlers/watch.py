"""WATCH: a subscription to the cache, framed once for all watchers in the plain form, one by one in others.

A watch ends after timeoutSeconds (or a random time from Options.min_watch_timeout up), when the client goes, when
the server closes, or when the client reads too slowly; clients then list or watch again.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

from pybernetes.api.errors import APIError, Gone, NotAcceptable
from pybernetes.apiserver.answers import encode, headers
from pybernetes.apiserver.cache.caches import Subscription
from pybernetes.apiserver.context import Context
from pybernetes.apiserver.handlers.list import selection_of
from pybernetes.apiserver.handlers.watch_socket import Messages, plain_frames, upgrade
from pybernetes.apiserver.negotiation import JSON, PROTOBUF, WATCH_FORMS, YAML, AnswerForm
from pybernetes.apiserver.parameters import ListOptions, list_options
from pybernetes.apiserver.resources import Resource
from pybernetes.apiserver.shown import decoded, included, watch_shape
from pybernetes.apiserver.tables import bookmark_table
from pybernetes.lib.clock import Clock, Timer
from pybernetes.lib.http.messages import Answer, Response, Streaming, Writer
from pybernetes.lib.websocket import is_handshake

BOOKMARK_SECONDS = 60.0
_LAST_BOOKMARK = 2.0
_STREAMS = f"{JSON};stream=watch, {PROTOBUF};stream=watch"
_INITIAL_END = {"annotations": {"k8s.io/initial-events-end": "true"}}


async def watch(context: Context, resource: Resource) -> Answer:
    server, info = context.server, context.info
    form = server.form(context.request, WATCH_FORMS)
    if form.media_type == YAML:
        raise NotAcceptable(f"only the following media types are accepted: {_STREAMS}")
    if form.shown_as == "Table":
        included(context)
    options = list_options(context.request, watching=True)
    plain = form.plain and resource.conversion is None
    try:
        subscription = await _subscribe(context, resource, options, plain, info.name)
    except Gone as error:
        if is_handshake(context.request.headers):
            raise
        return _only(context, form, error)
    longest = server.options.min_watch_timeout
    seconds = float(options.timeout) if options.timeout else longest * (1 + random.random())
    shaped = None if plain else _Shaped(context, resource, form, subscription)
    run = shaped.run if shaped is not None else subscription.run
    if is_handshake(context.request.headers):
        text = form.media_type != PROTOBUF
        messages = Messages(subscription, shaped.frames if shaped is not None else plain_frames, text)
        limited = _limited(server.clock, subscription, messages.run, seconds, options.bookmarks)
        try:
            return upgrade(context.request, limited)
        except BaseException:
            subscription.close()
            raise
    limited = _limited(server.clock, subscription, run, seconds, options.bookmarks)
    return Streaming(limited, headers=headers(_media_type(form), context))


def _only(context: Context, form: AnswerForm, error: APIError) -> Answer:
    """A watch that ends with an error before it begins, which is told as its only event."""
    if form.media_type == PROTOBUF:
        from pybernetes.api import protobuf

        frame = protobuf.encode_watch_event("ERROR", error.status)
        return Response(200, headers(_media_type(form), context), len(frame).to_bytes(4, "big") + frame)
    event = encode({"type": "ERROR", "object": error.status}, JSON)
    return Response(200, headers(_media_type(form), context), event + b"\n")


def _media_type(form: AnswerForm) -> str:
    return f"{PROTOBUF};stream=watch" if form.media_type == PROTOBUF else JSON


async def _subscribe(
    context: Context, resource: Resource, options: ListOptions, plain: bool, name: str
) -> Subscription:
    server, namespace = context.server, context.info.namespace
    revision = options.revision or 0
    initial = options.initial_events if options.initial_events is not None else revision == 0
    if revision:
        await server.at_least(revision)
    cache = await server.registry.cache(resource)
    return await cache.watch(
        after=None if initial or not revision else revision,
        selection=selection_of(resource, options),
        namespace=namespace or None,
        name=name or None,
        head=resource.head if plain else None,
        initial=initial,
        initial_bookmark=bool(options.initial_events) and options.bookmarks,
    )


def _limited(
    clock: Clock,
    subscription: Subscription,
    run: Callable[[Any], Any],
    seconds: float,
    bookmarks: bool,
) -> Callable[[Any], Any]:
    """`run` with its end after `seconds`, and a bookmark every minute and shortly before the end."""

    async def limited(writer: Any) -> None:
        timers = _Timers(clock, subscription, seconds, bookmarks)
        try:
            await run(writer)
        finally:
            subscription.close()
            timers.cancel()

    return limited


class _Timers:
    """The end of a watch after `seconds` and its bookmarks. No closures: they would hold a watch for ever."""

    __slots__ = ("_clock", "_end", "_last", "_minute", "_subscription")

    def __init__(self, clock: Clock, subscription: Subscription, seconds: float, bookmarks: bool) -> None:
        self._clock = clock
        self._subscription = subscription
        self._end = clock.call_later(seconds, subscription.close)
        self._minute: Timer | None = None
        self._last: Timer | None = None
        if bookmarks:
            self._minute = clock.call_later(BOOKMARK_SECONDS, self._bookmark)
            if seconds > _LAST_BOOKMARK:
                self._last = clock.call_later(seconds - _LAST_BOOKMARK, subscription.bookmark)

    def _bookmark(self) -> None:
        self._subscription.bookmark()
        self._minute = self._clock.call_later(BOOKMARK_SECONDS, self._bookmark)

    def cancel(self) -> None:
        for timer in (self._end, self._minute, self._last):
            if timer is not None:
                timer.cancel()
        self._minute = None


class _Shaped:
    """Events decoded, converted or shown as Tables, and encoded for this watcher alone."""

    def __init__(
        self, context: Context, resource: Resource, form: AnswerForm, subscription: Subscription
    ) -> None:
        self._resource = resource
        self._form = form
        self._subscription = subscription
        self._shape = watch_shape(context, resource, form)

    async def run(self, writer: Writer) -> None:
        async for batch in self._subscription:
            writer.write(b"".join(map(self._delimited, self.frames(batch))))
            await writer.drain()
            if writer.closed:
                return

    def frames(self, batch: Any) -> list[bytes]:
        """The events one by one."""
        return [self._frame(event) for event in batch]

    def _delimited(self, frame: bytes) -> bytes:
        """Lines end themselves; messages of protobuf say before how long they are."""
        if self._form.media_type == PROTOBUF:
            return len(frame).to_bytes(4, "big") + frame
        return frame

    def _frame(self, event: Any) -> bytes:
        if event.type == "BOOKMARK":
            obj = self._bookmark(event)
            if self._form.shown_as == "Table":
                obj = bookmark_table(obj, self._form.version)
        else:
            obj = decoded(self._resource, event.entry)
            obj["metadata"]["resourceVersion"] = str(event.revision)
            obj = self._shape(obj)
        if self._form.media_type == PROTOBUF:
            from pybernetes.api import protobuf

            return protobuf.encode_watch_event(event.type, obj)
        return encode({"type": event.type, "object": obj}, JSON) + b"\n"

    def _bookmark(self, event: Any) -> dict[str, Any]:
        kind = self._resource.kind
        metadata: dict[str, Any] = {"resourceVersion": str(event.revision), "creationTimestamp": None}
        if getattr(event, "initial_end", False):
            metadata |= _INITIAL_END
        return {"kind": kind.kind, "apiVersion": kind.api_version, "metadata": metadata}
