"""The namespace controller: a namespace that is being deleted is emptied, says how far that is, and is let go.

In: terminating namespaces. Out: deletions of everything in them (pods first), conditions in their status,
and at the end the removal of the `kubernetes` finalizer.
Source: https://kubernetes.io/docs/tasks/administer-cluster/namespaces/#deleting-a-namespace
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from pybernetes.api.errors import APIError, MethodNotAllowed, NotFound
from pybernetes.api.kinds import NAMESPACES, PODS, Kind
from pybernetes.api.times import format_time
from pybernetes.client.interface import Object
from pybernetes.controllers.actions import Update
from pybernetes.controllers.discovery import DiscoveryFailed, discover
from pybernetes.controllers.objects import is_deleting, with_kind
from pybernetes.controllers.reconciler import Context, Reconciler
from pybernetes.semantics.pods import get_condition, transition_time

FINALIZER = "kubernetes"


@dataclass(slots=True)
class Remaining:
    """What one pass over a namespace found: counts by resource and by finalizer, and what went wrong."""

    resources: Counter[str] = field(default_factory=Counter)
    finalizers: Counter[str] = field(default_factory=Counter)
    discovery: str = ""
    errors: list[str] = field(default_factory=list)
    grace: float = 0.0

    @property
    def empty(self) -> bool:
        return not self.resources and not self.errors and not self.discovery

    def count(self, kind: Kind, items: Iterable[Object]) -> None:
        for item in items:
            self.resources[f"{kind.resource}.{kind.group}"] += 1
            self.finalizers.update(item["metadata"].get("finalizers") or ())


def in_order(kinds: Iterable[Kind]) -> list[Kind]:
    """What is deleted in a namespace, pods before all else."""
    wanted = [
        kind
        for kind in kinds
        if kind.namespaced
        and {"list", "delete"} <= set(kind.verbs)
        and kind.group_resource != "events.events.k8s.io"
    ]
    return sorted(wanted, key=lambda kind: kind is not PODS)


def conditions(old: Iterable[dict[str, Any]], found: Remaining, now: datetime) -> list[dict[str, Any]]:
    """The five conditions of a terminating namespace; those that hold from before keep their times."""
    wanted = [
        (
            "NamespaceDeletionDiscoveryFailure",
            bool(found.discovery),
            "DiscoveryFailed" if found.discovery else "ResourcesDiscovered",
            f"Discovery failed for some groups, {found.discovery}"
            if found.discovery
            else "All resources successfully discovered",
        ),
        (
            "NamespaceDeletionGroupVersionParsingFailure",
            False,
            "ParsedGroupVersions",
            "All legacy kube types successfully parsed",
        ),
        (
            "NamespaceDeletionContentFailure",
            bool(found.errors),
            "ContentDeletionFailed" if found.errors else "ContentDeleted",
            f"Failed to delete all resource types, {len(found.errors)} remaining: {', '.join(sorted(found.errors))}"
            if found.errors
            else "All content successfully deleted, may be waiting on finalization",
        ),
        (
            "NamespaceContentRemaining",
            bool(found.resources),
            "SomeResourcesRemain" if found.resources else "ContentRemoved",
            "Some resources are remaining: "
            + ", ".join(
                f"{name} has {count} resource instances" for name, count in sorted(found.resources.items())
            )
            if found.resources
            else "All content successfully removed",
        ),
        (
            "NamespaceFinalizersRemaining",
            bool(found.finalizers),
            "SomeFinalizersRemain" if found.finalizers else "ContentHasNoFinalizers",
            "Some content in the namespace has finalizers remaining: "
            + ", ".join(
                f"{name} in {count} resource instances" for name, count in sorted(found.finalizers.items())
            )
            if found.finalizers
            else "All content-preserving finalizers finished",
        ),
    ]
    present = {"conditions": list(old)}
    moment = format_time(now)
    result = [one for one in present["conditions"] if one.get("type") not in {name for name, *_ in wanted}]
    for type, truth, reason, message in wanted:
        status = "True" if truth else "False"
        since = transition_time(get_condition(present, type), status, moment)
        result.append(
            {
                "type": type,
                "status": status,
                "reason": reason,
                "message": message,
                "lastTransitionTime": since,
            }
        )
    return result


def grace_of(pods: Iterable[Object]) -> float:
    """How long these pods may take to end, at most."""
    return max(
        (
            float(pod["spec"].get("terminationGracePeriodSeconds") or 0)
            for pod in pods
            if (pod.get("status") or {}).get("phase") not in ("Succeeded", "Failed")
        ),
        default=0.0,
    )


class NamespaceController(Reconciler):
    name = "namespace-controller"
    source = "namespace-controller"

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self.workers = context.options.concurrent_namespace_syncs

    def watch(self) -> None:
        self.namespaces = self.informer(NAMESPACES)
        self.namespaces.add_handler(added=self._seen, updated=lambda old, new: self._seen(new))
        self.pods = self.informer(PODS)
        self.pods.add_handler(deleted=self._pod_deleted)

    def _seen(self, namespace: Object) -> None:
        if is_deleting(namespace):
            self.queue.add(namespace["metadata"]["name"])

    def _pod_deleted(self, pod: Object) -> None:
        """The last pod is mostly what a namespace waits for."""
        name = pod["metadata"]["namespace"]
        namespace = self.namespaces.store.get(name)
        if namespace is not None and is_deleting(namespace) and not self.pods.store.list(name):
            self.queue.add(name)

    async def sync(self, key: str) -> None:
        cached = self.namespaces.store.get(key)
        if cached is None or not is_deleting(cached):
            return
        try:
            namespace = with_kind(await self.client.get(NAMESPACES, None, key), NAMESPACES)
        except NotFound:
            return
        if not (namespace.get("spec") or {}).get("finalizers"):
            return
        found = await self._empty(key)
        status = {**(namespace.get("status") or {}), "phase": "Terminating"}
        status["conditions"] = conditions(status.get("conditions") or (), found, self.clock.now())
        if status != namespace.get("status"):
            namespace = await self.client.update_status(NAMESPACES, {**namespace, "status": status})
        if found.empty:
            await self._finalize(namespace)
        elif found.errors or not found.grace:
            self.queue.add_rate_limited(key)
        else:
            self.queue.add_after(key, found.grace / 2 + 1)

    async def _finalize(self, namespace: Object) -> None:
        spec = namespace.get("spec") or {}
        left = [one for one in spec.get("finalizers") or () if one != FINALIZER]
        await self.act(Update(NAMESPACES, {**namespace, "spec": {**spec, "finalizers": left}}, "finalize"))

    async def _empty(self, namespace: str) -> Remaining:
        """Ask for the deletion of everything; what is still there afterwards is counted."""
        found = Remaining()
        try:
            kinds = await discover(self.client)
        except DiscoveryFailed as error:
            kinds = error.found
            found.discovery = f"{len(error.failed)} failing: {error}"
        for kind in in_order(kinds):
            try:
                left = await self._delete_kind(kind, namespace)
            except (NotFound, MethodNotAllowed):
                continue
            except APIError as error:
                found.errors.append(f"{kind.group_resource}: {error}")
                continue
            found.count(kind, left)
            if kind is PODS and left:
                found.grace = grace_of(left)
                # Whatever else is there may be needed by pods that are still ending.
                return found
        return found

    async def _delete_kind(self, kind: Kind, namespace: str) -> list[Object]:
        """What of the kind is left after asking for its deletion."""
        items: list[Object] = (await self.client.list(kind, namespace))["items"]
        if not items:
            return []
        if any(not is_deleting(item) for item in items):
            if "deletecollection" in kind.verbs:
                await self.client.delete_collection(kind, namespace, propagation_policy="Background")
            else:
                for item in items:
                    await self.client.delete(
                        kind, namespace, item["metadata"]["name"], propagation_policy="Background"
                    )
            items = (await self.client.list(kind, namespace))["items"]
        return items
