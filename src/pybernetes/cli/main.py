"""The command `pybernetes`: finds the verb's module, parses its flags and runs it.

Each verb is a module of this folder with `configure(parser)` and `run(arguments) -> exit code`; only
the one that is asked for is imported. A `Failure` ends in one line on stderr and its exit code.
"""

from __future__ import annotations

import argparse
import sys
from importlib import import_module
from typing import NoReturn

from pybernetes import KUBERNETES_VERSION, __version__
from pybernetes.cluster.failure import Failure, of_os_error

VERBS = {
    "up": "start a whole cluster on this machine, or continue it",
    "down": "stop a cluster of this machine; with --purge, delete it",
    "status": "show what runs of a cluster",
    "kubeconfig": "print the administrator's kubeconfig",
    "logs": "show the log of a component: apiserver, controllers, node-1, node-1-containerd...",
    "doctor": "say what this machine lacks, and the command that mends it",
    "image": "load an image archive into every node",
    "token": "make a token with which further machines join",
    "server": "run the server: API server, controllers and scheduler",
    "node": "run a node on this machine and join it to a server",
    "service-unit": "print a systemd unit, so that a cluster survives a reboot",
}


class Parser(argparse.ArgumentParser):
    """An argument parser whose complaint is one line that says where to look."""

    def error(self, message: str) -> NoReturn:
        raise Failure(f"{message}: see `{self.prog} --help`", 2)


def overview() -> str:
    width = max(map(len, VERBS))
    lines = [f"  {verb:<{width}}  {text}" for verb, text in VERBS.items()]
    return (
        "Kubernetes in Python: a real cluster for a laptop, a test or the edge.\n\n"
        "usage: pybernetes COMMAND [flags]\n\ncommands:\n"
        + "\n".join(lines)
        + "\n\n`pybernetes COMMAND --help` explains a command; `pybernetes --version` prints the version."
    )


def execute(arguments: list[str]) -> int:
    """Run one command line; raises Failure."""
    if not arguments or arguments[0] in ("-h", "--help", "help"):
        print(overview())
        return 0 if arguments else 2
    if arguments[0] in ("--version", "version"):
        print(f"pybernetes {__version__} (Kubernetes {KUBERNETES_VERSION})")
        return 0
    verb = arguments[0]
    if verb not in VERBS:
        kind = "flag" if verb.startswith("-") else "command"
        raise Failure(f"there is no {kind} {verb}: see `pybernetes --help`", 2)
    module = import_module("pybernetes.cli." + verb.replace("-", "_"))
    parser = Parser(prog=f"pybernetes {verb}", description=VERBS[verb][0].upper() + VERBS[verb][1:] + ".")
    module.configure(parser)
    return int(module.run(parser.parse_args(arguments[1:])))


def main() -> int:
    try:
        return execute(sys.argv[1:])
    except Failure as failure:
        print(f"pybernetes: {failure}", file=sys.stderr)
        return failure.status
    except BrokenPipeError:
        sys.stderr.close()
        return 1
    except OSError as error:
        print(f"pybernetes: {of_os_error(error)}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("pybernetes: interrupted; the same command continues where this one stopped", file=sys.stderr)
        return 130
