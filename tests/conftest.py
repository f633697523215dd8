"""Options of every test: `--update` rewrites the golden files that generated text is compared with."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update", action="store_true", help="rewrite golden files instead of comparing")


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[[str, str], None]:
    """`golden(name, text)` compares with the file `golden/name` beside the test's module."""
    folder = Path(request.node.path).parent / "golden"

    def compare(name: str, text: str) -> None:
        file = folder / name
        if request.config.getoption("--update"):
            folder.mkdir(exist_ok=True)
            file.write_text(text)
        assert file.exists(), f"there is no golden file {file}: run the test with --update and look at it"
        assert text == file.read_text()

    return compare
