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
    """A JSON patch does not fit the object: 422, which does not say why (`why` is for those who call)."""

    def __init__(self, why: str) -> None:
        super().__init__(_REJECTED, details={})
        self.why = why
