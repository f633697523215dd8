"""What is wrong with a patch, as the Status that answers it."""

from __future__ import annotations

from pybernetes.api.errors import APIError

_REJECTED = "the server rejected our request due to an error in our request"


class PatchError(APIError):
    """A patch that cannot be applied."""

    code, reason = 422, "Invalid"


class MalformedPatch(PatchError):
    """The patch itself is broken: 400 with the reason as message."""

    code, reason = 400, "BadRequest"


class UnfitPatch(PatchError):
    """The patch does not fit the object: 422; the reason is the Status' cause."""

    def __init__(self, why: str) -> None:
        super().__init__(
            _REJECTED,
            details={"causes": [{"reason": "UnexpectedServerResponse", "message": why, "field": "patch"}]},
        )
        self.why = why
