"""Image references: is it one, what registry and tag does it mean.

Grammar: https://github.com/distribution/reference (domain, path, tag, digest).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_ALNUM = r"[a-z0-9]+"
_PART = rf"{_ALNUM}(?:(?:\.|_|__|-+){_ALNUM})*"
_PATH = re.compile(rf"{_PART}(?:/{_PART})*")
_DOMAIN = re.compile(
    r"(?:[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?(?:\.[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?)*|\[[a-fA-F0-9:]+\])(?::[0-9]+)?"
)
_TAG = re.compile(r"\w[\w.-]{0,127}")
_DIGEST = re.compile(r"[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}")


class NameInvalid(ValueError):
    """Not an image reference; the text is upstream's."""


@dataclass(slots=True, frozen=True)
class ImageName:
    domain: str
    path: str
    tag: str = ""
    digest: str = ""


def parse(image: str) -> ImageName:
    """Short names mean docker.io, single words docker.io/library. Raises NameInvalid."""
    rest, at, digest = image.partition("@")
    if at and not _DIGEST.fullmatch(digest):
        raise NameInvalid("invalid reference format")
    name, colon, tag = rest.rpartition(":")
    if not colon or "/" in tag:
        name, tag = rest, ""
    elif not _TAG.fullmatch(tag):
        raise NameInvalid("invalid reference format")
    first, slash, remainder = name.partition("/")
    if slash and ("." in first or ":" in first or first == "localhost" or first != first.lower()):
        domain, path = first, remainder
    else:
        domain, path = "docker.io", name if slash else f"library/{name}"
    if domain == "index.docker.io":
        domain = "docker.io"
    if not _DOMAIN.fullmatch(domain) or not _PATH.fullmatch(path):
        if path != path.lower():
            raise NameInvalid("invalid reference format: repository name must be lowercase")
        raise NameInvalid("invalid reference format")
    return ImageName(domain, path, tag, digest)


def with_default_tag(image: str) -> str:
    """The reference as the runtime is asked for it: `nginx` becomes `nginx:latest`. Raises NameInvalid."""
    name = parse(image)
    return image if name.tag or name.digest else f"{image}:latest"
