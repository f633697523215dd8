"""What goes wrong, as the API says it: an exception family that is one to one with `Status` objects.

    APIError(status: dict)
      BadRequest 400            Unauthorized 401         Forbidden 403        NotFound 404
      MethodNotAllowed 405      NotAcceptable 406        AlreadyExists 409    Conflict 409
      Gone 410 (Expired)        RequestEntityTooLarge 413 UnsupportedMediaType 415  Invalid 422
      TooManyRequests 429       InternalError 500        ServiceUnavailable 503     Timeout 504

The server raises them and answers with `.status`; the client raises `from_status(...)` of what it
received, so that both sides catch the same classes. Shape of Status:
https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/status/
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from pybernetes.api.kinds import Kind


def make_status(
    code: int,
    reason: str,
    message: str,
    *,
    details: dict[str, Any] | None = None,
    status: str = "Failure",
) -> dict[str, Any]:
    """A `Status` object of apiVersion v1."""
    result: dict[str, Any] = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": status}
    if message:
        result["message"] = message
    if reason:
        result["reason"] = reason
    if details is not None:
        result["details"] = details
    result["code"] = code
    return result


class APIError(Exception):
    """An error with its Status. Raise a subclass; catch this to catch all."""

    code = 500
    reason = "InternalError"

    def __init__(self, message: str, *, details: dict[str, Any] | None = None) -> None:
        super().__init__(message)
        self.status = make_status(self.code, self.reason, message, details=details)

    @property
    def message(self) -> str:
        return str(self.status.get("message", ""))

    @property
    def details(self) -> dict[str, Any]:
        details: dict[str, Any] = self.status.get("details") or {}
        return details

    @property
    def retry_after(self) -> int:
        """Seconds that the server asks to wait, 0 if it does not."""
        return int(self.details.get("retryAfterSeconds", 0))


class BadRequest(APIError):
    code, reason = 400, "BadRequest"


class Unauthorized(APIError):
    code, reason = 401, "Unauthorized"


class Forbidden(APIError):
    code, reason = 403, "Forbidden"


class NotFound(APIError):
    code, reason = 404, "NotFound"


class MethodNotAllowed(APIError):
    code, reason = 405, "MethodNotAllowed"


class NotAcceptable(APIError):
    code, reason = 406, "NotAcceptable"


class AlreadyExists(APIError):
    code, reason = 409, "AlreadyExists"


class Conflict(APIError):
    code, reason = 409, "Conflict"


class Gone(APIError):
    code, reason = 410, "Expired"


class RequestEntityTooLarge(APIError):
    code, reason = 413, "RequestEntityTooLarge"


class UnsupportedMediaType(APIError):
    code, reason = 415, "UnsupportedMediaType"


class Invalid(APIError):
    code, reason = 422, "Invalid"


class TooManyRequests(APIError):
    code, reason = 429, "TooManyRequests"


class InternalError(APIError):
    code, reason = 500, "InternalError"


class ServiceUnavailable(APIError):
    code, reason = 503, "ServiceUnavailable"


class Timeout(APIError):
    code, reason = 504, "Timeout"


_BY_CODE: dict[int, type[APIError]] = {
    error.code: error
    for error in (
        BadRequest, Unauthorized, Forbidden, NotFound, MethodNotAllowed, NotAcceptable, Conflict, Gone,
        RequestEntityTooLarge, UnsupportedMediaType, Invalid, TooManyRequests, InternalError,
        ServiceUnavailable, Timeout,
    )
}  # fmt: skip


def from_status(status: dict[str, Any], code: int = 0) -> APIError:
    """The exception for a Status that a server sent; `code` is the HTTP status if the body has none."""
    number = int(status.get("code") or code or 500)
    family = _BY_CODE.get(number, APIError)
    if status.get("reason") == "AlreadyExists":
        family = AlreadyExists
    error = family(str(status.get("message") or f"the server answered {number}"))
    error.status = {**error.status, **status, "code": number}
    return error


def _details(kind: Kind | None, name: str = "", **more: Any) -> dict[str, Any]:
    details: dict[str, Any] = {}
    if name:
        details["name"] = name
    if kind is not None:
        if kind.group:
            details["group"] = kind.group
        details["kind"] = kind.resource
    details.update({key: value for key, value in more.items() if value})
    return details


def not_found(kind: Kind, name: str) -> NotFound:
    return NotFound(f'{kind.group_resource} "{name}" not found', details=_details(kind, name))


def path_not_found() -> NotFound:
    """For a path that nothing is served at."""
    return NotFound("the server could not find the requested resource", details={})


def already_exists(kind: Kind, name: str) -> AlreadyExists:
    return AlreadyExists(f'{kind.group_resource} "{name}" already exists', details=_details(kind, name))


def not_unique(error: AlreadyExists) -> AlreadyExists:
    """The same for an object that asked for a generated name."""
    message = f"{error.message}, the server was not able to generate a unique name for the object"
    return AlreadyExists(message, details={**error.details, "retryAfterSeconds": 1})


def conflict(kind: Kind, name: str, why: str) -> Conflict:
    """`why` ends the sentence `Operation cannot be fulfilled on pods "x": ...`."""
    return Conflict(
        f'Operation cannot be fulfilled on {kind.group_resource} "{name}": {why}',
        details=_details(kind, name),
    )


MODIFIED = "the object has been modified; please apply your changes to the latest version and try again"


def forbidden(kind: Kind, name: str, why: str) -> Forbidden:
    return Forbidden(f'{kind.group_resource} "{name}" is forbidden: {why}', details=_details(kind, name))


def invalid(kind: Kind, name: str, causes: Sequence[dict[str, str]]) -> Invalid:
    """`causes` are Status causes: reason, message, field. The message joins them as upstream does."""
    texts = [
        f"{cause['field']}: {cause['message']}" if cause.get("field") else cause["message"]
        for cause in causes
    ]
    texts = list(dict.fromkeys(texts))
    joined = texts[0] if len(texts) == 1 else "[" + ", ".join(texts) + "]"
    details: dict[str, Any] = {}
    if name:
        details["name"] = name
    if kind.group:
        details["group"] = kind.group
    if kind.kind:
        details["kind"] = kind.kind
    details["causes"] = list(causes)
    return Invalid(f'{kind.group_kind} "{name}" is invalid: {joined}', details=details)


def too_many_requests(message: str, seconds: int) -> TooManyRequests:
    return TooManyRequests(message, details={"retryAfterSeconds": seconds})


def expired(message: str) -> Gone:
    return Gone(message)


def success(kind: Kind, name: str, uid: str) -> dict[str, Any]:
    """What DELETE answers when the object is gone at once."""
    return {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Success",
        "details": _details(kind, name, uid=uid),
    }


def aggregate(errors: Iterable[BaseException]) -> str:
    """Several messages as one, the way upstream joins them."""
    texts = list(dict.fromkeys(str(error) for error in errors))
    return texts[0] if len(texts) == 1 else "[" + ", ".join(texts) + "]"
