"""Who owns whom, for every object of the cluster. Pure state: changes in, uids to look at out.

A `Node` is as little of an object as collecting needs. Dependents are kept by their owner's uid, whether or
not that owner has been seen: an owner that nobody has seen is to be verified at the server through its
dependents.
Source of the rules: https://kubernetes.io/docs/concepts/architecture/garbage-collection/
"""

from __future__ import annotations

from dataclasses import dataclass, field

from pybernetes.api.kinds import Kind
from pybernetes.controllers.objects import FOREGROUND_FINALIZER, ORPHAN_FINALIZER, Object


@dataclass(slots=True)
class Node:
    """`owners` maps an owner's uid to whether this dependent blocks its foreground deletion."""

    uid: str
    kind: Kind
    namespace: str
    name: str
    owners: dict[str, bool]
    deleting: bool = False
    foreground: bool = False
    orphaning: bool = False

    @property
    def text(self) -> str:
        return f"{self.kind.resource}/{self.namespace}/{self.name}".replace("//", "/")


@dataclass(slots=True)
class Effects:
    """`delete`: attempt the deletion of these; `orphan`: free the dependents of these; `verify`: owners unknown."""

    delete: list[str] = field(default_factory=list)
    orphan: list[str] = field(default_factory=list)
    verify: list[str] = field(default_factory=list)


def node_of(kind: Kind, obj: Object) -> Node:
    meta = obj["metadata"]
    owners = {
        one["uid"]: bool(one.get("blockOwnerDeletion"))
        for one in meta.get("ownerReferences") or ()
        if one.get("uid")
    }
    deleting = bool(meta.get("deletionTimestamp"))
    finalizers = meta.get("finalizers") or () if deleting else ()
    return Node(
        meta["uid"],
        kind,
        meta.get("namespace") or "",
        meta["name"],
        owners,
        deleting,
        FOREGROUND_FINALIZER in finalizers,
        ORPHAN_FINALIZER in finalizers,
    )


class Graph:
    """All nodes by uid, and dependents by owner."""

    def __init__(self) -> None:
        self.nodes: dict[str, Node] = {}
        self._dependents: dict[str, set[str]] = {}

    def dependents(self, uid: str) -> list[Node]:
        return [self.nodes[one] for one in self._dependents.get(uid, ())]

    def blocking(self, uid: str) -> list[Node]:
        """The dependents that hold up the foreground deletion of `uid`."""
        return [one for one in self.dependents(uid) if one.owners.get(uid)]

    def put(self, node: Node) -> Effects:
        """An object was added or changed."""
        old = self.nodes.get(node.uid)
        self.nodes[node.uid] = node
        effects = Effects()
        before = old.owners if old else {}
        for uid in before.keys() - node.owners.keys():
            self._unlink(uid, node.uid)
        for uid in node.owners:
            self._dependents.setdefault(uid, set()).add(node.uid)
        if old is not None:
            for uid, blocked in before.items():
                if blocked and not node.owners.get(uid):
                    self._recheck(uid, effects)
        if any(self.is_strange(node, uid) for uid in node.owners.keys() - before.keys()):
            effects.verify.append(node.uid)
        if node.orphaning and not (old and old.orphaning):
            effects.orphan.append(node.uid)
        if node.foreground and not (old and old.foreground):
            effects.delete.extend(one.uid for one in self.dependents(node.uid))
            effects.delete.append(node.uid)
        return effects

    def remove(self, uid: str) -> Effects:
        """An object is gone: its dependents lose an owner, and owners that waited for it may go on."""
        effects = Effects()
        node = self.nodes.pop(uid, None)
        if node is None:
            return effects
        for owner in node.owners:
            self._unlink(owner, uid)
            self._recheck(owner, effects)
        effects.delete.extend(one.uid for one in self.dependents(uid))
        return effects

    def drop_kind(self, kind: Kind) -> None:
        """Forget all objects of a kind that is no longer served, without consequences."""
        for uid in [uid for uid, node in self.nodes.items() if node.kind == kind]:
            node = self.nodes.pop(uid)
            for owner in node.owners:
                self._unlink(owner, uid)

    def is_strange(self, node: Node, owner_uid: str) -> bool:
        """True for an owner that has not been seen, or lives where it cannot own this dependent."""
        owner = self.nodes.get(owner_uid)
        return owner is None or (bool(owner.namespace) and owner.namespace != node.namespace)

    def strangers(self) -> list[str]:
        """All nodes with an owner that has not been seen."""
        return [
            node.uid for node in self.nodes.values() if any(self.is_strange(node, uid) for uid in node.owners)
        ]

    def _recheck(self, owner_uid: str, effects: Effects) -> None:
        owner = self.nodes.get(owner_uid)
        if owner is not None and owner.foreground:
            effects.delete.append(owner_uid)

    def _unlink(self, owner: str, dependent: str) -> None:
        entry = self._dependents.get(owner)
        if entry is not None:
            entry.discard(dependent)
            if not entry:
                del self._dependents[owner]
