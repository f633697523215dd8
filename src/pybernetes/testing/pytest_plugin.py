"""The pytest plugin: `kubernetes_cluster`, a cluster in the test's own event loop; `virtual_cluster`, the same on
virtual time. Both begin with two simulated nodes and are gone after the test.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import pytest_asyncio

if TYPE_CHECKING:
    from pybernetes.testing.cluster import Cluster


@pytest_asyncio.fixture
async def kubernetes_cluster() -> AsyncIterator[Cluster]:
    """A running cluster with two simulated nodes, in real time."""
    from pybernetes.testing.cluster import Cluster

    async with Cluster(nodes=2) as cluster:
        yield cluster


@pytest_asyncio.fixture
async def virtual_cluster() -> AsyncIterator[Cluster]:
    """A running cluster with two simulated nodes whose clock only its `until` and `run_for` move."""
    from pybernetes.lib.clock import VirtualClock
    from pybernetes.testing.cluster import Cluster

    async with Cluster(nodes=2, clock=VirtualClock()) as cluster:
        yield cluster
