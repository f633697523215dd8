"""Answers one DNS query, bytes in and bytes out: from the cluster's own zone, from what is kept, or by asking others.

An answer is kept under the query's bytes and given again without being parsed, until what it depends on changes:
a service of the zone (whoever runs this calls `changed`), or its time for what came from outside.
Several addresses of one name are given in turns.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass

from pybernetes.lib.clock import Clock
from pybernetes.network.dns import message
from pybernetes.network.dns.forward import Forwarder, Unreachable
from pybernetes.network.dns.message import Malformed, Question
from pybernetes.network.dns.zone import ANYTHING, Answer, Record, Zone

log = logging.getLogger(__name__)

LONGEST = 30
"""Seconds for which outside answers are kept, at most."""
MOST_KEPT = 20_000
MOST_TURNS = 8
MOST_ALIASES = 8


@dataclass(slots=True)
class _Kept:
    """An answer without its number, in all the turns so far; `until` is 0 for the zone's own."""

    turns: list[bytes]
    wanted_turns: int
    next: int = 0
    until: float = 0.0


class Resolver:
    """`quick` answers from what is kept, without waiting; `resolve` answers anything."""

    def __init__(self, zone: Zone, forwarder: Forwarder, clock: Clock) -> None:
        self._zone = zone
        self._forwarder = forwarder
        self._clock = clock
        self._kept: tuple[dict[bytes, _Kept], dict[bytes, _Kept]] = ({}, {})
        self._dependent: dict[str, set[bytes]] = {}
        self._changes = 1
        self.failures = 0

    def changed(self, service: str) -> None:
        """A service, or one of its slices, is not what it was."""
        self._changes += 1
        for key in (service, ANYTHING):
            for query in self._dependent.pop(key, ()):
                for kept in self._kept:
                    kept.pop(query, None)

    def quick(self, query: bytes, *, tcp: bool = False) -> bytes | None:
        kept = self._kept[tcp].get(query[2:])
        if kept is None:
            return None
        if kept.until and kept.until < self._clock.monotonic():
            del self._kept[tcp][query[2:]]
            return None
        if len(kept.turns) < kept.wanted_turns:
            return None
        turns = kept.turns
        if len(turns) == 1:
            return query[:2] + turns[0]
        kept.next = (kept.next + 1) % len(turns)
        return query[:2] + turns[kept.next]

    async def resolve(self, query: bytes, *, tcp: bool = False) -> bytes | None:
        """None for what is not worth an answer."""
        try:
            question = message.parse(query)
        except Malformed:
            return None
        limit = message.TCP_LIMIT if tcp else question.limit
        if not question.sensible:
            return message.reply(question, message.NOT_IMPLEMENTED, limit=limit, authoritative=False)
        answer = self._zone.lookup(question.name, question.kind)
        if answer is None:
            return await self._outside(question, query, tcp, limit)
        changes = self._changes
        until = 0.0
        if answer.alias is not None and question.kind in ("A", "AAAA"):
            answer, until = await self._follow(answer, question.kind)
        return self._inside(question, query, answer, tcp, limit, changes, until)

    def _inside(
        self,
        question: Question,
        query: bytes,
        answer: Answer,
        tcp: bool,
        limit: int,
        changes: int,
        until: float,
    ) -> bytes:
        code = message.NO_ERROR if answer.exists else message.NAME_ERROR
        authority = () if answer.records else (self._zone.soa(self._changes),)
        records = answer.records
        count = len(records) if records and records[0].type in ("A", "AAAA") else 1
        kept = self._kept[tcp].get(query[2:])
        turn = len(kept.turns) if kept is not None else 0
        turned = (*records[turn:], *records[:turn]) if turn < count else records
        data = message.reply(question, code, turned, authority, answer.extra, limit=limit)
        if changes == self._changes:
            if kept is None:
                kept = self._keep(query, tcp, _Kept([], min(count, MOST_TURNS), until=until))
                self._dependent.setdefault(answer.depends, set()).add(query[2:])
            if len(kept.turns) < kept.wanted_turns:
                kept.turns.append(data[2:])
        return data

    def _keep(self, query: bytes, tcp: bool, kept: _Kept) -> _Kept:
        if len(self._kept[tcp]) >= MOST_KEPT:
            for one in self._kept:
                one.clear()
            self._dependent.clear()
        self._kept[tcp][query[2:]] = kept
        return kept

    async def _follow(self, answer: Answer, kind: str) -> tuple[Answer, float]:
        """The addresses behind an ExternalName, as far as they can be found, and how long they are good."""
        records: list[Record] = list(answer.records)
        until = self._clock.monotonic() + records[0].ttl
        for _ in range(MOST_ALIASES):
            name = str(records[-1].data).rstrip(".").lower()
            inside = self._zone.lookup(name, kind)
            if inside is None:
                try:
                    found = await self._forwarder.ask(message.query(name, kind, 0))
                except Unreachable:
                    break
                records += message.addresses(found)
                break
            records += inside.records
            if inside.alias is None:
                break
        return Answer(True, tuple(records), depends=answer.depends), until

    async def _outside(self, question: Question, query: bytes, tcp: bool, limit: int) -> bytes:
        try:
            data = await self._forwarder.ask(query, tcp=tcp)
        except Unreachable as error:
            self.failures += 1
            log.debug("%s %s: %s", question.kind, question.name, error)
            return message.reply(question, message.SERVER_FAILURE, limit=limit, authoritative=False)
        seconds = message.lifetime(data, LONGEST)
        if seconds:
            self._keep(query, tcp, _Kept([data[2:]], 1, until=self._clock.monotonic() + seconds))
        return data
