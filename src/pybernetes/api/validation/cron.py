"""Whether a cron schedule and a time zone make sense; the words are those of the cron library that clients know."""

from __future__ import annotations

import re
from functools import cache

from pybernetes.api.fields import go_quote

_FIELDS = ("minute", "hour", "dom", "month", "dow")
_BOUNDS = {"minute": (0, 59), "hour": (0, 23), "dom": (1, 31), "month": (1, 12), "dow": (0, 6)}
_NAMES = {
    "month": {
        name: number
        for number, name in enumerate(
            ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"), 1
        )
    },
    "dow": {name: number for number, name in enumerate(("sun", "mon", "tue", "wed", "thu", "fri", "sat"))},
}
_DESCRIPTORS = frozenset(("@yearly", "@annually", "@monthly", "@weekly", "@daily", "@midnight", "@hourly"))

_duration = re.compile(r"[-+]?(?:0|(?:(?:\d+\.?\d*|\.\d+)(?:ns|us|µs|μs|ms|s|m|h))+)").fullmatch
_zone_part = re.compile(r"[A-Za-z.\-_0-9+]{1,14}").fullmatch


def schedule_fault(schedule: str) -> str:
    """What is wrong with `*/5 * * * *` and the like, '' when nothing is."""
    text = schedule.strip()
    if text.startswith(("TZ=", "CRON_TZ=")):
        zone, _, text = text.partition(" ")
        place = zone.partition("=")[2]
        if not _known(place):
            return f"provided bad location {place}: unknown time zone {place}"
        text = text.strip()
    if text.startswith("@"):
        if text.startswith("@every "):
            length = text.removeprefix("@every ")
            if _duration(length):
                return ""
            return f"failed to parse duration {text}: time: invalid duration {go_quote(length)}"
        if text in _DESCRIPTORS:
            return ""
        return f"unrecognized descriptor: {text}"
    parts = text.split()
    if len(parts) != len(_FIELDS):
        return f"expected exactly 5 fields, found {len(parts)}: [{' '.join(parts)}]"
    for field, part in zip(_FIELDS, parts, strict=True):
        for expression in part.split(","):
            fault = _expression_fault(field, expression)
            if fault:
                return fault
    return ""


def _expression_fault(field: str, expression: str) -> str:
    least, most = _BOUNDS[field]
    base, slash, step = expression.partition("/")
    if slash and (not step.isdigit() or int(step) == 0):
        if step == "0":
            return f"step of range should be a positive number: {expression}"
        return f'failed to parse int from {step}: strconv.Atoi: parsing "{step}": invalid syntax'
    if base in ("*", "?"):
        return ""
    low, dash, high = base.partition("-")
    if "-" in high:
        return f"too many hyphens: {expression}"
    numbers = []
    for word in (low, high) if dash else (low,):
        number = _NAMES.get(field, {}).get(word.lower())
        if number is None:
            if not word.isdigit():
                return f'failed to parse int from {word}: strconv.Atoi: parsing "{word}": invalid syntax'
            number = int(word)
        numbers.append(number)
    if numbers[0] < least:
        return f"beginning of range ({numbers[0]}) below minimum ({least}): {expression}"
    if numbers[-1] > most:
        return f"end of range ({numbers[-1]}) above maximum ({most}): {expression}"
    if numbers[0] > numbers[-1]:
        return f"beginning of range ({numbers[0]}) beyond end of range ({numbers[-1]}): {expression}"
    return ""


def time_zone_fault(zone: str) -> list[str]:
    """What is wrong with `Europe/Berlin` and the like."""
    if not zone:
        return ["timeZone must be nil or non-empty string"]
    for part in zone.split("/"):
        if part in (".", "..") or part.startswith("-") or not _zone_part(part):
            return [f"unknown time zone {zone}"]
    found = []
    if zone.lower() == "local":
        found.append("timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones")
    if zone != "Local" and not _known(zone):
        found.append(f"unknown time zone {zone}")
    return found


@cache
def _known(zone: str) -> bool:
    from zoneinfo import ZoneInfo

    if zone in ("", "UTC", "Local"):
        return True
    try:
        ZoneInfo(zone)
    except (KeyError, ValueError, OSError):
        return False
    return True
