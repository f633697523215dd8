"""Times as the API writes them: RFC 3339 in UTC with whole seconds, and MicroTime with six digits."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone

from pybernetes.lib.clock import Clock

_RFC3339 = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[Tt](\d\d):(\d\d):(\d\d)(?:[.,](\d+))?(?:([Zz])|([+-])(\d\d):(\d\d))"
)


def now(clock: Clock) -> str:
    """The clock's time, as in `metadata.creationTimestamp`."""
    return format_time(clock.now())


def now_micro(clock: Clock) -> str:
    """The clock's time, as in `spec.renewTime` of a Lease."""
    return format_micro_time(clock.now())


def format_time(moment: datetime) -> str:
    """`2026-01-02T03:04:05Z`; parts of a second are cut off. Naive datetimes count as UTC."""
    if moment.tzinfo is not None and moment.tzinfo is not UTC:
        moment = moment.astimezone(UTC)
    return f"{moment.isoformat()[:19]}Z"


def format_micro_time(moment: datetime) -> str:
    """`2026-01-02T03:04:05.000006Z`."""
    if moment.tzinfo is not None and moment.tzinfo is not UTC:
        moment = moment.astimezone(UTC)
    return f"{moment.replace(tzinfo=None).isoformat(timespec='microseconds')}Z"


def parse_time(text: str) -> datetime:
    """An aware UTC datetime from any RFC 3339 text, MicroTime included. Raises ValueError."""
    found = _RFC3339.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is not a time: write it as 2006-01-02T15:04:05Z (RFC 3339)")
    year, month, day, hour, minute, second, fraction, _, sign, off_hours, off_minutes = found.groups()
    micro = int((fraction or "0")[:6].ljust(6, "0"))
    zone = UTC
    if sign:
        offset = timedelta(hours=int(off_hours), minutes=int(off_minutes))
        zone = timezone(offset if sign == "+" else -offset)
    moment = datetime(
        int(year), int(month), int(day), int(hour), int(minute), min(int(second), 59), micro, tzinfo=zone
    )
    return moment if zone is UTC else moment.astimezone(UTC)


def human_duration(seconds: float) -> str:
    """An age as tables show it: `45s`, `3m12s`, `97m`, `3h20m`, `26h`, `5d3h`, `12d`, `2y10d`, `9y`."""
    total = int(seconds)
    if total < -1:
        return "<invalid>"
    if total < 0:
        return "0s"
    if total < 120:
        return f"{total}s"
    minutes = total // 60
    if minutes < 10:
        rest = total % 60
        return f"{minutes}m{rest}s" if rest else f"{minutes}m"
    if minutes < 180:
        return f"{minutes}m"
    hours = total // 3600
    if hours < 8:
        rest = minutes % 60
        return f"{hours}h{rest}m" if rest else f"{hours}h"
    if hours < 48:
        return f"{hours}h"
    days = hours // 24
    if hours < 192:
        rest = hours % 24
        return f"{days}d{rest}h" if rest else f"{days}d"
    if hours < 24 * 365 * 2:
        return f"{days}d"
    years = days // 365
    if hours < 24 * 365 * 8:
        rest = days % 365
        return f"{years}y{rest}d" if rest else f"{years}y"
    return f"{years}y"


def age(timestamp: str | None, moment: datetime) -> str:
    """How long ago a timestamp was, or `<unknown>` when there is none."""
    if not timestamp:
        return "<unknown>"
    return human_duration((moment - parse_time(timestamp)).total_seconds())


def format_duration(seconds: float) -> str:
    """A metav1.Duration in Go's notation: `1h0m0s`, `1.5s`, `0s`."""
    if seconds == 0:
        return "0s"
    sign, micro = ("-", round(-seconds * 1e6)) if seconds < 0 else ("", round(seconds * 1e6))
    if micro < 1000:
        return f"{sign}{micro}µs"
    if micro < 1_000_000:
        return f"{sign}{_trim(micro / 1000)}ms"
    minutes, rest = divmod(micro, 60_000_000)
    hours, minutes = divmod(minutes, 60)
    tail = f"{_trim(rest / 1e6)}s"
    if hours:
        return f"{sign}{hours}h{minutes}m{tail}"
    return f"{sign}{minutes}m{tail}" if minutes else f"{sign}{tail}"


def _trim(number: float) -> str:
    return f"{number:.6f}".rstrip("0").rstrip(".")


_DURATION_PART = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(h|ms|m|s|us|µs|μs|ns)")
_UNITS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "μs": 1e-6, "ns": 1e-9}


def parse_duration(text: str) -> float:
    """Seconds from Go's notation (`1h30m`, `250ms`). Raises ValueError in Go's words."""
    body = text[1:] if text[:1] in ("+", "-") else text
    if body == "0":
        return 0.0
    parts = _DURATION_PART.findall(body)
    if not parts or "".join(number + unit for number, unit in parts) != body:
        raise ValueError(f'time: invalid duration "{text}"')
    total = sum(float(number) * _UNITS[unit] for number, unit in parts)
    return -total if text.startswith("-") else total
