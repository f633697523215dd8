"""One leader among several processes, by a Lease: acquire, renew, and know when leadership is lost.

In: a client, the Lease's name, who asks. Out: `run(lead)` runs `lead()` while this process leads and returns
when it no longer does. Timings are upstream's: 15 s lease, 10 s to renew, a try every 2 s.
https://kubernetes.io/docs/concepts/architecture/leases/
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable

from pybernetes.api.errors import AlreadyExists, APIError, NotFound
from pybernetes.api.kinds import LEASES
from pybernetes.api.times import format_micro_time
from pybernetes.client.interface import Client, Object
from pybernetes.lib.clock import Clock

log = logging.getLogger(__name__)

LEASE_DURATION, RENEW_DEADLINE, RETRY_PERIOD = 15.0, 10.0, 2.0
JITTER = 1.2


class LeaderElector:
    """Another holder's lease counts from when this process saw it change, so clocks need not agree."""

    def __init__(
        self,
        client: Client,
        clock: Clock,
        name: str,
        identity: str,
        *,
        namespace: str = "kube-system",
        lease_duration: float = LEASE_DURATION,
        renew_deadline: float = RENEW_DEADLINE,
        retry_period: float = RETRY_PERIOD,
    ) -> None:
        self.identity = identity
        self._client = client
        self._clock = clock
        self._name = name
        self._namespace = namespace
        self._lease_duration = lease_duration
        self._renew_deadline = renew_deadline
        self._retry_period = retry_period
        self._seen: Object = {}
        self._seen_at = 0.0
        self._leading = False

    @property
    def leading(self) -> bool:
        return self._leading

    @property
    def leader(self) -> str:
        """The identity of the last holder seen, this process or another."""
        return str((self._seen.get("spec") or {}).get("holderIdentity") or "")

    async def run(self, lead: Callable[[], Awaitable[None]]) -> None:
        """Wait to become leader, run `lead()`; returns when leadership is lost (`lead` is cancelled) or `lead` ends.

        When cancelled or ended while leading, the lease is released for the next one to take at once.
        """
        await self._acquire()
        log.info("%s leads %s/%s", self.identity, self._namespace, self._name)
        self._leading = True
        work = asyncio.ensure_future(lead())
        renewal = asyncio.ensure_future(self._renew())
        try:
            await asyncio.wait({work, renewal}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            lost = renewal.done()
            self._leading = False
            for task in (work, renewal):
                task.cancel()
            await asyncio.gather(work, renewal, return_exceptions=True)
            if not lost:
                await self._release()
        if not work.cancelled():
            work.result()

    async def _acquire(self) -> None:
        while not await self._try():
            await self._clock.sleep(self._retry_period * (1 + random.random() * JITTER))

    async def _renew(self) -> None:
        deadline = self._clock.monotonic() + self._renew_deadline
        while True:
            await self._clock.sleep(self._retry_period)
            try:
                async with self._clock.timeout(deadline - self._clock.monotonic()):
                    renewed = await self._try()
            except TimeoutError:
                renewed = False
            if renewed:
                deadline = self._clock.monotonic() + self._renew_deadline
            elif self.leader not in ("", self.identity) or self._clock.monotonic() >= deadline:
                log.error("%s no longer leads %s/%s", self.identity, self._namespace, self._name)
                return

    async def _try(self) -> bool:
        """Take or renew the lease; False when another holds it or the server does not answer."""
        try:
            return await self._try_once()
        except APIError as error:
            log.warning("lease %s/%s: %s", self._namespace, self._name, error.message)
            return False

    async def _try_once(self) -> bool:
        now = format_micro_time(self._clock.now())
        try:
            lease = await self._client.get(LEASES, self._namespace, self._name)
        except NotFound:
            fresh = {
                "apiVersion": "coordination.k8s.io/v1",
                "kind": "Lease",
                "metadata": {"name": self._name, "namespace": self._namespace},
                "spec": self._spec(now, now, 0),
            }
            try:
                self._observe(await self._client.create(LEASES, fresh))
            except AlreadyExists:
                return False
            return True
        if lease.get("spec") != self._seen.get("spec"):
            self._observe(lease)
        spec = lease.get("spec") or {}
        holder = spec.get("holderIdentity") or ""
        if holder and holder != self.identity and not self._expired(spec):
            return False
        transitions = int(spec.get("leaseTransitions") or 0)
        acquired = spec.get("acquireTime") or now
        if holder != self.identity:
            transitions += 1
            acquired = now
        new = {**lease, "spec": {**spec, **self._spec(acquired, now, transitions)}}
        self._observe(await self._client.update(LEASES, new))
        return True

    def _expired(self, spec: Object) -> bool:
        duration = float(spec.get("leaseDurationSeconds") or self._lease_duration)
        return self._clock.monotonic() >= self._seen_at + duration

    def _observe(self, lease: Object) -> None:
        self._seen = lease
        self._seen_at = self._clock.monotonic()

    def _spec(self, acquired: str, renewed: str, transitions: int) -> Object:
        return {
            "holderIdentity": self.identity,
            "leaseDurationSeconds": int(self._lease_duration),
            "acquireTime": acquired,
            "renewTime": renewed,
            "leaseTransitions": transitions,
        }

    async def _release(self) -> None:
        spec = self._seen.get("spec") or {}
        if spec.get("holderIdentity") != self.identity:
            return
        now = format_micro_time(self._clock.now())
        released = {
            **spec,
            "holderIdentity": "",
            "leaseDurationSeconds": 1,
            "renewTime": now,
            "acquireTime": now,
        }
        try:
            await self._client.update(LEASES, {**self._seen, "spec": released})
        except APIError as error:
            log.warning("lease %s/%s was not released: %s", self._namespace, self._name, error.message)
