"""Query parameters as values: list, watch and write options, refused in upstream's words when they make no sense.

https://kubernetes.io/docs/reference/kubernetes-api/common-parameters/common-parameters/
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pybernetes.api.errors import BadRequest, invalid
from pybernetes.api.fields import FieldError, forbidden, not_supported, status_causes
from pybernetes.api.fields import invalid as invalid_field
from pybernetes.api.kinds import Kind
from pybernetes.api.selectors import EVERY_FIELD, EVERYTHING, FieldSelector, LabelSelector, SelectorError
from pybernetes.apiserver.requestinfo import is_true
from pybernetes.lib.http.messages import Request

STRICT, WARN, IGNORE = "Strict", "Warn", "Ignore"
EXACT, NOT_OLDER_THAN = "Exact", "NotOlderThan"
_MANAGER_MAX = 128
_INT64_MAX = 2**63 - 1
_UINT64_MAX = 2**64 - 1
_UINT64_DIGITS = 20


def _options_kind(name: str) -> Kind:
    return Kind("meta.k8s.io", "v1", name, name.lower())


def _refuse(options: str, errors: list[FieldError]) -> None:
    if errors:
        raise invalid(_options_kind(options), "", status_causes(errors))


def whole_number(request: Request, name: str) -> int | None:
    """A number from the query; None when it is not there. 400 when it is not a number."""
    text = request.query_value(name)
    if not text:
        return None
    digits = text[1:] if text[0] in "+-" else text
    if not (digits.isascii() and digits.isdigit()):
        raise BadRequest(f'strconv.ParseInt: parsing "{text}": invalid syntax')
    number = int(text)
    if abs(number) > _INT64_MAX:
        raise BadRequest(f'strconv.ParseInt: parsing "{text}": value out of range')
    return number


def parse_revision(text: str) -> int:
    """A resourceVersion from a client; 0 for none. 400 when it is not a number."""
    if not text:
        return 0
    if not (text.isascii() and text.isdigit()):
        why = "invalid syntax"
    elif len(text) > _UINT64_DIGITS or int(text) > _UINT64_MAX:
        why = "value out of range"
    else:
        return int(text)
    raise BadRequest(
        f'invalid resource version: resourceVersion: Invalid value: "{text}": '
        f'strconv.ParseUint: parsing "{text}": {why}'
    )


@dataclass(slots=True)
class ListOptions:
    """`revision` is None when no resourceVersion was given; `match` is "", Exact or NotOlderThan."""

    labels: LabelSelector = EVERYTHING
    fields: FieldSelector = EVERY_FIELD
    limit: int = 0
    token: str = ""
    revision: int | None = None
    match: str = ""
    timeout: int | None = None
    bookmarks: bool = False
    initial_events: bool | None = None


def list_options(request: Request, watching: bool = False) -> ListOptions:
    """The options of LIST, WATCH and DELETECOLLECTION. Raises BadRequest and Invalid."""
    value = request.query_value
    if not request.raw_query:
        return ListOptions()
    options = ListOptions(
        limit=max(whole_number(request, "limit") or 0, 0),
        token=value("continue"),
        match=value("resourceVersionMatch"),
        timeout=whole_number(request, "timeoutSeconds"),
        bookmarks=is_true(value("allowWatchBookmarks")),
    )
    try:
        options.labels = LabelSelector.parse(value("labelSelector"))
        options.fields = FieldSelector.parse(value("fieldSelector"))
    except SelectorError as error:
        raise BadRequest(str(error)) from None
    given = value("resourceVersion")
    if value("sendInitialEvents"):
        options.initial_events = is_true(value("sendInitialEvents"))
    _refuse("ListOptions", _contradictions(options, watching, given))
    if options.token and given and given != "0":
        raise BadRequest("specifying resource version is not allowed when using continue")
    if given:
        options.revision = parse_revision(given)
    return options


def _contradictions(options: ListOptions, watching: bool, given: str) -> list[FieldError]:
    errors: list[FieldError] = []
    match = options.match
    field = "resourceVersionMatch"
    if watching:
        if options.initial_events is not None and match != NOT_OLDER_THAN:
            errors.append(forbidden(field, f"sendInitialEvents requires setting {field} to {NOT_OLDER_THAN}"))
        if match and options.initial_events is None:
            words = f"{field} is forbidden for watch unless sendInitialEvents is provided"
            errors.append(forbidden(field, words))
        if match and match != NOT_OLDER_THAN:
            errors.append(not_supported(field, match, (NOT_OLDER_THAN,)))
        plain = not match and options.initial_events is None and given in ("", "0")
        if (match or plain) and options.token:
            errors.append(forbidden(field, f"{field} is forbidden when continue is provided"))
        return errors
    if match:
        if not given:
            errors.append(forbidden(field, f"{field} is forbidden unless resourceVersion is provided"))
        if options.token:
            errors.append(forbidden(field, f"{field} is forbidden when continue is provided"))
        if match not in (EXACT, NOT_OLDER_THAN):
            errors.append(not_supported(field, match, (EXACT, NOT_OLDER_THAN, "")))
        if match == EXACT and given == "0":
            errors.append(forbidden(field, f'{field} "exact" is forbidden for resourceVersion "0"'))
    if options.initial_events is not None:
        errors.append(forbidden("sendInitialEvents", "sendInitialEvents is forbidden for list"))
    return errors


@dataclass(slots=True)
class WriteOptions:
    """The options of CREATE, UPDATE and PATCH."""

    dry_run: bool = False
    field_manager: str = ""
    field_validation: str = WARN
    force: bool | None = None


def write_options(request: Request, options_kind: str, applying: bool = False) -> WriteOptions:
    """`options_kind` is CreateOptions, UpdateOptions or PatchOptions. Raises Invalid."""
    if not request.raw_query:
        return WriteOptions()
    errors: list[FieldError] = []
    dry_run = request.query.get("dryRun", [])
    errors.extend(_dry_run_errors(dry_run))
    manager = request.query_value("fieldManager")
    if len(manager) > _MANAGER_MAX:
        errors.append(
            FieldError(
                "FieldValueTooLong", "fieldManager", manager, f"may not be more than {_MANAGER_MAX} bytes"
            )
        )
    elif not manager.isprintable():
        at, odd = next((at, one) for at, one in enumerate(manager) if not one.isprintable())
        words = f"invalid character U+{ord(odd):04X} (at position {at})"
        errors.append(invalid_field("fieldManager", manager, words))
    validation = request.query_value("fieldValidation") or WARN
    if validation not in (STRICT, WARN, IGNORE):
        errors.append(not_supported("fieldValidation", validation, ("", IGNORE, STRICT, WARN)))
    force = request.query_value("force")
    if force and options_kind == "PatchOptions" and not applying:
        errors.append(forbidden("force", "may not be specified for non-apply patch"))
    _refuse(options_kind, errors)
    return WriteOptions(bool(dry_run), manager, validation, is_true(force) if force else None)


def delete_options(request: Request, body: dict[str, Any] | None) -> dict[str, Any]:
    """DeleteOptions from the body, or from the query when there is no body. Raises BadRequest and Invalid."""
    options = dict(body or {})
    if body is None:
        seconds = whole_number(request, "gracePeriodSeconds")
        if seconds is not None:
            options["gracePeriodSeconds"] = seconds
        if request.query_value("propagationPolicy"):
            options["propagationPolicy"] = request.query_value("propagationPolicy")
        if request.query_value("orphanDependents"):
            options["orphanDependents"] = is_true(request.query_value("orphanDependents"))
        if request.query.get("dryRun"):
            options["dryRun"] = request.query["dryRun"]
    _refuse("DeleteOptions", _dry_run_errors(options.get("dryRun") or []))
    return options


def _dry_run_errors(dry_run: list[str]) -> list[FieldError]:
    if all(one == "All" for one in dry_run):
        return []
    return [not_supported("dryRun", dry_run, ("All",))]
