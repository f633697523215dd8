"""YAML bodies: bytes in, what JSON would have said out, with the keys that are said twice.

`decode(data)` answers an object of JSON's types and the faults that pass unless they are asked about
(`fieldValidation`); what cannot be read raises `YAMLError`. Plain scalars mean what Go's YAML reader takes them for:
`12:30` and dates are text, `yes` is true, `1e3` is a number. Aliases that would blow a body up are refused.
"""

from __future__ import annotations

import copy
import math
import re
from typing import Any

import yaml

from pybernetes.api.fields import go_quote

_TAG = "tag:yaml.org,2002:"
_MOST_ALIASED = 100_000
"""Values that a body with aliases may have once they are written out."""

_MOST_DEPTH = 1000
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

_INTEGER = re.compile(r"[-+]?(?:0[xX][0-9a-fA-F_]+|0[bB][01_]+|0[oO]?[0-7_]+|[1-9][0-9_]*|0)")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_WORDS: dict[str, bool | None] = {
    **dict.fromkeys(("y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"), True),
    **dict.fromkeys(("n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"), False),
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
}

_TYPED: dict[str, type | tuple[type, ...]] = {
    f"{_TAG}int": int,
    f"{_TAG}float": (int, float),
    f"{_TAG}bool": bool,
    f"{_TAG}null": type(None),
}


class YAMLError(ValueError):
    """The text cannot be read as YAML, or not be said in JSON."""


def decode(data: bytes) -> tuple[Any, list[str]]:
    """The first document, None when there is none. Raises YAMLError."""
    loader = _Loader(data) if data else None
    try:
        value, repeated = _Builder().document(loader)
    except (yaml.YAMLError, UnicodeError) as error:
        raise YAMLError(f"yaml: {' '.join(str(error).split())}") from None
    finally:
        if loader is not None:
            loader.dispose()
    if not repeated:
        return value, []
    lines = "".join(f"\n  {line}" for line in repeated)
    return value, [f"yaml: unmarshal errors:{lines}"]


class _Open:
    """A sequence or mapping that is being read; `key` is what the next value of a mapping belongs to."""

    __slots__ = ("anchor", "key", "merge", "merged", "start", "value", "waiting")

    def __init__(self, value: Any, anchor: str | None, start: int) -> None:
        self.value = value
        self.anchor = anchor
        self.start = start
        self.key = ""
        self.waiting = False
        self.merge = False
        self.merged: dict[str, Any] = {}


class _Builder:
    """Values from the parser's events, without recursion: bodies are as deep as their senders like."""

    def __init__(self) -> None:
        self._stack: list[_Open] = []
        self._anchors: dict[str, tuple[Any, int] | None] = {}
        self._count = 0
        self._repeated: list[str] = []
        self._root: Any = None

    def document(self, loader: Any) -> tuple[Any, list[str]]:
        while loader is not None and loader.check_event():
            event = loader.get_event()
            if type(event) is yaml.DocumentEndEvent:
                break
            self._take(event)
        return self._root, self._repeated

    def _take(self, event: Any) -> None:
        kind = type(event)
        if kind is yaml.ScalarEvent:
            self._count += 1
            plain = event.tag is None and event.implicit[0]
            if plain and event.value == "<<" and self._expects_key():
                self._stack[-1].waiting = self._stack[-1].merge = True
                return
            value = _scalar(event.value, event.tag, plain)
            if event.anchor:
                self._anchors[event.anchor] = value, 1
            self._add(value, event.start_mark.line)
        elif kind in (yaml.MappingStartEvent, yaml.SequenceStartEvent):
            if len(self._stack) >= _MOST_DEPTH:
                raise YAMLError(f"yaml: exceeded max depth of {_MOST_DEPTH}")
            self._count += 1
            if event.anchor:
                self._anchors[event.anchor] = None
            value = {} if kind is yaml.MappingStartEvent else []
            self._stack.append(_Open(value, event.anchor, self._count))
        elif kind in (yaml.MappingEndEvent, yaml.SequenceEndEvent):
            done = self._stack.pop()
            value = {**done.merged, **done.value} if done.merged else done.value
            if done.anchor:
                self._anchors[done.anchor] = value, self._count - done.start + 1
            self._add(value, event.start_mark.line)
        elif kind is yaml.AliasEvent:
            self._add(self._aliased(event.anchor), event.start_mark.line)

    def _aliased(self, name: str) -> Any:
        if name not in self._anchors:
            raise YAMLError(f"yaml: unknown anchor '{name}' referenced")
        known = self._anchors[name]
        if known is None:
            raise YAMLError(f"yaml: anchor '{name}' value contains itself")
        value, size = known
        self._count += size
        if self._count > _MOST_ALIASED and size > 1:
            raise YAMLError("yaml: document contains excessive aliasing")
        return copy.deepcopy(value)

    def _expects_key(self) -> bool:
        return bool(self._stack) and isinstance(self._stack[-1].value, dict) and not self._stack[-1].waiting

    def _add(self, value: Any, line: int) -> None:
        """Put a value where it belongs."""
        if not self._stack:
            self._root = value
            return
        above = self._stack[-1]
        if isinstance(above.value, list):
            above.value.append(value)
        elif not above.waiting:
            above.key, above.waiting = _key(value), True
            if above.key in above.value:
                self._repeated.append(f"line {line + 1}: key {go_quote(above.key)} already set in map")
        else:
            above.waiting = False
            if above.merge:
                above.merge = False
                _merge(above.merged, value)
            else:
                above.value[above.key] = value


def _merge(merged: dict[str, Any], value: Any) -> None:
    for one in reversed(value) if isinstance(value, list) else [value]:
        if not isinstance(one, dict):
            raise YAMLError("yaml: map merge requires map or sequence of maps as the value")
        merged.update(one)


def _key(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return f"{value:g}" if isinstance(value, float) else str(value)
    raise YAMLError(f"yaml: a key must be text, not {'null' if value is None else type(value).__name__}")


def _scalar(text: str, tag: str | None, plain: bool) -> Any:
    if plain:
        found = _resolve(text)
    elif tag in _TYPED:
        found = _resolve(text)
        if not isinstance(found, _TYPED[tag]):
            raise YAMLError(f"yaml: cannot decode !!str `{text}` as a !!{tag.removeprefix(_TAG)}")
    else:
        return text
    if isinstance(found, float) and not math.isfinite(found):
        raise YAMLError(f"json: unsupported value: {text}")
    return found


def _resolve(text: str) -> Any:
    if text in _WORDS:
        return _WORDS[text]
    if _INTEGER.fullmatch(text):
        return _integer(text)
    if _FLOAT.fullmatch(text):
        return float(text)
    if text.lstrip("+-").lower() in (".inf", ".nan"):
        return math.inf
    return text


def _integer(text: str) -> int | float | str:
    sign = -1 if text[0] == "-" else 1
    digits = text.lstrip("+-").replace("_", "").lower()
    try:
        if digits.startswith(("0x", "0b", "0o")):
            number = int(digits, 0)
        elif len(digits) > 1 and digits[0] == "0":
            number = int(digits, 8)
        else:
            number = int(digits)
    except ValueError:
        return text
    return sign * number if number < 1 << 64 else float(sign * number)
