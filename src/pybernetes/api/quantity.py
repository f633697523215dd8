"""Resource quantities (`500m`, `1.5Gi`, `2e3`), exactly: texts in, whole numbers of 10^-9 and texts out.

Nothing is smaller than a nano: finer amounts round up to one, as upstream's do. All functions take the text
as it stands in an object (numbers are taken too, since JSON and YAML allow `cpu: 1`) and remember what they
parsed. Source of the notation: the Kubernetes documentation page "Quantity".
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

DECIMAL_SI = "DecimalSI"
BINARY_SI = "BinarySI"
DECIMAL_EXPONENT = "DecimalExponent"

NANO = 1_000_000_000
_MILLI = 1_000_000
_LIMIT = (2**63 - 1) * NANO

_SPLIT = r"^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$"
_FORM = re.compile(r"([+-]?)(\d*)(?:(\.)(\d*))?([eEinumkKMGTP]*[-+]?\d*)")
_DECIMAL = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_DECIMAL_SUFFIX = {power: suffix for suffix, power in _DECIMAL.items()}
_BINARY = {"Ki": 10, "Mi": 20, "Gi": 30, "Ti": 40, "Pi": 50, "Ei": 60}
_BINARY_SUFFIX = ("", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei")

FORMAT_WRONG = f"quantities must match the regular expression '{_SPLIT}'"
NUMERIC_WRONG = "unable to parse numeric part of quantity"
SUFFIX_WRONG = "unable to parse quantity's suffix"


class Quantity(NamedTuple):
    """An exact amount and the notation that it is shown in."""

    nanos: int
    format: str = DECIMAL_SI

    def __str__(self) -> str:
        return _canonical(self.nanos, self.format)


@lru_cache(maxsize=4096)
def _parse(text: str) -> tuple[Quantity, str]:
    """The quantity and its canonical text. Raises ValueError in upstream's words."""
    found = _FORM.fullmatch(text)
    if not text or found is None:
        raise ValueError(FORMAT_WRONG)
    sign, whole, point, fraction, suffix = found.groups()
    fraction = fraction or ""
    if not whole and not fraction and not point:
        raise ValueError(SUFFIX_WRONG if suffix else FORMAT_WRONG)
    form, power = _suffix(suffix)
    digits = int(whole + fraction or "0")
    stripped = whole.lstrip("0") or "0"
    shown = stripped + fraction
    if form == BINARY_SI:
        numerator, denominator = digits * (1 << power) * NANO, 10 ** len(fraction)
        keep = not fraction and digits & 7 != 0 and digits << power < 2**63
    else:
        scale = power - len(fraction)
        raised = scale + 9
        numerator = digits * 10**raised if raised > 0 else digits
        denominator = 1 if raised > 0 else 10**-raised
        keep = scale >= -9 and scale % 3 == 0 and not shown.endswith("000") and shown[0] != "0"
        keep = keep and digits < 2**63 and len(shown) <= 18
    nanos = -(-numerator // denominator)
    if form == BINARY_SI:
        nanos = min(nanos, _LIMIT)
        if 0 < nanos < NANO:
            form = DECIMAL_SI
    quantity = Quantity(-nanos if sign == "-" else nanos, form)
    return quantity, text if keep else _canonical(quantity.nanos, form)


def _suffix(suffix: str) -> tuple[str, int]:
    power = _DECIMAL.get(suffix)
    if power is not None:
        return DECIMAL_SI, power
    power = _BINARY.get(suffix)
    if power is not None:
        return BINARY_SI, power
    if len(suffix) > 1 and suffix[0] in "eE":
        try:
            power = int(suffix[1:])
        except ValueError:
            raise ValueError(SUFFIX_WRONG) from None
        if abs(power) > 400:
            raise ValueError(NUMERIC_WRONG)
        return DECIMAL_EXPONENT, power
    raise ValueError(SUFFIX_WRONG)


def _canonical(nanos: int, form: str) -> str:
    if nanos == 0:
        return "0"
    if form == BINARY_SI:
        whole, rest = divmod(nanos, NANO)
        if rest == 0 and abs(whole) >= 1024:
            steps = 0
            while whole % 1024 == 0 and steps < 6:
                whole //= 1024
                steps += 1
            return f"{whole}{_BINARY_SUFFIX[steps]}"
    power = -9
    while nanos % 1000 == 0 and (form == DECIMAL_EXPONENT or power < 18):
        nanos //= 1000
        power += 3
    if form == DECIMAL_EXPONENT:
        return f"{nanos}e{power}" if power else str(nanos)
    return f"{nanos}{_DECIMAL_SUFFIX[power]}"


def _text(quantity: object) -> str:
    if isinstance(quantity, str):
        return quantity
    if isinstance(quantity, (int, float)) and not isinstance(quantity, bool):
        return repr(quantity)
    raise ValueError(FORMAT_WRONG)


def parse(quantity: object) -> Quantity:
    """The exact amount. Raises ValueError with upstream's words when the text is no quantity."""
    return _parse(_text(quantity))[0]


def canonical(quantity: object) -> str:
    """The text as the API server stores it: `0.5` becomes `500m`, `1024Mi` becomes `1Gi`."""
    return _parse(_text(quantity))[1]


def format_milli(milli: int, form: str = DECIMAL_SI) -> str:
    """The canonical text of an amount of 10^-3: `format_milli(1500)` is `1500m`, `format_milli(2000)` is
    `2`.
    """
    return _canonical(milli * _MILLI, form)


def format_value(value: int, form: str = BINARY_SI) -> str:
    """The canonical text of a whole number: `format_value(1 << 30)` is `1Gi`."""
    return _canonical(value * NANO, form)


def nano_value(quantity: object) -> int:
    return parse(quantity).nanos


def milli_value(quantity: object) -> int:
    """In thousandths (cpu), rounded away from zero to a whole one."""
    return _round(parse(quantity).nanos, _MILLI)


def value(quantity: object) -> int:
    """In whole units (bytes, pods), rounded away from zero."""
    return _round(parse(quantity).nanos, NANO)


def _round(nanos: int, unit: int) -> int:
    return -(-nanos // unit) if nanos >= 0 else nanos // unit


def add(first: object, second: object) -> str:
    """The sum, in the notation of the first that is not zero."""
    a, b = parse(first), parse(second)
    return _canonical(a.nanos + b.nanos, a.format if a.nanos else b.format)


def subtract(first: object, second: object) -> str:
    a, b = parse(first), parse(second)
    return _canonical(a.nanos - b.nanos, a.format if a.nanos else b.format)


def compare(first: object, second: object) -> int:
    """-1, 0 or 1 as the first is less than, equal to or more than the second."""
    a, b = parse(first).nanos, parse(second).nanos
    return (a > b) - (a < b)


def equal(first: object, second: object) -> bool:
    return first == second or parse(first).nanos == parse(second).nanos


def sum_resources(lists: list[dict[str, object]]) -> dict[str, str]:
    """The resource lists added up name by name."""
    total: dict[str, str] = {}
    for resources in lists:
        for name, amount in resources.items():
            total[name] = add(total[name], amount) if name in total else canonical(amount)
    return total
