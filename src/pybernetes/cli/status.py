"""`pybernetes status`: which processes of a cluster run, whether the API server is ready, and the nodes."""

from __future__ import annotations

import argparse

from pybernetes.cli import flags


def configure(parser: argparse.ArgumentParser) -> None:
    flags.add_cluster(parser)


def run(arguments: argparse.Namespace) -> int:
    from pybernetes.cluster import local_cluster, status
    from pybernetes.cluster.failure import Failure

    layout = local_cluster.resolve(arguments.name, arguments.data_dir)
    if not layout.server_config.exists():
        raise Failure(f"there is no cluster {layout.name!r} in {layout.data}: make one with `pybernetes up`")
    report = status.examine(layout)
    for line in report.lines:
        print(line)
    if not report.well:
        print(
            "\nnot all is well: `pybernetes up` starts what is missing, `pybernetes logs` shows why it ended"
        )
    return 0 if report.well else 1
