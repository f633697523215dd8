"""Which form an answer takes: an Accept header in, an `AnswerForm` out.

A form is a media type and, for objects and lists, what they are shown as: themselves, a Table, or their
metadata only. https://kubernetes.io/docs/reference/using-api/api-concepts/#alternate-representations-of-resources
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from pybernetes.api.errors import NotAcceptable

JSON = "application/json"
YAML = "application/yaml"
PROTOBUF = "application/vnd.kubernetes.protobuf"

_META_GROUP = "meta.k8s.io"
_SHOWN_AS = frozenset(("Table", "PartialObjectMetadata", "PartialObjectMetadataList"))


@dataclass(slots=True, frozen=True)
class MediaRange:
    """One element of an Accept header."""

    type: str
    params: tuple[tuple[str, str], ...]
    quality: float

    def param(self, name: str) -> str:
        return next((value for key, value in self.params if key == name), "")


@dataclass(slots=True, frozen=True)
class AnswerForm:
    """`shown_as` is "" or one of Table, PartialObjectMetadata, PartialObjectMetadataList; `version` goes with it."""

    media_type: str = JSON
    shown_as: str = ""
    version: str = "v1"

    @property
    def plain(self) -> bool:
        """JSON of the objects themselves: what can be spliced from bytes at rest."""
        return self.media_type == JSON and not self.shown_as

    @property
    def content_type(self) -> str:
        return self.media_type


PLAIN = AnswerForm()


@lru_cache(maxsize=512)
def parse_accept(header: str) -> tuple[MediaRange, ...]:
    """The ranges, best first; of equal quality the first named comes first."""
    ranges = []
    for element in header.split(","):
        main, *rest = (part.strip() for part in element.split(";"))
        if not main:
            continue
        quality = 1.0
        params = []
        for part in rest:
            name, _, value = part.partition("=")
            name, value = name.strip().lower(), value.strip().strip('"')
            if name == "q":
                try:
                    quality = float(value)
                except ValueError:
                    quality = 1.0
            elif name:
                params.append((name, value))
        ranges.append(MediaRange(main.lower(), tuple(params), quality))
    return tuple(sorted(ranges, key=lambda one: -one.quality))


def _media_type(accepted: str, offered: tuple[str, ...]) -> str:
    if accepted in offered:
        return accepted
    if accepted in ("*/*", "*"):
        return offered[0]
    if accepted.endswith("/*"):
        start = accepted[:-1]
        return next((one for one in offered if one.startswith(start)), "")
    return ""


@lru_cache(maxsize=512)
def negotiate(header: str, offered: tuple[str, ...], shown: frozenset[str] = frozenset()) -> AnswerForm:
    """The best form among `offered` media types; `shown` are the representations that may be asked for.

    Protobuf is for those who take nothing else: JSON is there already, as stored. Raises
    NotAcceptable in upstream's words.
    """
    if not header.strip():
        return AnswerForm(offered[0])
    for accepted in parse_accept(header):
        media_type = _media_type(accepted.type, offered)
        if not media_type:
            continue
        shown_as = accepted.param("as")
        if media_type == PROTOBUF and shown_as == "Table":
            continue
        if not shown_as:
            if media_type == PROTOBUF and any(_media_type(one.type, (JSON,)) for one in parse_accept(header)):
                return AnswerForm(JSON)
            return AnswerForm(media_type)
        version = accepted.param("v")
        if shown_as in shown and accepted.param("g") == _META_GROUP and version in ("v1", "v1beta1"):
            return AnswerForm(media_type, shown_as, version)
    if not any(_media_type(one.type, offered) for one in parse_accept(header)):
        streams = (
            [f"{one};stream=watch" for one in offered if one != YAML]
            if shown is LIST_FORMS or shown is WATCH_FORMS
            else []
        )
        available = ", ".join([*offered, *streams])
        raise NotAcceptable(f"406: Not Acceptable\n\nAvailable representations: {available}", details={})
    raise NotAcceptable(f"only the following media types are accepted: {', '.join(offered)}")


OBJECT_FORMS = frozenset(("Table", "PartialObjectMetadata"))
LIST_FORMS = frozenset(("Table", "PartialObjectMetadataList"))
WATCH_FORMS = frozenset(("Table", "PartialObjectMetadata"))


def media_type_of(content_type: str) -> str:
    """`Application/JSON; charset=utf-8` -> `application/json`."""
    return content_type.partition(";")[0].strip().lower()
