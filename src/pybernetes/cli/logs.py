"""`pybernetes logs COMPONENT`: the last lines of a component's log, and with --follow those to come."""

from __future__ import annotations

import argparse
from collections import deque
from pathlib import Path

from pybernetes.cli import flags


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "component",
        nargs="?",
        help="apiserver, controllers, node-1, node-1-containerd, supervisor-server...; none lists them",
    )
    flags.add_cluster(parser)
    parser.add_argument(
        "-n", "--lines", type=int, default=200, metavar="N", help="how many lines (default: 200; 0 is all)"
    )
    parser.add_argument("-f", "--follow", action="store_true", help="go on with what is written from now on")


def run(arguments: argparse.Namespace) -> int:
    from pybernetes.cluster import local_cluster
    from pybernetes.cluster.failure import Failure

    layout = local_cluster.resolve(arguments.name, arguments.data_dir)
    known = sorted(path.stem for path in layout.logs.glob("*.log"))
    if not known:
        raise Failure(
            f"there are no logs in {layout.logs}: is the cluster's --name right, and was it ever up?"
        )
    if arguments.component is None:
        print("\n".join(known))
        return 0
    aliases = {"scheduler": "controllers", "controller-manager": "controllers", "kube-apiserver": "apiserver"}
    component = arguments.component if arguments.component in known else aliases.get(arguments.component, "")
    if component not in known:
        raise Failure(f"{arguments.component} has no log: choose one of {', '.join(known)}")
    show(layout.logs / f"{component}.log", arguments.lines, arguments.follow)
    return 0


def show(path: Path, lines: int, follow: bool) -> None:
    from pybernetes.cluster.waiting import pause

    with open(path, errors="replace") as file:
        for line in deque(file, lines or None):
            print(line, end="")
        while follow:
            line = file.readline()
            if line:
                print(line, end="", flush=True)
            else:
                pause(0.2)
