"""JSON with line breaks, for people: when `?pretty=true` says so, and for curl, wget and browsers."""

from __future__ import annotations

import msgspec

from pybernetes.apiserver.negotiation import JSON
from pybernetes.apiserver.requestinfo import is_true
from pybernetes.lib.http.messages import Answer, Request, Response

_PEOPLE = ("curl", "Wget", "Mozilla/5.0")
_LONGEST = 256 * 1024
"""Bytes of a body beyond which nobody reads it line by line, and others would wait for it."""


def for_people(request: Request, answer: Answer) -> Answer:
    """The answer, with its JSON laid out when its reader seems to be a person."""
    if not isinstance(answer, Response) or not _wanted(request):
        return answer
    if answer.headers.get("content-type") != JSON:
        return answer
    body = answer.body if isinstance(answer.body, bytes) else b"".join(answer.body)
    if body and len(body) <= _LONGEST:
        answer.body = msgspec.json.format(body, indent=2)
    return answer


def _wanted(request: Request) -> bool:
    if "pretty" in request.raw_query:
        asked = request.query_value("pretty")
        if asked:
            return is_true(asked)
    return request.headers.get("user-agent").startswith(_PEOPLE)
