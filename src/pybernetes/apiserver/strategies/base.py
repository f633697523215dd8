"""What a kind may do differently from all others: `Strategy` holds the rules that fit most kinds.

A kind with rules of its own has one file here with a subclass; `strategies/__init__.py` says which.
Methods get the `Write` and change `write.object`; they never touch the store, except `allocate` and the
`after_` ones, which may take and give back addresses and the like.
"""

from __future__ import annotations

from pybernetes.api.fields import FieldError
from pybernetes.api.kinds import Kind
from pybernetes.api.validation import validate_create, validate_update
from pybernetes.apiserver.strategies import gates
from pybernetes.apiserver.strategies.first_status import first_status
from pybernetes.apiserver.writes import Object, Write

USERS_METADATA = ("labels", "annotations", "ownerReferences", "finalizers")
"""The parts of the metadata that clients write."""


class Strategy:
    """Rules of one kind. The defaults: status only through /status, spec changes count the generation."""

    counts_generation = False
    """Whether metadata.generation counts changes outside metadata and status."""

    create_on_update = False
    """Whether PUT of a name that does not exist creates it."""

    unconditional_update = True
    """Whether PUT without metadata.resourceVersion replaces whatever is there."""

    collected = True
    """Whether the garbage collector has to do with it, so that DELETE may leave dependents to it."""

    returns_deleted = False
    """Whether DELETE answers the object instead of a Status."""

    unmanaged: tuple[str, ...] = ()
    """The parts of a new object that its creator does not come to manage: the server says what is in them."""

    status_keeps: tuple[str, ...] = ()
    """The parts of the metadata that writes to /status leave alone."""

    orphans = False
    """Whether what it owns stays when DELETE does not say otherwise."""

    edits_deep = False
    """Whether updates change, in place, what lies deeper than two levels (a field of a list's item, say). The first
    two levels of `write.object` are its own; deeper parts may be shared with `write.old`, which nobody may change."""

    def __init__(self, kind: Kind) -> None:
        self.kind = kind
        self.has_status = kind.subresource("status") is not None
        self.first_status = first_status(kind)
        if self.has_status and not self.unmanaged:
            self.unmanaged = ("status",)
        self.switched_off = gates.SWITCHED_OFF.get(kind, ())

    # What is written

    def prepare_create(self, write: Write) -> None:
        """Drop what a client may not set and set what the server says."""
        if self.has_status:
            write.object["status"] = dict(self.first_status)
        if self.switched_off:
            gates.drop(write.object, {}, self.switched_off)

    def prepare_update(self, write: Write) -> None:
        """Keep what this door (`write.subresource`) does not lead to."""
        if write.subresource == "status":
            self.prepare_status(write)
        elif self.has_status:
            keep(write.object, write.previous, "status")
        if self.switched_off:
            gates.drop(write.object, write.previous, self.switched_off)

    def prepare_status(self, write: Write) -> None:
        """Everything but status and metadata stays as it is, and of the metadata what `status_keeps` says."""
        new, old = write.object, write.previous
        for field in [one for one in new if one not in _STATUS_WRITES]:
            del new[field]
        for field in old:
            if field not in _STATUS_WRITES:
                new[field] = old[field]
        keep(new["metadata"], old["metadata"], *self.status_keeps)

    def starts_generation(self) -> bool:
        """Whether metadata.generation of a new object is 1."""
        return self.counts_generation

    def spec_changed(self, write: Write) -> bool:
        """Whether metadata.generation counts on."""
        new, old = write.object, write.previous
        return any(
            new.get(field) != old.get(field) for field in {*new, *old} if field not in _OUTSIDE_GENERATION
        )

    # What is refused

    def validate_create(self, write: Write) -> list[FieldError]:
        return validate_create(self.kind, write.object)

    def validate_update(self, write: Write) -> list[FieldError]:
        return validate_update(self.kind, write.object, write.previous, write.subresource)

    # What is taken elsewhere

    async def allocate(self, write: Write) -> None:
        """Take what the object needs (addresses, ports) just before it is stored; `write.undo` gives it back."""

    async def after_commit(self, write: Write) -> None:
        """Give back what the stored object no longer needs."""

    async def after_delete(self, write: Write) -> None:
        """Give back what the deleted object (`write.old`) held."""

    # How it goes away

    def grace_period(self, obj: Object, asked: int | None) -> int | None:
        """Seconds between the request to delete and the end; None when it goes at once."""
        return None

    def mark_deleted(self, write: Write) -> None:
        """Change more of an object that is about to be terminating (`write.object`)."""

    def still_needed(self, obj: Object) -> bool:
        """Whether something beyond metadata.finalizers keeps a deleted object."""
        return False


_STATUS_WRITES = frozenset(("apiVersion", "kind", "metadata", "status"))
_OUTSIDE_GENERATION = frozenset(("apiVersion", "kind", "metadata", "status"))


def keep(new: Object, old: Object, *fields: str) -> None:
    """Make `fields` of `new` what they are in `old`."""
    for field in fields:
        if field in old:
            new[field] = old[field]
        else:
            new.pop(field, None)
