"""One informer for each kind and selection in a process, whoever asks; all start and stop together."""

from __future__ import annotations

from pybernetes.api.kinds import Kind
from pybernetes.client.informer import SharedInformer
from pybernetes.client.interface import Client, Slims
from pybernetes.lib.clock import Clock, RealClock
from pybernetes.lib.tasks import Tasks

_Selection = tuple[Kind, str | None, str, str, type | None]


class InformerFactory:
    """Implements `client.interface.Informers`. An informer asked for after `start` starts at once."""

    def __init__(self, client: Client, clock: Clock | None = None) -> None:
        self.tasks = Tasks("informers")
        self._client = client
        self._clock = clock or RealClock()
        self._informers: dict[_Selection, SharedInformer] = {}
        self._started = False

    def informer(
        self,
        kind: Kind,
        *,
        namespace: str | None = None,
        field_selector: str = "",
        label_selector: str = "",
        slimmer: Slims | None = None,
    ) -> SharedInformer:
        kept = type(slimmer) if slimmer is not None else None
        selection = (kind, namespace, field_selector, label_selector, kept)
        found = self._informers.get(selection)
        if found is None:
            found = SharedInformer(
                self._client,
                kind,
                self._clock,
                namespace=namespace,
                field_selector=field_selector,
                label_selector=label_selector,
                slimmer=slimmer,
            )
            self._informers[selection] = found
            if self._started:
                self._run(found)
        return found

    async def start(self) -> None:
        if not self._started:
            self._started = True
            for informer in self._informers.values():
                self._run(informer)

    def _run(self, informer: SharedInformer) -> None:
        self.tasks.spawn(informer.run(), informer.kind.group_resource, eternal=True)

    async def wait_synced(self) -> None:
        for informer in list(self._informers.values()):
            await informer.wait_synced()

    async def close(self) -> None:
        await self.tasks.close()
