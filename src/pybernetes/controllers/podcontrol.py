"""Creating and deleting pods for a controller, with its events and its expectations. The I/O half of replica plans.

Creation goes in batches that double while all goes well (1, 2, 4, ...), so that a quota that is used up or a broken
webhook costs one refused request and not five hundred.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Hashable, Iterable, Sequence

from pybernetes.api.errors import APIError, Conflict, Forbidden, NotFound
from pybernetes.api.kinds import PODS
from pybernetes.client.interface import Client, Recorder, object_key
from pybernetes.controllers.expectations import Expectations
from pybernetes.controllers.objects import Object, name_of
from pybernetes.lib.clock import Clock

log = logging.getLogger(__name__)

BURST = 500
"""How many pods one reconciliation creates or deletes at most."""


def namespace_is_ending(error: BaseException) -> bool:
    """True for the refusal to create something in a namespace that is being deleted."""
    if not isinstance(error, Forbidden):
        return False
    causes = error.details.get("causes") or ()
    return any(cause.get("reason") == "NamespaceTerminating" for cause in causes)


async def slow_start(
    items: Sequence[Object], call: Callable[[Object], Awaitable[None]], initial: int = 1
) -> tuple[int, BaseException | None]:
    """Call for each item in doubling batches; after a batch with an error no further one starts.

    Answers how many succeeded, and the first error.
    """
    done, at, size = 0, 0, initial
    while at < len(items):
        batch = items[at : at + size]
        results = await asyncio.gather(*(call(item) for item in batch), return_exceptions=True)
        errors = [result for result in results if isinstance(result, BaseException)]
        done += len(batch) - len(errors)
        at += len(batch)
        if errors:
            for error in errors:
                if not isinstance(error, Exception):
                    raise error
            return done, errors[0]
        size *= 2
    return done, None


class PodControl:
    """For one controller: `about` in the calls is the owner that the events are about."""

    def __init__(
        self, client: Client, recorder: Recorder, clock: Clock, expectations: Expectations | None = None
    ) -> None:
        self.client = client
        self.recorder = recorder
        self.clock = clock
        self.expectations = expectations if expectations is not None else Expectations()

    async def create(self, about: Object, pod: Object) -> Object:
        """One pod, with the event that says so."""
        try:
            created = await self.client.create(PODS, pod)
        except APIError as error:
            if not namespace_is_ending(error):
                self.recorder.event(about, "Warning", "FailedCreate", f"Error creating: {error}")
            raise
        self.recorder.event(about, "Normal", "SuccessfulCreate", f"Created pod: {name_of(created)}")
        return created

    async def delete(self, about: Object, pod: Object) -> bool:
        """One pod, with the event; False if it, or this one of its name, was gone already."""
        meta = pod["metadata"]
        try:
            await self.client.delete(PODS, meta["namespace"], meta["name"], uid=meta.get("uid", ""))
        except (NotFound, Conflict):
            return False
        except APIError as error:
            self.recorder.event(about, "Warning", "FailedDelete", f"Error deleting: {error}")
            raise
        self.recorder.event(about, "Normal", "SuccessfulDelete", f"Deleted pod: {meta['name']}")
        return True

    async def create_all(self, key: Hashable, about: Object, pods: Sequence[Object]) -> BaseException | None:
        """Slow start, counted in the expectations of `key`; the first error, or None."""
        pods = pods[:BURST]
        self.expectations.expect_creations(key, len(pods), self.clock.monotonic())
        tried = 0

        async def one(pod: Object) -> None:
            nonlocal tried
            tried += 1
            try:
                await self.create(about, pod)
            except BaseException:
                self.expectations.observe_creation(key)
                raise

        _, error = await slow_start(pods, one)
        if tried < len(pods):
            self.expectations.observe_creation(key, len(pods) - tried)
        if error is not None and namespace_is_ending(error):
            return None
        return error

    async def delete_all(self, key: Hashable, about: Object, pods: Iterable[Object]) -> BaseException | None:
        """All at once, counted in the expectations of `key`; the first error, or None."""
        chosen = list(pods)[:BURST]
        self.expectations.expect_deletions(
            key, [deletion_identity(pod) for pod in chosen], self.clock.monotonic()
        )

        async def one(pod: Object) -> None:
            try:
                was_there = await self.delete(about, pod)
            except BaseException:
                self.expectations.observe_deletion(key, deletion_identity(pod))
                raise
            if not was_there:
                self.expectations.observe_deletion(key, deletion_identity(pod))

        results = await asyncio.gather(*(one(pod) for pod in chosen), return_exceptions=True)
        errors = [result for result in results if isinstance(result, BaseException)]
        return errors[0] if errors else None


def deletion_identity(pod: Object) -> str:
    """What a deletion is expected and observed by: the object's key and uid."""
    return f"{object_key(pod)}/{pod['metadata'].get('uid', '')}"
