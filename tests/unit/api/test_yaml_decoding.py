"""What YAML bodies mean, and which are refused."""

from __future__ import annotations

from typing import Any

import pytest

from pybernetes.api.yaml_decoding import YAMLError, decode


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("12", 12),
        ("-12", -12),
        ("0x1F", 31),
        ("0b101", 5),
        ("017", 15),
        ("0o17", 15),
        ("08", 8.0),
        ("1_000", 1000),
        ("1e3", 1000.0),
        ("1.5", 1.5),
        (".5", 0.5),
        ("1.", 1.0),
        ("12:30", "12:30"),
        ("2024-01-02", "2024-01-02"),
        ("2024-01-02T03:04:05Z", "2024-01-02T03:04:05Z"),
        ("yes", True),
        ("off", False),
        ("true", True),
        ("Null", None),
        ("~", None),
        ("'12'", "12"),
        ('"yes"', "yes"),
        ("!!str 12", "12"),
        ("!!int 12", 12),
        ("!!binary aGk=", "aGk="),
        ("1.2.3.4", "1.2.3.4"),
        ("100m", "100m"),
        ("=", "="),
        ("|\n  two\n  lines\n", "two\nlines\n"),
    ],
)
def test_scalars(text: str, value: Any) -> None:
    assert decode(f"a: {text}\n".encode()) == ({"a": value}, [])


def test_keys_are_text() -> None:
    assert decode(b"1: a\ntrue: b\n1.5: c\n") == ({"1": "a", "true": "b", "1.5": "c"}, [])
    with pytest.raises(YAMLError, match="a key must be text"):
        decode(b"? [a]\n: b\n")


def test_aliases_and_merges() -> None:
    body = b"base: &base {x: 1, z: 2}\none: {<<: *base, z: 3}\ntwo: *base\n"
    assert decode(body)[0] == {"base": {"x": 1, "z": 2}, "one": {"x": 1, "z": 3}, "two": {"x": 1, "z": 2}}


def test_repeated_keys_are_told() -> None:
    value, problems = decode(b"a: 1\nb:\n  c: 1\n  c: 2\na: 2\n")
    assert value == {"a": 2, "b": {"c": 2}}
    assert problems == [
        'yaml: unmarshal errors:\n  line 4: key "c" already set in map\n  line 5: key "a" already set in map'
    ]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"&a [*a]", "contains itself"),
        (b"a: [", "yaml: "),
        (b"a: .nan", "unsupported value"),
        (b"\x00\x01", "yaml: "),
        (b"\xff\xfe\xfd", "yaml: "),
        (b"a: " + b"[" * 5000, "yaml: "),
        (b"a: !!int x", "cannot decode"),
    ],
)
def test_what_cannot_be_read(body: bytes, words: str) -> None:
    with pytest.raises(YAMLError, match=words):
        decode(body)


def test_a_body_that_would_grow_without_bounds() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 10)]
    with pytest.raises(YAMLError, match="excessive aliasing"):
        decode("\n".join(lines).encode())


def test_only_the_first_document_counts() -> None:
    assert decode(b"a: 1\n---\nb: 2\n")[0] == {"a": 1}
    assert decode(b"") == (None, [])
