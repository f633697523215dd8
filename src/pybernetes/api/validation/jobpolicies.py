"""What a Job says about failing and succeeding: pod failure policies, success policies, lists of indexes."""

from __future__ import annotations

from typing import Any

from pybernetes.api.fields import (
    OMITTED,
    FieldError,
    FieldPath,
    duplicate,
    go_quote,
    invalid,
    not_supported,
    required,
    too_long,
    too_many,
)
from pybernetes.api.names import is_qualified_name
from pybernetes.api.validation.values import not_negative

Object = dict[str, Any]

_ACTIONS = ("Count", "FailIndex", "FailJob", "Ignore")
_OPERATORS = ("In", "NotIn")
_STATUSES = ("False", "True", "Unknown")
_MOST_RULES, _MOST_PATTERNS, _MOST_EXIT_CODES = 20, 20, 255
_LONGEST_INDEXES = 64 * 1024


def validate_failure_policy(spec: Object, path: FieldPath) -> list[FieldError]:
    """`podFailurePolicy` of a Job's spec."""
    rules, where = spec["podFailurePolicy"].get("rules") or [], path.child("rules")
    errors = [too_many(where, len(rules), _MOST_RULES)] if len(rules) > _MOST_RULES else []
    pod = (spec.get("template") or {}).get("spec") or {}
    containers = {
        one.get("name") for field in ("containers", "initContainers") for one in pod.get(field) or ()
    }
    for position, rule in enumerate(rules):
        errors.extend(_rule(rule, "backoffLimitPerIndex" in spec, containers, where.at(position)))
    return errors


def _choice(value: str, choices: tuple[str, ...], path: FieldPath) -> list[FieldError]:
    if not value:
        return [required(path, f"valid values: [{' '.join(map(go_quote, choices))}]")]
    return [] if value in choices else [not_supported(path, value, choices)]


def _rule(rule: Object, by_index: bool, containers: set[Any], path: FieldPath) -> list[FieldError]:
    action, codes, patterns = rule.get("action") or "", rule.get("onExitCodes"), rule.get("onPodConditions")
    errors = _choice(action, _ACTIONS, path.child("action"))
    if action == "FailIndex" and not by_index:
        errors.append(invalid(path.child("action"), action, "requires the backoffLimitPerIndex to be set"))
    if codes is not None:
        errors.extend(_exit_codes(codes, containers, path.child("onExitCodes")))
    if patterns:
        errors.extend(_conditions(patterns, path.child("onPodConditions")))
    if codes is not None and patterns:
        why = "specifying both OnExitCodes and OnPodConditions is not supported"
        errors.append(invalid(path, OMITTED, why))
    if codes is None and not patterns:
        errors.append(invalid(path, OMITTED, "specifying one of OnExitCodes and OnPodConditions is required"))
    return errors


def _exit_codes(requirement: Object, containers: set[Any], path: FieldPath) -> list[FieldError]:
    operator = requirement.get("operator") or ""
    errors = _choice(operator, _OPERATORS, path.child("operator"))
    name = requirement.get("containerName")
    if name is not None and name not in containers:
        why = "must be one of the container or initContainer names in the pod template"
        errors.append(invalid(path.child("containerName"), name, why))
    values, where = requirement.get("values") or [], path.child("values")
    if not values:
        errors.append(invalid(where, requirement.get("values"), "at least one value is required"))
    elif len(values) > _MOST_EXIT_CODES:
        errors.append(too_many(where, len(values), _MOST_EXIT_CODES))
    seen: set[int] = set()
    for position, value in enumerate(values):
        if operator == "In" and value == 0:
            errors.append(invalid(where.at(position), value, "must not be 0 for the In operator"))
        if value in seen:
            errors.append(duplicate(where.at(position), value))
        seen.add(value)
    if values != sorted(values):
        errors.append(invalid(where, values, "must be ordered"))
    return errors


def _conditions(patterns: list[Object], path: FieldPath) -> list[FieldError]:
    errors = [too_many(path, len(patterns), _MOST_PATTERNS)] if len(patterns) > _MOST_PATTERNS else []
    for position, pattern in enumerate(patterns):
        kind, where = pattern.get("type") or "", path.at(position)
        errors.extend(invalid(where.child("type"), kind, why) for why in is_qualified_name(kind))
        errors.extend(_choice(pattern.get("status") or "", _STATUSES, where.child("status")))
    return errors


def validate_success_policy(spec: Object, path: FieldPath) -> list[FieldError]:
    """`successPolicy` of an indexed Job's spec."""
    rules, where = spec["successPolicy"].get("rules") or [], path.child("rules")
    errors: list[FieldError] = []
    if not rules:
        why = "at least one rules must be specified when the successPolicy is specified"
        errors.append(required(where, why))
    if len(rules) > _MOST_RULES:
        errors.append(too_many(where, len(rules), _MOST_RULES))
    for position, rule in enumerate(rules):
        errors.extend(_success_rule(rule, spec.get("completions") or 0, where.at(position)))
    return errors


def _success_rule(rule: Object, completions: int, path: FieldPath) -> list[FieldError]:
    indexes, count = rule.get("succeededIndexes"), rule.get("succeededCount")
    errors: list[FieldError] = []
    if indexes is None and count is None:
        why = "at least one of succeededCount or succeededIndexes must be specified"
        errors.append(required(path, why))
    total = 0
    if indexes is not None:
        where = path.child("succeededIndexes")
        if len(indexes) > _LONGEST_INDEXES:
            errors.append(too_long(where, _LONGEST_INDEXES))
        total, fault = count_indexes(indexes, completions)
        if fault:
            errors.append(invalid(where, indexes, f"error parsing succeededIndexes: {fault}"))
    if count is not None:
        where = path.child("succeededCount")
        errors.extend(not_negative(rule, "succeededCount", path))
        for limit, what in (
            (completions, "the number of specified completions"),
            (
                total if indexes is not None else None,
                "the number of indexes in the specified succeededIndexes field",
            ),
        ):
            if limit is not None and count > limit:
                errors.append(invalid(where, count, f"must be less than or equal to {limit} ({what})"))
    return errors


def count_indexes(text: str, completions: int) -> tuple[int, str]:
    """How many indexes `0,2-4` names, and what is wrong with it ('' when nothing is)."""
    total, last = 0, None
    for interval in text.split(",") if text else ():
        found, fault = _interval(interval, completions)
        if fault:
            return 0, fault
        first, final = found
        if last is not None and last >= first:
            return 0, f"non-increasing order, previous: {last}, current: {first}"
        total += final - first + 1
        last = final
    return total, ""


def _interval(text: str, completions: int) -> tuple[tuple[int, int], str]:
    parts = text.split("-")
    if len(parts) > 2:
        why = "violates the requirement that an index interval can have at most two parts separated by '-'"
        return (0, 0), f"the fragment {go_quote(text)} {why}"
    numbers = []
    for part in parts:
        digits = part[1:] if part[:1] == "+" else part
        if not (digits.isascii() and digits.isdigit()):
            return (0, 0), f"cannot convert string to integer for index: {go_quote(part)}"
        number = int(digits)
        if number >= completions:
            return (0, 0), f"too large index: {go_quote(part)}"
        numbers.append(number)
    if len(numbers) > 1 and numbers[0] >= numbers[1]:
        return (0, 0), f"non-increasing order, previous: {numbers[0]}, current: {numbers[1]}"
    return (numbers[0], numbers[-1]), ""


def overlap(completed: str, failed: str, completions: int) -> str:
    """What is wrong when an index both succeeded and failed, '' when none did."""
    for one in failed.split(",") if failed else ():
        (first, last), fault = _interval(one, completions)
        for other in completed.split(",") if completed and not fault else ():
            (begin, end), fault = _interval(other, completions)
            if not fault and begin <= last and first <= end:
                return f"failedIndexes and completedIndexes overlap at index: {max(begin, first)}"
    return ""
