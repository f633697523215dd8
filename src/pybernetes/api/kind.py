"""What a kind is: its names, where it is served, and what can be done with it. All built-in ones are in `kinds.py`.

A `Kind` is what client, informers and the API server pass around to say "pods" or "deployments".
"""

from __future__ import annotations

from dataclasses import dataclass, field

ALL_VERBS = ("create", "delete", "deletecollection", "get", "list", "patch", "update", "watch")


@dataclass(frozen=True, slots=True)
class Subresource:
    """`pods/status`, `deployments/scale`: a part of an object with verbs of its own.

    `kind` names what it takes and gives (group, version, kind), "" for the parent's own kind.
    """

    name: str
    verbs: tuple[str, ...] = ("get", "patch", "update")
    group: str = ""
    version: str = ""
    kind: str = ""


@dataclass(frozen=True, slots=True)
class Kind:
    """One resource of one group and version. `group` is "" for core; `resource` is the plural in URLs."""

    group: str
    version: str
    kind: str
    resource: str
    namespaced: bool = True
    short_names: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    verbs: tuple[str, ...] = ALL_VERBS
    subresources: tuple[Subresource, ...] = ()
    selectable: tuple[str, ...] = field(default=())
    """Field selectors beyond metadata.name and metadata.namespace, such as spec.nodeName."""

    def __hash__(self) -> int:
        # kinds are keys of many tables: hashing every field took microseconds a request
        return hash(self.resource)

    @property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def list_kind(self) -> str:
        return self.kind + "List"

    @property
    def singular(self) -> str:
        return self.kind.lower()

    @property
    def group_resource(self) -> str:
        """`deployments.apps`, as upstream writes it in messages; `pods` for core."""
        return f"{self.resource}.{self.group}" if self.group else self.resource

    @property
    def group_kind(self) -> str:
        """`Deployment.apps`, as upstream writes it in messages; `Pod` for core."""
        return f"{self.kind}.{self.group}" if self.group else self.kind

    @property
    def prefix(self) -> str:
        """The path of the group and version: `/api/v1` or `/apis/apps/v1`."""
        return f"/apis/{self.group}/{self.version}" if self.group else f"/api/{self.version}"

    def path(self, namespace: str | None = None, name: str | None = None, subresource: str = "") -> str:
        """The URL path of a collection, an object or a subresource; no namespace: all, or cluster scoped."""
        parts = [self.prefix]
        if self.namespaced and namespace:
            parts.append(f"namespaces/{namespace}")
        parts.append(self.resource)
        if name:
            parts.append(name)
        if subresource:
            parts.append(subresource)
        return "/".join(parts)

    def subresource(self, name: str) -> Subresource | None:
        return next((sub for sub in self.subresources if sub.name == name), None)
