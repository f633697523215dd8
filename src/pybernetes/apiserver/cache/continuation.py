"""Continue tokens: where the next page of a list begins, and at which revision the list is.

The form is upstream's (base64 of a small JSON object), but clients must not look inside.
"""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode

import msgspec

from pybernetes.api.errors import BadRequest, Gone
from pybernetes.api.json_errors import what_is_wrong

_VERSION = "meta.k8s.io/v1"
_BAD = "invalid continue token: continue key is not valid"

LIST_EXPIRED = (
    "The provided continue parameter is too old to display a consistent list result. "
    "You can start a new list without the continue parameter, or use the continue token in this response to "
    "retrieve the remainder of the results. Continuing with the provided token results in an inconsistent list - "
    "objects that were created, modified, or deleted between the time the first chunk was returned and now may "
    "show up in the list."
)
REVISION_EXPIRED = "The resourceVersion for the provided list is too old."


class _Token(msgspec.Struct):
    v: str = ""
    rv: int = 0
    start: str = ""


def make(revision: int, last_key: str) -> str:
    """A token for the page that follows `last_key`."""
    text = msgspec.json.encode(_Token(_VERSION, revision, last_key + "\0"))
    return urlsafe_b64encode(text).rstrip(b"=").decode()


def read(token: str) -> tuple[int, str]:
    """(revision, first key). -1 as the revision: whatever there is now. Raises BadRequest."""
    data = b""
    try:
        data = urlsafe_b64decode((token + "=" * (-len(token) % 4)).encode())
        found = msgspec.json.decode(data, type=_Token)
    except (ValueError, msgspec.MsgspecError) as error:
        raise BadRequest(f"{_BAD}: {what_is_wrong(data) or error}") from None
    if found.v != _VERSION:
        raise BadRequest(f"{_BAD}: server does not recognize this encoded version {found.v}")
    if not found.rv or not found.start:
        raise BadRequest(f"{_BAD}: incorrect encoded start resourceVersion (version {_VERSION})")
    if ".." in found.start.split("/"):
        raise BadRequest(f"{_BAD}: {found.start}")
    return found.rv, found.start


def expired(first_key: str) -> Gone:
    """The error for a token whose revision is gone, with a token that goes on inconsistently."""
    error = Gone(LIST_EXPIRED)
    error.status["metadata"] = {"continue": make(-1, first_key.rstrip("\0"))}
    return error
