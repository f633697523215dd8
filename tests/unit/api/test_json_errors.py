"""What a text that is no JSON is told to be."""

from __future__ import annotations

import pytest

from pybernetes.api.json_errors import what_is_wrong


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b"", "unexpected end of JSON input"),
        (b'{"a":[1,', "unexpected end of JSON input"),
        (b"{}x", "invalid character 'x' after top-level value"),
        (b"\xef\xbb\xbf{}", "invalid character 'ï' looking for beginning of value"),
        (b"{'a':1}", r"invalid character '\'' looking for beginning of object key string"),
        (b'{"a":1,}', "invalid character '}' looking for beginning of object key string"),
        (b"[1,]", "invalid character ']' looking for beginning of value"),
        (b'{"a" 1}', "invalid character '1' after object key"),
        (b'{"a":1 "b":2}', "invalid character '\"' after object key:value pair"),
        (b"[1 2]", "invalid character '2' after array element"),
        (b"trux", "invalid character 'x' in literal true (expecting 'e')"),
        (b'"\n"', r"invalid character '\n' in string literal"),
        (rb'"\x"', "invalid character 'x' in string escape code"),
        (rb'"\u12g4"', r"invalid character 'g' in \u hexadecimal character escape"),
        (b"-x", "invalid character 'x' in numeric literal"),
        (b"1.x", "invalid character 'x' after decimal point in numeric literal"),
        (b"1ex", "invalid character 'x' in exponent of numeric literal"),
        (b'{"a":[{}, {"b":null}, -1.5e+3], "c":"\\u00e9"} ', ""),
    ],
)
def test_the_first_fault_is_told(text: bytes, words: str) -> None:
    assert what_is_wrong(text) == words


def test_depth_is_no_matter() -> None:
    assert what_is_wrong(b"[" * 100_000) == "unexpected end of JSON input"
