"""What is asked for, as an authorizer sees it: upstream's request attributes."""

from __future__ import annotations

from typing import NamedTuple


class Attributes(NamedTuple):
    """A resource request has `resource`; any other has `path` only. `verb` is get, list, watch, create... or,
    for paths, the method in small letters."""

    verb: str
    group: str = ""
    version: str = ""
    resource: str = ""
    subresource: str = ""
    namespace: str = ""
    name: str = ""
    path: str = ""
    field_selector: str = ""
    """As sent; the node authorizer needs to see `spec.nodeName=...`."""

    @property
    def is_resource(self) -> bool:
        return bool(self.resource)

    @property
    def resource_path(self) -> str:
        """`pods/log`, the form that rules use."""
        return f"{self.resource}/{self.subresource}" if self.subresource else self.resource
