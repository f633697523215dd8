"""The pytest plugin: `kubernetes_cluster`, a cluster in the test's own event loop, and `virtual_cluster`, the same on
virtual time. Both begin with two simulated nodes and are gone after the test. They need pytest-asyncio.
"""

from __future__ import annotations

import importlib.util
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pybernetes.testing.cluster import Cluster

if importlib.util.find_spec("pytest_asyncio") is not None:
    import pytest_asyncio

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

else:

    @pytest.fixture
    def kubernetes_cluster() -> None:
        pytest.fail("the fixture kubernetes_cluster needs pytest-asyncio: pip install pytest-asyncio")

    @pytest.fixture
    def virtual_cluster() -> None:
        pytest.fail("the fixture virtual_cluster needs pytest-asyncio: pip install pytest-asyncio")
