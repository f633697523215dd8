"""Servers over the memory store for the tests of this folder."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from api_harness import Api, start, stop

from pybernetes.apiserver.options import Options


@pytest.fixture
async def api() -> AsyncIterator[Api]:
    """With the namespace default and its service account, and nothing else."""
    api = await start(Options(bootstrap=False))
    await api.made("/api/v1/namespaces", {"metadata": {"name": "default"}})
    await api.made("/api/v1/namespaces/default/serviceaccounts", {"metadata": {"name": "default"}})
    yield api
    await stop(api)


@pytest.fixture
async def bootstrapped() -> AsyncIterator[Api]:
    """With everything that a cluster starts with."""
    api = await start(Options(advertise_address="10.0.0.1"))
    await api.server.ready()
    yield api
    await stop(api)
