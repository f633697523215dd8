"""`pybernetes kubeconfig`: print the administrator's kubeconfig, or its path."""

from __future__ import annotations

import argparse

from pybernetes.cli import flags


def configure(parser: argparse.ArgumentParser) -> None:
    flags.add_cluster(parser)
    parser.add_argument("--path", action="store_true", help="print the file's path instead of its content")


def run(arguments: argparse.Namespace) -> int:
    from pybernetes.cluster import local_cluster
    from pybernetes.cluster.failure import Failure

    layout = local_cluster.resolve(arguments.name, arguments.data_dir)
    try:
        content = layout.admin_kubeconfig.read_text()
    except FileNotFoundError:
        raise Failure(f"there is no cluster {layout.name!r} in {layout.data}: make one with `pybernetes up`")
    print(layout.admin_kubeconfig if arguments.path else content, end="\n" if arguments.path else "")
    return 0
