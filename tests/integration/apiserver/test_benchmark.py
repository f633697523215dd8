"""The benchmark of the API server works: everything once, on next to nothing. Figures are not looked at."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

BENCHMARK = Path(__file__).parents[3] / "scripts" / "benchmarks" / "api.py"


def test_the_benchmark_of_the_api_server_works(tmp_path: Path) -> None:
    figures = tmp_path / "figures.json"
    command = [sys.executable, str(BENCHMARK), "--small", "--json", str(figures)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=180)
    assert done.returncode == 0, done.stderr
    measured = {one["what"]: one["values"].get("pybernetes") for one in json.loads(figures.read_text())}
    assert len(measured) > 20
    assert all(values for values in measured.values()), measured
