"""Cron schedules: five fields or a macro, in a time zone; moments in, the next moment out. Pure.

Source of the notation: https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/#schedule-syntax
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

_MACROS = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
_MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
_DAYS = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"]
_FIELDS = (
    ("minute", 0, 59, ()),
    ("hour", 0, 23, ()),
    ("day of month", 1, 31, ()),
    ("month", 1, 12, _MONTHS),
    ("day of week", 0, 7, _DAYS),
)
_HORIZON = timedelta(days=366 * 8)


@dataclass(frozen=True, slots=True)
class Schedule:
    """Allowed values of each field. A day counts if either day field allows it, or both when one is a star."""

    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    any_day: bool
    any_weekday: bool
    zone: tzinfo
    every: float = 0.0
    """For `@every 90s`: seconds between two moments; the fields then do not matter."""

    def _is_day(self, moment: datetime) -> bool:
        if moment.month not in self.months:
            return False
        by_date = moment.day in self.days
        by_weekday = moment.isoweekday() % 7 in self.weekdays
        if self.any_day or self.any_weekday:
            return by_date and by_weekday
        return by_date or by_weekday

    def after(self, moment: datetime) -> datetime | None:
        """The first scheduled moment later than this one, in UTC; None if there is none in eight years."""
        if self.every:
            return moment.replace(microsecond=0) + timedelta(seconds=self.every)
        local = moment.astimezone(self.zone).replace(tzinfo=None, second=0, microsecond=0)
        local += timedelta(minutes=1)
        limit = local + _HORIZON
        while local < limit:
            if not self._is_day(local):
                local = local.replace(hour=0, minute=0) + timedelta(days=1)
            elif local.hour not in self.hours:
                local = local.replace(minute=0) + timedelta(hours=1)
            elif local.minute not in self.minutes:
                local += timedelta(minutes=1)
            else:
                found = local.replace(tzinfo=self.zone).astimezone(UTC)
                # Skip what does not exist when clocks go forward.
                if found > moment and found.astimezone(self.zone).replace(tzinfo=None) == local:
                    return found
                local += timedelta(minutes=1)
        return None


@lru_cache(maxsize=256)
def parse(text: str, zone: str = "") -> Schedule:
    """Raises ValueError, saying which field is wrong."""
    where = _zone(zone)
    text = text.strip()
    if text.startswith("@every "):
        from pybernetes.api.times import parse_duration

        seconds = max(1.0, float(int(parse_duration(text[7:].strip()))))
        nothing: frozenset[int] = frozenset()
        return Schedule(nothing, nothing, nothing, nothing, nothing, True, True, where, seconds)
    parts = _MACROS.get(text, text).split()
    if len(parts) != 5:
        raise ValueError(f"expected exactly 5 fields, found {len(parts)}: {text}")
    fields = [_field(part, *facts) for part, facts in zip(parts, _FIELDS, strict=True)]
    weekdays = frozenset(day % 7 for day in fields[4])
    stars = [part[0] in "*?" for part in parts]
    return Schedule(fields[0], fields[1], fields[2], fields[3], weekdays, stars[2], stars[4], where)


def _zone(name: str) -> tzinfo:
    if not name:
        return UTC
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise ValueError(f"unknown time zone {name}") from error


def _field(text: str, name: str, least: int, most: int, words: Sequence[str]) -> frozenset[int]:
    found: set[int] = set()
    for part in text.split(","):
        span, slash, step = part.partition("/")
        if slash and (not step.isdigit() or int(step) == 0):
            raise ValueError(f"{name}: {part} has no number above 0 after the slash")
        if span in ("*", "?"):
            first, last = least, most
        else:
            head, dash, tail = span.partition("-")
            first = _value(head, name, least, words)
            last = _value(tail, name, least, words) if dash else (most if slash else first)
        if not least <= first <= last <= most:
            raise ValueError(f"{name}: {part} is not within {least}-{most}")
        found.update(range(first, last + 1, int(step) if slash else 1))
    return frozenset(found)


def _value(text: str, name: str, least: int, words: Sequence[str]) -> int:
    if text.lower() in words:
        return list(words).index(text.lower()) + least
    if not text.isdigit():
        raise ValueError(f"{name}: {text!r} is not a number")
    return int(text)
