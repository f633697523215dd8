"""One pod's volumes over its life: made, rewritten when their sources change or a token ages, never two at a time."""

from __future__ import annotations

from collections.abc import Callable

from pybernetes.kubelet.container_starter import pod_ips
from pybernetes.kubelet.context import NodeContext
from pybernetes.kubelet.machine.model import Object, PodState
from pybernetes.kubelet.volumes.manager import Surroundings
from pybernetes.lib.clock import Timer


class PodVolumes:
    """`due` is called when a token has to be renewed: whoever is told calls `refresh`."""

    def __init__(self, node: NodeContext, state: PodState, due: Callable[[], None]) -> None:
        self._node = node
        self._state = state
        self._due = due
        self._renewal: Timer | None = None
        self._refreshing = False
        self._again = False
        self._closed = False

    def _around(self) -> Surroundings:
        ips = pod_ips(self._node, self._state)
        return Surroundings(ips, self._node.host_ips, self._node.allocatable)

    async def prepare(self) -> None:
        """Raises VolumeFailed, OSError."""
        self._node.layout.pod(self._state.meta["uid"]).mkdir(parents=True, exist_ok=True)
        await self._node.volumes.prepare(self._state.pod, self._around())
        self._plan_renewal()

    async def refresh(self) -> None:
        """Rewrite what changed; a call while one is under way makes that one start over at its end."""
        self._again = True
        if self._refreshing:
            return
        self._refreshing = True
        try:
            while self._again and not self._closed:
                self._again = False
                await self._node.volumes.refresh(self._state.pod, self._around())
        finally:
            self._refreshing = False
        self._plan_renewal()

    def show_addresses(self) -> bool:
        """Whether files show the pod's own address: they may have been written before it had one."""
        return any("status.podIP" in str(source) for source in _downward_sources(self._state.pod))

    def _plan_renewal(self) -> None:
        if self._renewal is not None:
            self._renewal.cancel()
            self._renewal = None
        due = self._node.references.renewal(self._state.meta["uid"])
        if due and not self._closed:
            delay = max(due - self._node.clock.now().timestamp(), 1)
            self._renewal = self._node.clock.call_later(delay, self._due)

    def close(self) -> None:
        self._closed = True
        if self._renewal is not None:
            self._renewal.cancel()


def _downward_sources(pod: Object) -> list[Object]:
    """What of the pod's volumes shows fields of the pod itself."""
    found = []
    for volume in pod["spec"].get("volumes") or ():
        found.append(volume.get("downwardAPI"))
        found += [
            source.get("downwardAPI") for source in (volume.get("projected") or {}).get("sources") or ()
        ]
    return [source for source in found if source]


def shown_otherwise(old: Object, new: Object) -> bool:
    """Whether files that show fields of the pod differ between two versions of it."""
    if not _downward_sources(new):
        return False
    if any(old["metadata"].get(field) != new["metadata"].get(field) for field in ("labels", "annotations")):
        return True
    return _resources(old) != _resources(new)


def _resources(pod: Object) -> list[Object | None]:
    return [container.get("resources") for container in pod["spec"].get("containers") or ()]
