"""Objects as bytes, in three forms, and the ways between them without parsing.

at rest   {"metadata":{"name":...},...}                       no apiVersion, kind, resourceVersion; metadata first
item      {"metadata":{"resourceVersion":"7","name":...},...} an item of a built-in kind's list
served    {"kind":...,"apiVersion":...,"metadata":{...}}      what GET answers; made by `Head.served`
"""

from __future__ import annotations

from typing import Any

import msgspec

Object = dict[str, Any]

_AT_REST = b'{"metadata":{'
_ITEM = b'{"metadata":{"resourceVersion":"'
_OUTSIDE = frozenset(("apiVersion", "kind", "metadata"))

_decode = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder().encode


def at_rest(obj: Object) -> bytes:
    """A decoded object as the bytes to store; the object is not changed. Values may be `msgspec.Raw`."""
    return _encode(stripped(obj))


def stripped(obj: Object) -> Object:
    """Without what is not stored, and metadata first."""
    metadata = obj["metadata"]
    if "resourceVersion" in metadata:
        metadata = {key: value for key, value in metadata.items() if key != "resourceVersion"}
    rest = {key: value for key, value in obj.items() if key not in _OUTSIDE}
    return {"metadata": metadata, **rest}


def item(value: bytes, revision: int) -> bytes:
    """From bytes at rest. Raises ValueError when they are of another form."""
    if not value.startswith(_AT_REST):
        raise ValueError(f"an object at rest must begin with {_AT_REST.decode()}, not {value[:20]!r}")
    start = len(_AT_REST)
    comma = b'"' if value[start] == 0x7D else b'",'
    return b"".join((_ITEM, b"%d" % revision, comma, memoryview(value)[start:]))


def value(of_item: bytes) -> bytes:
    """An item's bytes at rest."""
    end = of_item.index(b'"', len(_ITEM)) + 1
    return _AT_REST + of_item[end + 1 if of_item[end] == 0x2C else end :]


def restamp(of_item: bytes, revision: int) -> bytes:
    """The same item with another resourceVersion: what a DELETED event carries."""
    end = of_item.index(b'"', len(_ITEM))
    return b"".join((_ITEM, b"%d" % revision, memoryview(of_item)[end:]))


class Head:
    """The apiVersion and kind of one served version, as bytes to put before an item."""

    __slots__ = ("api_version", "frames", "kind", "opening")

    def __init__(self, api_version: str, kind: str) -> None:
        self.api_version = api_version
        self.kind = kind
        self.opening = b'{"kind":%b,"apiVersion":%b,' % (_encode(kind), _encode(api_version))
        self.frames = {
            event: b'{"type":"%b","object":%b' % (event.encode(), self.opening)
            for event in ("ADDED", "MODIFIED", "DELETED", "BOOKMARK")
        }

    def served(self, of_item: bytes) -> bytes:
        return b"".join((self.opening, memoryview(of_item)[1:]))

    def frame(self, event: str, of_item: bytes) -> bytes:
        """One line of a watch."""
        return b"".join((self.frames[event], memoryview(of_item)[1:], b"}\n"))

    def bookmark(self, revision: int, initial_events_end: bool = False) -> bytes:
        """A line that says up to which revision everything has been sent."""
        marks = b',"annotations":{"k8s.io/initial-events-end":"true"}' if initial_events_end else b""
        return b'%b"metadata":{"resourceVersion":"%d"%b}}}\n' % (self.frames["BOOKMARK"], revision, marks)


def decoded(at_rest_value: bytes, revision: int, head: Head | None = None) -> Object:
    """From bytes at rest, with resourceVersion (unless the revision is 0) and, with a head, apiVersion and kind."""
    return decoded_item(item(at_rest_value, revision) if revision else at_rest_value, head)


def decoded_item(of_item: bytes, head: Head | None = None) -> Object:
    obj: Object = _decode(of_item)
    if head is None:
        return obj
    return {"kind": head.kind, "apiVersion": head.api_version, **obj}


_ESCAPES = (
    (b"<", b"\\u003c"),
    (b">", b"\\u003e"),
    (b"&", b"\\u0026"),
    (b"\xe2\x80\xa8", b"\\u2028"),
    (b"\xe2\x80\xa9", b"\\u2029"),
)


def escaped(value: bytes) -> bytes:
    """JSON with the characters escaped that Go's encoder escapes. They stand in texts only, never between them.

    Clients in Go compare such bytes where an object holds another one as it is: `kubectl rollout undo` compares
    a template with the data of a ControllerRevision.
    """
    if b"<" in value or b">" in value or b"&" in value or b"\xe2" in value:
        for char, escape in _ESCAPES:
            value = value.replace(char, escape)
    return value
