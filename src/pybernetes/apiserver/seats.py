"""How many requests are under way at once: `take` a seat, wait in line for one, or be told to come back later."""

from __future__ import annotations

import asyncio
from collections import deque

from pybernetes.api.errors import too_many_requests

LINE_PER_SEAT = 20
RETRY_SECONDS = 1


class Seats:
    """First come, first served. No seats (0) means no limit."""

    def __init__(self, seats: int) -> None:
        self.seats = seats
        self.taken = 0
        self._line: deque[asyncio.Future[None]] = deque()

    @property
    def waiting(self) -> int:
        return len(self._line)

    async def take(self) -> None:
        """Raises TooManyRequests when the line is too long."""
        if not self.seats or self.taken < self.seats:
            self.taken += 1
            return
        if len(self._line) >= self.seats * LINE_PER_SEAT:
            raise too_many_requests("too many requests, please try again later", RETRY_SECONDS)
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._line.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self.leave()
            raise

    def leave(self) -> None:
        """Hand the seat to the next in line."""
        while self._line:
            turn = self._line.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        self.taken -= 1
