"""The three ways to patch an object: `json_patch`, `merge_patch` and `strategic_merge_patch`.

Each module has an `apply` that takes decoded JSON and answers a new object which shares nothing with the old
one. A patch that makes no sense raises `PatchError`: 400 when it is malformed, 422 when it does not fit the
object.
"""

from __future__ import annotations

from pybernetes.api.patch import json_patch, merge_patch, strategic_merge_patch
from pybernetes.api.patch.errors import MalformedPatch, PatchError, UnfitPatch

__all__ = [
    "MalformedPatch",
    "PatchError",
    "UnfitPatch",
    "json_patch",
    "merge_patch",
    "strategic_merge_patch",
]
