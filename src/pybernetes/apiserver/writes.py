"""A write on its way to the store: what strategies, validation and admission look at and may change."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pybernetes.api.errors import invalid
from pybernetes.api.fields import FieldError, status_causes
from pybernetes.apiserver.auth.user import User

if TYPE_CHECKING:
    from pybernetes.apiserver.app import APIServer
    from pybernetes.apiserver.context import Context
    from pybernetes.apiserver.parameters import WriteOptions
    from pybernetes.apiserver.resources import Resource

Object = dict[str, Any]

UNKNOWN_MANAGER = "unknown"

CREATE, UPDATE, DELETE, CONNECT = "CREATE", "UPDATE", "DELETE", "CONNECT"


@dataclass(slots=True)
class Write:
    """`object` is what will be stored (mutable), `old` what is stored now (read only, None on create).

    `creates_missing` lets an update create what is not there (apply); `ledger` is the managedFields that apply has
    worked out, None when the write is booked as an ordinary one.
    `undo` holds what takes back allocations when the write does not happen; `warn` ends up in Warning headers.
    """

    server: APIServer
    user: User
    resource: Resource
    operation: str
    namespace: str
    name: str
    object: Object
    warn: Callable[[str], None]
    old: Object | None = None
    subresource: str = ""
    dry_run: bool = False
    field_manager: str = ""
    creates_missing: bool = False
    ledger: list[Object] | None = None
    options: Object = field(default_factory=dict)
    undo: list[Callable[[], Awaitable[None]]] = field(default_factory=list)

    @property
    def previous(self) -> Object:
        """`old` where there must be one."""
        assert self.old is not None
        return self.old

    async def take_back(self) -> None:
        """Undo allocations, last first."""
        while self.undo:
            await self.undo.pop()()


def write_of(
    context: Context, resource: Resource, operation: str, options: WriteOptions, obj: Object | None = None
) -> Write:
    """The write that a request asks for, of the object that its path names.

    The field manager of a client that names none is what its User-Agent begins with.
    """
    info = context.info
    return Write(
        server=context.server,
        user=context.user,
        resource=resource,
        operation=operation,
        namespace=info.namespace,
        name=info.name,
        object={} if obj is None else obj,
        warn=context.warn,
        subresource=info.subresource,
        dry_run=options.dry_run,
        field_manager=options.field_manager or _manager_of(context),
    )


def _manager_of(context: Context) -> str:
    return context.request.headers.get("user-agent").partition("/")[0][:128]


def manager_of(context: Context, options: WriteOptions) -> str:
    """Who writes, for managedFields."""
    return options.field_manager or _manager_of(context) or UNKNOWN_MANAGER


def deletion_of(context: Context, resource: Resource, namespace: str, name: str, options: Object) -> Write:
    """The deletion of an object as DeleteOptions want it."""
    return Write(
        server=context.server,
        user=context.user,
        resource=resource,
        operation=DELETE,
        namespace=namespace,
        name=name,
        object={},
        warn=context.warn,
        dry_run=bool(options.get("dryRun")),
        options=options,
    )


def refuse(write: Write, errors: list[FieldError]) -> None:
    """422 when there is anything to refuse."""
    if errors:
        conversion = write.resource.conversion
        kind = conversion.stored_as if conversion is not None else write.resource.kind
        raise invalid(kind, write.name, status_causes(errors))
