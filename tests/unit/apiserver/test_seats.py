"""Requests under way: bounded, in line, first come first served."""

from __future__ import annotations

import asyncio

import pytest

from pybernetes.api.errors import TooManyRequests
from pybernetes.apiserver import seats as module
from pybernetes.apiserver.seats import Seats
from pybernetes.lib.clock import VirtualClock


async def test_a_free_seat_is_had_at_once() -> None:
    seats = Seats(2)
    await seats.take()
    await seats.take()
    assert (seats.taken, seats.waiting) == (2, 0)
    seats.leave()
    assert seats.taken == 1


async def test_who_comes_first_sits_first() -> None:
    clock = VirtualClock()
    seats = Seats(1)
    order: list[int] = []

    async def sit(number: int) -> None:
        await seats.take()
        order.append(number)

    await seats.take()
    waiting = [asyncio.ensure_future(sit(number)) for number in range(3)]
    await clock.settle()
    assert seats.waiting == 3 and not order
    for _ in waiting:
        seats.leave()
        await clock.settle()
    assert order == [0, 1, 2] and seats.taken == 1


async def test_who_gives_up_loses_nobody_a_seat() -> None:
    clock = VirtualClock()
    seats = Seats(1)
    await seats.take()
    first = asyncio.ensure_future(seats.take())
    second = asyncio.ensure_future(seats.take())
    await clock.settle()
    seats.leave()
    first.cancel()
    await clock.settle()
    assert second.done() and seats.taken == 1


async def test_too_long_a_line_is_told_to_come_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LINE_PER_SEAT", 1)
    seats = Seats(1)
    await seats.take()
    waiting = asyncio.ensure_future(seats.take())
    await VirtualClock().settle()
    with pytest.raises(TooManyRequests) as refused:
        await seats.take()
    assert refused.value.retry_after == 1
    waiting.cancel()


async def test_no_seats_is_no_limit() -> None:
    seats = Seats(0)
    for _ in range(100):
        await seats.take()
    assert seats.taken == 100
