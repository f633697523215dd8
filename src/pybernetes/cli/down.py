"""`pybernetes down [--purge]`: stop a cluster of this machine, or a node that joined another; leave nothing of it."""

from __future__ import annotations

import argparse

from pybernetes.cli import flags


def configure(parser: argparse.ArgumentParser) -> None:
    flags.add_cluster(parser)
    parser.add_argument("--purge", action="store_true", help="delete the cluster's (or node's) data too")
    parser.add_argument(
        "--node", metavar="N", help="take down the node that `pybernetes node` made of this machine instead"
    )


def run(arguments: argparse.Namespace) -> int:
    from pybernetes.cluster import local_cluster, machine_down
    from pybernetes.cluster.down import down

    local_cluster.require_root()
    if arguments.node:
        machine_down.down(arguments.node, arguments.data_dir, arguments.purge, say)
        return 0
    down(
        local_cluster.resolve(arguments.name, arguments.data_dir),
        arguments.purge,
        say,
    )
    return 0


def say(text: str) -> None:
    print(text, flush=True)
