"""Label and field selectors: texts or objects in, something that says whether labels or fields match out.

`LabelSelector.parse` knows the whole syntax of kubectl's `-l`; `LabelSelector.from_object` takes the form
with `matchLabels` and `matchExpressions`. `FieldSelector.parse` knows `a=b`, `a==b` and `a!=b`. Broken ones
raise `SelectorError` (a ValueError) in upstream's words.
Source: the Kubernetes documentation pages "Labels and Selectors" and "Field Selectors".
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from pybernetes.api.fields import FieldError, aggregate, invalid, not_supported
from pybernetes.api.names import is_label_key, is_label_value

IN, NOT_IN, EXISTS, DOES_NOT_EXIST = "in", "notin", "exists", "!"
EQUALS, DOUBLE_EQUALS, NOT_EQUALS = "=", "==", "!="
GREATER, LESS = "gt", "lt"

_BINARY = (IN, NOT_IN, EQUALS, DOUBLE_EQUALS, NOT_EQUALS, GREATER, LESS)
_POSITIVE = frozenset((IN, EQUALS, DOUBLE_EQUALS))
_NEGATIVE = frozenset((NOT_IN, NOT_EQUALS))
_OBJECT_OPERATORS = {"In": IN, "NotIn": NOT_IN, "Exists": EXISTS, "DoesNotExist": DOES_NOT_EXIST}


class SelectorError(ValueError):
    """The selector cannot be understood; the text says where."""


class Requirement(NamedTuple):
    """One condition on one label: the label's key, one of this module's operators, and its values."""

    key: str
    operator: str
    values: frozenset[str] = frozenset()

    def matches(self, labels: Mapping[str, str]) -> bool:
        operator = self.operator
        present = labels.get(self.key)
        if operator in _POSITIVE:
            return present is not None and present in self.values
        if operator in _NEGATIVE:
            return present is None or present not in self.values
        if operator == EXISTS:
            return present is not None
        if operator == DOES_NOT_EXIST:
            return present is None
        return present is not None and _compares(operator, present, next(iter(self.values)))

    def __str__(self) -> str:
        if self.operator == EXISTS:
            return self.key
        if self.operator == DOES_NOT_EXIST:
            return f"!{self.key}"
        if self.operator in (IN, NOT_IN):
            return f"{self.key} {self.operator} ({','.join(sorted(self.values))})"
        sign = {GREATER: ">", LESS: "<"}.get(self.operator, self.operator)
        return f"{self.key}{sign}{next(iter(self.values))}"


def _compares(operator: str, present: str, limit: str) -> bool:
    try:
        number, bound = int(present), int(limit)
    except ValueError:
        return False
    return number > bound if operator == GREATER else number < bound


def requirement(key: str, operator: str, values: Iterable[str]) -> Requirement:
    """A checked Requirement. Raises SelectorError."""
    chosen = sorted(set(values))
    errors: list[FieldError] = []
    wrong = is_label_key(key)
    if wrong:
        errors.append(invalid("key", key, "; ".join(wrong)))
    if operator in (IN, NOT_IN):
        if not chosen:
            errors.append(invalid("values", chosen, "for 'in', 'notin' operators, values set can't be empty"))
    elif operator in (EQUALS, DOUBLE_EQUALS, NOT_EQUALS):
        if len(chosen) != 1:
            errors.append(invalid("values", chosen, "exact-match compatibility requires one single value"))
    elif operator in (EXISTS, DOES_NOT_EXIST):
        if chosen:
            errors.append(invalid("values", chosen, "values set must be empty for exists and does not exist"))
    elif operator in (GREATER, LESS):
        if len(chosen) != 1:
            words = "for 'Gt', 'Lt' operators, exactly one value is required"
            errors.append(invalid("values", chosen, words))
        for position, one in enumerate(chosen):
            if not _is_integer(one):
                words = "for 'Gt', 'Lt' operators, the value must be an integer"
                errors.append(invalid(f"values[{position}]", one, words))
    else:
        errors.append(not_supported("operator", operator, (*_BINARY, EXISTS, DOES_NOT_EXIST)))
    for position, one in enumerate(chosen):
        wrong = is_label_value(one)
        if wrong:
            errors.append(invalid(f"values[{position}][{key}]", one, "; ".join(wrong)))
    if errors:
        raise SelectorError(aggregate(errors))
    return Requirement(key, operator, frozenset(chosen))


def _is_integer(text: str) -> bool:
    try:
        int(text)
    except ValueError:
        return False
    return True


class LabelSelector:
    """Requirements that must all hold. Empty, it matches everything; `NOTHING` matches nothing."""

    __slots__ = ("nothing", "requirements")

    def __init__(self, requirements: Iterable[Requirement] = (), nothing: bool = False) -> None:
        self.requirements = tuple(sorted(requirements, key=lambda one: one.key))
        self.nothing = nothing

    @classmethod
    def parse(cls, text: str) -> LabelSelector:
        """From `app=web,tier in (a,b),!old`. Raises SelectorError in upstream's words."""
        return cls(_Parser(text).requirements()) if text else EVERYTHING

    @classmethod
    def from_object(cls, selector: Mapping[str, Any] | None) -> LabelSelector:
        """From `{matchLabels: ..., matchExpressions: ...}`; None matches nothing, an empty one everything."""
        if selector is None:
            return NOTHING
        found = [requirement(key, EQUALS, (one,)) for key, one in (selector.get("matchLabels") or {}).items()]
        for expression in selector.get("matchExpressions") or ():
            operator = _OBJECT_OPERATORS.get(expression.get("operator", ""))
            if operator is None:
                shown = expression.get("operator", "")
                raise SelectorError(f'"{shown}" is not a valid label selector operator')
            found.append(requirement(expression.get("key", ""), operator, expression.get("values") or ()))
        return cls(found) if found else EVERYTHING

    @classmethod
    def from_labels(cls, labels: Mapping[str, str] | None) -> LabelSelector:
        """Equality with each of the labels (a Service's or ReplicationController's selector), unchecked."""
        return cls(Requirement(key, EQUALS, frozenset((one,))) for key, one in (labels or {}).items())

    @property
    def empty(self) -> bool:
        """Whether everything matches."""
        return not self.requirements and not self.nothing

    def matches(self, labels: Mapping[str, str] | None) -> bool:
        if self.nothing:
            return False
        present = labels or {}
        return all(one.matches(present) for one in self.requirements)

    def __str__(self) -> str:
        return ",".join(str(one) for one in self.requirements)

    def __repr__(self) -> str:
        return f"LabelSelector({'NOTHING' if self.nothing else str(self)!r})"

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, LabelSelector)
            and self.nothing == other.nothing
            and self.requirements == other.requirements
        )

    def __hash__(self) -> int:
        return hash((self.nothing, self.requirements))


EVERYTHING = LabelSelector()
NOTHING = LabelSelector(nothing=True)


_END, _WORD, _ERROR = "end", "word", "error"
_SIGNS = frozenset("=!(),<>")
_SPACE = frozenset(" \t\r\n")
_TOKENS = {
    ")": ")",
    ",": ",",
    "!": DOES_NOT_EXIST,
    "==": DOUBLE_EQUALS,
    "=": EQUALS,
    ">": GREATER,
    "<": LESS,
    "!=": NOT_EQUALS,
    "(": "(",
}
_KEYWORDS = {"in": IN, "notin": NOT_IN}


def _tokens(text: str) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    at, end = 0, len(text)
    while at < end:
        char = text[at]
        if char in _SPACE:
            at += 1
        elif char in _SIGNS:
            size = 2 if text[at : at + 2] in _TOKENS else 1
            sign = text[at : at + size]
            found.append((_TOKENS[sign], sign))
            at += size
        else:
            start = at
            while at < end and text[at] not in _SIGNS and text[at] not in _SPACE:
                at += 1
            word = text[start:at]
            found.append((_KEYWORDS.get(word, _WORD), word))
    found.append((_END, ""))
    return found


class _Parser:
    """A walk over the tokens; keywords (`in`, `notin`) count as words where a name or value is due."""

    def __init__(self, text: str) -> None:
        self._tokens = _tokens(text)
        self._at = 0

    def _peek(self) -> tuple[str, str]:
        token, literal = self._tokens[self._at]
        return (_WORD if token in (IN, NOT_IN) else token), literal

    def _take(self, keywords: bool = False) -> tuple[str, str]:
        token, literal = self._tokens[self._at]
        if self._at < len(self._tokens) - 1:
            self._at += 1
        return (_WORD if token in (IN, NOT_IN) and not keywords else token), literal

    def requirements(self) -> list[Requirement]:
        found: list[Requirement] = []
        while True:
            token, literal = self._peek()
            if token == _END:
                return found
            if token not in (_WORD, DOES_NOT_EXIST):
                raise SelectorError(f"found '{literal}', expected: !, identifier, or 'end of string'")
            try:
                found.append(self._requirement())
            except SelectorError as error:
                raise SelectorError(f"unable to parse requirement: {error}") from None
            token, literal = self._take()
            if token == _END:
                return found
            if token != ",":
                raise SelectorError(f"found '{literal}', expected: ',' or 'end of string'")
            token, literal = self._peek()
            if token not in (_WORD, DOES_NOT_EXIST):
                raise SelectorError(f"found '{literal}', expected: identifier after ','")

    def _requirement(self) -> Requirement:
        token, key = self._take()
        operator = ""
        if token == DOES_NOT_EXIST:
            operator = DOES_NOT_EXIST
            token, key = self._take()
        if token != _WORD:
            raise SelectorError(f"found '{key}', expected: identifier")
        wrong = is_label_key(key)
        if wrong:
            raise SelectorError(str(invalid("", key, "; ".join(wrong))))
        if self._peek()[0] in (_END, ",") and not operator:
            operator = EXISTS
        if operator:
            return requirement(key, operator, ())
        operator, literal = self._take(keywords=True)
        if operator not in _BINARY:
            raise SelectorError(f"found '{literal}', expected: {', '.join(_BINARY)}")
        values = self._values() if operator in (IN, NOT_IN) else self._exact()
        return requirement(key, operator, values)

    def _values(self) -> set[str]:
        token, literal = self._take()
        if token != "(":
            raise SelectorError(f"found '{literal}' expected: '('")
        token, literal = self._peek()
        if token == ")":
            self._take()
            return {""}
        if token not in (_WORD, ","):
            raise SelectorError(f"found '{literal}', expected: ',', ')' or identifier")
        values = self._list()
        if self._take()[0] != ")":
            raise SelectorError(f"found '{literal}', expected: ')'")
        return values

    def _list(self) -> set[str]:
        values: set[str] = set()
        while True:
            token, literal = self._take()
            if token == _WORD:
                values.add(literal)
                token, literal = self._peek()
                if token == ")":
                    return values
                if token != ",":
                    raise SelectorError(f"found '{literal}', expected: ',' or ')'")
            elif token == ",":
                if not values:
                    values.add("")
                token = self._peek()[0]
                if token == ")":
                    values.add("")
                    return values
                if token == ",":
                    self._take()
                    values.add("")
            else:
                raise SelectorError(f"found '{literal}', expected: ',', or identifier")

    def _exact(self) -> set[str]:
        if self._peek()[0] in (_END, ","):
            return {""}
        token, literal = self._take()
        if token != _WORD:
            raise SelectorError(f"found '{literal}', expected: identifier")
        return {literal}


class FieldRequirement(NamedTuple):
    """One condition on one field: its path, `=` or `!=`, and the value."""

    field: str
    operator: str
    value: str

    def __str__(self) -> str:
        escaped = self.value.replace("\\", "\\\\").replace(",", "\\,").replace("=", "\\=")
        return f"{self.field}{self.operator}{escaped}"


class FieldSelector:
    """Conditions on fields that must all hold; a field that an object lacks counts as ''."""

    __slots__ = ("requirements",)

    def __init__(self, requirements: Iterable[FieldRequirement] = ()) -> None:
        self.requirements = tuple(requirements)

    @classmethod
    def parse(cls, text: str) -> FieldSelector:
        """From `status.phase!=Running,spec.nodeName=n1`; `\\` escapes `,`, `=` and itself. Raises
        SelectorError.
        """
        if not text:
            return EVERY_FIELD
        found: list[FieldRequirement] = []
        for term in _split_terms(text):
            if not term:
                continue
            field, operator, escaped = _split_term(term)
            if not operator:
                raise SelectorError(f"invalid selector: '{text}'; can't understand '{term}'")
            found.append(FieldRequirement(field, "!=" if operator == "!=" else "=", _unescape(escaped)))
        return cls(sorted(found))

    @property
    def empty(self) -> bool:
        return not self.requirements

    def matches(self, fields: Mapping[str, str]) -> bool:
        """`fields` holds the selectable fields of one object, by path."""
        return all(
            (fields.get(one.field, "") == one.value) is (one.operator == "=") for one in self.requirements
        )

    def exact(self, field: str) -> str | None:
        """The value that the field must have, or None when the selector leaves it open."""
        return next(
            (one.value for one in self.requirements if one.field == field and one.operator == "="), None
        )

    def __str__(self) -> str:
        return ",".join(str(one) for one in self.requirements)

    def __repr__(self) -> str:
        return f"FieldSelector({str(self)!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, FieldSelector) and self.requirements == other.requirements

    def __hash__(self) -> int:
        return hash(self.requirements)


EVERY_FIELD = FieldSelector()


def _split_terms(text: str) -> list[str]:
    terms: list[str] = []
    start, at = 0, 0
    while at < len(text):
        if text[at] == "\\":
            at += 2
            continue
        if text[at] == ",":
            terms.append(text[start:at])
            start = at + 1
        at += 1
    terms.append(text[start:])
    return terms


def _split_term(term: str) -> tuple[str, str, str]:
    for at in range(len(term)):
        for operator in ("!=", "==", "="):
            if term.startswith(operator, at):
                return term[:at], operator, term[at + len(operator) :]
    return term, "", ""


def _unescape(text: str) -> str:
    out: list[str] = []
    at = 0
    while at < len(text):
        char = text[at]
        if char == "\\":
            following = text[at + 1 : at + 2]
            if following not in ("\\", ",", "="):
                raise SelectorError(f"invalid field selector: invalid escape sequence: \\{following}")
            out.append(following)
            at += 2
            continue
        if char in ",=":
            raise SelectorError(f"invalid field selector: unescaped character in value: {ord(char)}")
        out.append(char)
        at += 1
    return "".join(out)
