"""`pybernetes image load FILE`: an OCI or docker archive into every node of a cluster."""

from __future__ import annotations

import argparse
from pathlib import Path

from pybernetes.cli import flags


def configure(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True, metavar="load")
    load = actions.add_parser("load", help="import an archive as `docker save` makes it into every node")
    load.add_argument("file", type=Path, help="the archive")
    flags.add_cluster(load)


def run(arguments: argparse.Namespace) -> int:
    from pybernetes.cluster import images, local_cluster

    local_cluster.require_root()
    layout = local_cluster.resolve(arguments.name, arguments.data_dir)
    settings = local_cluster.require(layout)
    nodes = [layout.node(name) for name in settings.node_names]
    names = images.load(arguments.file, [(node.name, node.socket) for node in nodes])
    for name in names:
        print(f"{name} is on {', '.join(settings.node_names)}")
    return 0
