"""The way of every request: a list of stages, each of which may answer, refuse (raise) or let pass (None).

    identify -> gather -> set_deadline -> authenticate -> act_as -> authorize -> take_a_seat -> route

`Chain.handle` walks the list, turns errors into Status answers and counts what came out. Decode, default, admit,
validate and store are steps of the handlers that `route` calls (`commit.py`, `deletion.py`).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from email.utils import format_datetime
from typing import TYPE_CHECKING
from uuid import uuid4

from pybernetes.api.errors import (
    APIError,
    BadRequest,
    InternalError,
    RequestEntityTooLarge,
    ServiceUnavailable,
)
from pybernetes.apiserver.answers import error_response
from pybernetes.apiserver.authorization import require
from pybernetes.apiserver.compression import compressed
from pybernetes.apiserver.context import Context
from pybernetes.apiserver.deadlines import too_late
from pybernetes.apiserver.heartbeats import is_heartbeat
from pybernetes.apiserver.impersonation import impersonate
from pybernetes.apiserver.pretty import for_people
from pybernetes.apiserver.requestinfo import RequestInfo, parse
from pybernetes.apiserver.routes import route
from pybernetes.lib.http.messages import Answer, BodyTooLarge, Headers, Request
from pybernetes.lib.http.site import log_failure
from pybernetes.store.interface import StoreError

if TYPE_CHECKING:
    from pybernetes.apiserver.app import APIServer

log = logging.getLogger(__name__)

Stage = Callable[[Context], Awaitable[Answer | None]]


async def identify(context: Context) -> Answer | None:
    """Read method and path."""
    context.info = parse(context.request)
    return None


async def gather(context: Context) -> Answer | None:
    """Let heartbeats wait for each other, briefly."""
    if is_heartbeat(context.info):
        await context.server.heartbeats.turn()
    return None


async def set_deadline(context: Context) -> Answer | None:
    """Bound how long everything that follows may take. Raises BadRequest for a `timeout` that is none."""
    context.server.deadlines.bound(context)
    return None


async def authenticate(context: Context) -> Answer | None:
    """Find out who asks. Raises Unauthorized."""
    context.user = await context.server.authenticators.authenticate(context.request)
    return None


async def act_as(context: Context) -> Answer | None:
    """Become whom the Impersonate- headers name. Raises Forbidden."""
    if any(name.startswith("impersonate-") for name, _ in context.request.headers.items()):
        await impersonate(context)
    return None


async def authorize(context: Context) -> Answer | None:
    """May they? Raises Forbidden in upstream's words."""
    await require(context, context.info.verb)
    return None


async def take_a_seat(context: Context) -> Answer | None:
    """Wait for one of the seats that bound how many requests are under way. Raises TooManyRequests."""
    if not context.info.long_running:
        seats = context.server.writing_seats if context.info.mutating else context.server.reading_seats
        await seats.take()
        context.finish.append(seats.leave)
    return None


STAGES: tuple[Stage, ...] = (
    identify,
    gather,
    set_deadline,
    authenticate,
    act_as,
    authorize,
    take_a_seat,
    route,
)


class Chain:
    """The handler of a server: `async (Request) -> Answer`, never raising for what a client sent."""

    def __init__(self, server: APIServer) -> None:
        self._server = server
        self._second = -1
        self._date = ""
        self._answers = 0
        self._origin = str(uuid4())[:24]

    def _sign(self, context: Context, headers: Headers, start: float) -> None:
        """Which request this answers, under the client's own name for it if it has one, and when."""
        self._answers += 1
        named = context.request.headers.get("audit-id")
        headers.add("audit-id", named or f"{self._origin}{self._answers & 0xFFFFFFFFFFFF:012x}")
        if context.info.subresource == "proxy":
            return  # it has the date of who has really answered
        second = int(start)
        if second != self._second:
            self._second = second
            self._date = format_datetime(self._server.clock.now(), usegmt=True)
        headers.add("date", self._date)

    async def handle(self, request: Request) -> Answer:
        server = self._server
        context = Context(server, request, _UNKNOWN)
        start = server.clock.monotonic()
        try:
            answer = await self._walk(context)
        finally:
            for finish in context.finish:
                finish()
        server.metrics.request(context, answer.status, server.clock.monotonic() - start)
        self._sign(context, answer.headers, start)
        return compressed(context, for_people(request, answer))

    async def _walk(self, context: Context) -> Answer:
        try:
            for stage in STAGES:
                answer = await stage(context)
                if answer is not None:
                    return answer
            raise InternalError("no stage answered")
        except APIError as error:
            return error_response(error, context)
        except BodyTooLarge:
            return error_response(RequestEntityTooLarge("Request entity too large"), context)
        except asyncio.CancelledError:
            if not context.server.deadlines.passed():
                raise
            return error_response(too_late(), context)
        except RecursionError:
            return error_response(BadRequest("the object is nested too deeply: exceeded max depth"), context)
        except StoreError as error:
            log.error("the store failed: %s", error)
            return error_response(ServiceUnavailable(f"the store cannot answer now: {error}"), context)
        except TimeoutError:
            return error_response(ServiceUnavailable("the server did not finish in time, try again"), context)
        except Exception as error:
            log_failure(f"{context.info.verb} {context.info.resource or 'path'}", error)
            return error_response(
                InternalError("an error on the server has prevented the request from succeeding"), context
            )


_UNKNOWN = RequestInfo("", "")
