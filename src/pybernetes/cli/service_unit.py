"""`pybernetes service-unit server|node|up`: print a systemd unit that runs the same command at every boot."""

from __future__ import annotations

import argparse

from pybernetes.cli import flags


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("what", choices=["up", "server", "node"], help="what the unit is to run")
    flags.add_cluster(parser)
    parser.add_argument(
        "flags", nargs="*", metavar="-- FLAG", help="after `--`: further flags of that command"
    )


def run(arguments: argparse.Namespace) -> int:
    from pybernetes.cluster.service_unit import unit

    given = list(arguments.flags)
    if arguments.what != "node":
        given = ["--name", arguments.name, *given]
    if arguments.data_dir:
        given = ["--data-dir", arguments.data_dir, *given]
    print(unit(arguments.what, arguments.name, given), end="")
    return 0
