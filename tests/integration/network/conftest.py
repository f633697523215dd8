"""Needs root, nft and ip: skipped where they are not."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "unit" / "network"))
sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture(scope="module")
def world() -> Iterator[object]:
    if os.geteuid() != 0 or not shutil.which("nft", path=f"{os.environ['PATH']}:/usr/sbin:/sbin"):
        pytest.skip("needs root and nft")
    from namespaces import World

    world = World()
    world.add("a", "10.244.1.2")
    world.add("b", "10.244.1.3")
    world.add("c", "10.244.1.4")
    yield world
    world.close()
