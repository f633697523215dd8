"""`pybernetes down [--purge]`: stop a cluster of this machine and leave nothing of it running."""

from __future__ import annotations

import argparse

from pybernetes.cli import flags


def configure(parser: argparse.ArgumentParser) -> None:
    flags.add_cluster(parser)
    parser.add_argument("--purge", action="store_true", help="delete the cluster's data too")


def run(arguments: argparse.Namespace) -> int:
    from pybernetes.cluster import local_cluster
    from pybernetes.cluster.down import down

    local_cluster.require_root()
    down(
        local_cluster.resolve(arguments.name, arguments.data_dir),
        arguments.purge,
        lambda text: print(text, flush=True),
    )
    return 0
