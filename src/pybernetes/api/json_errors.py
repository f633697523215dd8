"""What is wrong with a text that is no JSON: bytes in, the first fault in the words of Go's encoding/json out.

Only for texts that could not be read: it walks them byte by byte. Clients show these words to people, and some look
into them (`unexpected end of JSON input`).
"""

from __future__ import annotations

_SPACE = b" \t\r\n"
_DIGITS = b"0123456789"
_HEX = b"0123456789abcdefABCDEF"
_ESCAPES = b'bfnrt\\/"'
_WORDS = {ord("t"): b"true", ord("f"): b"false", ord("n"): b"null"}
_ODD = {"'": r"'\''", '"': "'\"'"}
_ESCAPED = {
    "\a": r"\a",
    "\b": r"\b",
    "\f": r"\f",
    "\n": r"\n",
    "\r": r"\r",
    "\t": r"\t",
    "\v": r"\v",
    "\\": r"\\",
}

_TRUNCATED = "unexpected end of JSON input"


def json_word(value: object) -> str:
    """What a decoded value is called in the words of Go's encoding/json."""
    return {list: "array", dict: "object", str: "string", bool: "bool"}.get(type(value), "number")


class _Fault(Exception):
    """Carries the words."""


def what_is_wrong(data: bytes) -> str:
    """ "" when this walk finds nothing wrong (it knows the grammar, not which numbers or texts are too much)."""
    try:
        _Walk(data).document()
    except _Fault as fault:
        return str(fault)
    return ""


def _quoted(byte: int) -> str:
    char = chr(byte)
    if char in _ODD:
        return _ODD[char]
    if char in _ESCAPED:
        return f"'{_ESCAPED[char]}'"
    if byte < 0x20 or byte == 0x7F:
        return f"'\\x{byte:02x}'"
    return f"'{char}'" if char.isprintable() else f"'\\u{byte:04x}'"


class _Walk:
    """One pass; nesting is kept in a list, so that depth is no matter."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def document(self) -> None:
        open_: list[int] = []
        value = True
        while True:
            if value:
                value = self._begin(open_)
            elif not open_:
                self._skip()
                if self._at < len(self._data):
                    raise self._odd("after top-level value")
                return
            else:
                value = self._go_on(open_)

    def _begin(self, open_: list[int]) -> bool:
        """At the beginning of a value; whether another one begins right after it."""
        byte = self._next()
        if byte == ord("{"):
            open_.append(byte)
            if self._peek() == ord("}"):
                self._at += 1
                open_.pop()
                return False
            self._key("looking for beginning of object key string")
            return True
        if byte == ord("["):
            open_.append(byte)
            if self._peek() == ord("]"):
                self._at += 1
                open_.pop()
                return False
            return True
        if byte == ord('"'):
            self._text()
        elif byte in _WORDS:
            self._word(_WORDS[byte])
        elif byte == ord("-") or byte in _DIGITS:
            self._number(byte)
        else:
            self._at -= 1
            raise self._odd("looking for beginning of value")
        return False

    def _go_on(self, open_: list[int]) -> bool:
        """After a value inside something."""
        in_object = open_[-1] == ord("{")
        where = "after object key:value pair" if in_object else "after array element"
        byte = self._next()
        if byte == ord(","):
            if in_object:
                self._key("looking for beginning of object key string")
            return True
        if byte != (ord("}") if in_object else ord("]")):
            self._at -= 1
            raise self._odd(where)
        open_.pop()
        return False

    def _key(self, where: str) -> None:
        if self._next() != ord('"'):
            self._at -= 1
            raise self._odd(where)
        self._text()
        if self._next() != ord(":"):
            self._at -= 1
            raise self._odd("after object key")

    def _text(self) -> None:
        while True:
            byte = self._take()
            if byte == ord('"'):
                return
            if byte == ord("\\"):
                self._escape()
            elif byte < 0x20:
                self._at -= 1
                raise self._odd("in string literal")

    def _escape(self) -> None:
        byte = self._take()
        if byte == ord("u"):
            for _ in range(4):
                if self._take() not in _HEX:
                    self._at -= 1
                    raise self._odd("in \\u hexadecimal character escape")
        elif byte not in _ESCAPES:
            self._at -= 1
            raise self._odd("in string escape code")

    def _word(self, word: bytes) -> None:
        for expected in word[1:]:
            if self._take() != expected:
                self._at -= 1
                raise self._odd(f"in literal {word.decode()} (expecting {_quoted(expected)})")

    def _number(self, byte: int) -> None:
        if byte == ord("-"):
            byte = self._take()
            if byte not in _DIGITS:
                self._at -= 1
                raise self._odd("in numeric literal")
        if byte != ord("0"):
            self._digits()
        if self._here() == ord("."):
            self._at += 1
            if self._take() not in _DIGITS:
                self._at -= 1
                raise self._odd("after decimal point in numeric literal")
            self._digits()
        if self._here() in b"eE" and self._at < len(self._data):
            self._at += 1
            if self._here() in b"+-" and self._at < len(self._data):
                self._at += 1
            if self._take() not in _DIGITS:
                self._at -= 1
                raise self._odd("in exponent of numeric literal")
            self._digits()

    def _digits(self) -> None:
        while self._at < len(self._data) and self._data[self._at] in _DIGITS:
            self._at += 1

    def _skip(self) -> None:
        while self._at < len(self._data) and self._data[self._at] in _SPACE:
            self._at += 1

    def _here(self) -> int:
        return self._data[self._at] if self._at < len(self._data) else 0

    def _peek(self) -> int:
        self._skip()
        return self._here()

    def _take(self) -> int:
        if self._at >= len(self._data):
            raise _Fault(_TRUNCATED)
        self._at += 1
        return self._data[self._at - 1]

    def _next(self) -> int:
        self._skip()
        return self._take()

    def _odd(self, where: str) -> _Fault:
        return _Fault(f"invalid character {_quoted(self._data[self._at])} {where}")
