"""`scripts/bench api`: how fast and how lean the API server is, side by side with upstream's when there is one.

Every figure is the median of some rounds, in which the servers take turns. `--kube-apiserver PATH --etcd PATH` names
upstream's binaries; without them only pybernetes is measured. `--small` runs everything once on next to nothing,
to see that it works. Figures of different machines or moments cannot be compared: ratios of one run can.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
from pathlib import Path

from measures import Measures, Sizes
from report import Figure, Report
from servers import Pybernetes, Subject, Upstream

SECTIONS = ("throughput", "forms", "watching", "mixed", "leases", "kload", "growth")


def measure(arguments: argparse.Namespace, folder: Path) -> list[Figure]:
    sizes = Sizes.small() if arguments.small else Sizes(pods=arguments.pods, rounds=arguments.rounds)
    subjects: list[Subject] = [Pybernetes(folder)]
    if arguments.kube_apiserver:
        subjects.append(Upstream(folder, arguments.kube_apiserver, arguments.etcd, subjects[0].pki))
    measures = Measures(subjects, sizes, folder, arguments.kload)
    try:
        measures.start()
        for section in SECTIONS[:-1]:
            if section in arguments.only:
                getattr(measures, section)()
        measures.end()
        if "growth" in arguments.only:
            measures.growth()
    finally:
        for subject in subjects:
            subject.stop()
    return measures.figures


def main() -> int:
    parser = argparse.ArgumentParser(prog="scripts/bench api", description=__doc__.split("\n\n")[1])
    parser.add_argument("--kube-apiserver", metavar="PATH", help="upstream's binary; needs --etcd too")
    parser.add_argument("--etcd", metavar="PATH", default=shutil.which("etcd") or "")
    parser.add_argument("--kload", metavar="PATH", help="a load generator in Go, to measure with as well")
    parser.add_argument("--small", action="store_true", help="run everything once, small: does it work?")
    parser.add_argument("--pods", type=int, default=5000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", nargs="+", choices=SECTIONS, default=SECTIONS)
    parser.add_argument("--json", metavar="PATH", type=Path, help="write every figure there as well")
    arguments = parser.parse_args()
    if arguments.kube_apiserver and not arguments.etcd:
        parser.error("--kube-apiserver needs an etcd: give --etcd PATH")
    folder = Path(tempfile.mkdtemp(prefix="pybernetes-bench-"))
    try:
        figures = measure(arguments, folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    report = Report(figures)
    print(report.text())
    if arguments.json:
        arguments.json.write_text(json.dumps(report.values(), indent=1) + "\n")
    return 0 if arguments.small or report.good else 1


if __name__ == "__main__":
    sys.exit(main())
