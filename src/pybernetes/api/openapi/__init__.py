"""The OpenAPI documents of the built-in kinds, made when asked for; the caller encodes and keeps the bytes.

`v3_index(kinds)` is what /openapi/v3 answers, `v3_document(path, kinds)` one document below it (`api/v1`,
`apis/apps/v1`), `v2_document(kinds)` is /openapi/v2. kubectl validates, explains and applies with them:
writes state `fieldValidation` and `dryRun`, operations and types state their group, version and kind.
Parts of the documents are JSON already (`msgspec.Raw`): encode them with msgspec.
Source of the form: OpenAPI 3.0.0 and 2.0, and the Kubernetes documentation page "The Kubernetes API".
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from functools import cache
from importlib import resources
from typing import Any

from pybernetes import KUBERNETES_VERSION
from pybernetes.api.kinds import Kind
from pybernetes.api.openapi.paths import paths_of
from pybernetes.api.openapi.schemas import V2, V3, Schemas

Object = dict[str, Any]

TITLE = "Kubernetes"


def v3_paths(kinds: Iterable[Kind]) -> list[str]:
    """The documents that there are: `api/v1`, `apis/apps/v1`, ..."""
    return list(dict.fromkeys(kind.prefix.lstrip("/") for kind in kinds))


def v3_index(kinds: Sequence[Kind]) -> Object:
    """Where each document is; the hash in its URL changes when the document does."""
    return {
        "paths": {
            path: {"serverRelativeURL": f"/openapi/v3/{path}?hash={v3_hash(path, kinds)}"}
            for path in v3_paths(kinds)
        }
    }


def v3_hash(path: str, kinds: Sequence[Kind]) -> str:
    """A fingerprint of a document, also its ETag, without making the document."""
    digest = hashlib.sha256(_facts_digest())
    digest.update(path.encode())
    for kind in kinds:
        if kind.prefix.lstrip("/") == path:
            digest.update(repr(kind).encode())
    return digest.hexdigest().upper()


@cache
def _facts_digest() -> bytes:
    file = resources.files("pybernetes.api.facts").joinpath("schemas.json")
    return hashlib.sha256(file.read_bytes()).digest()


def v3_document(path: str, kinds: Sequence[Kind], version: str = KUBERNETES_VERSION) -> Object | None:
    """The OpenAPI v3 document of one group and version, or None when no kind is served there."""
    members = [kind for kind in kinds if kind.prefix.lstrip("/") == path]
    if not members:
        return None
    schemas = Schemas(V3)
    paths = paths_of(members, schemas)
    return {
        "openapi": "3.0.0",
        "info": {"title": TITLE, "version": version},
        "paths": paths,
        "components": {
            "schemas": schemas.definitions(),
            "securitySchemes": {
                "BearerToken": {
                    "type": "apiKey",
                    "description": "Bearer Token authentication",
                    "name": "authorization",
                    "in": "header",
                }
            },
        },
    }


def v2_document(kinds: Sequence[Kind], version: str = KUBERNETES_VERSION) -> Object:
    """The OpenAPI v2 document of everything."""
    schemas = Schemas(V2)
    paths = paths_of(kinds, schemas)
    return {
        "swagger": "2.0",
        "info": {"title": TITLE, "version": version},
        "paths": paths,
        "definitions": schemas.definitions(),
        "securityDefinitions": {
            "BearerToken": {
                "description": "Bearer Token authentication",
                "type": "apiKey",
                "name": "authorization",
                "in": "header",
            }
        },
        "security": [{"BearerToken": []}],
    }
