"""`pybernetes doctor`: what this machine lacks, and the exact command that mends it."""

from __future__ import annotations

import argparse

from pybernetes.cli import flags


def configure(parser: argparse.ArgumentParser) -> None:
    flags.add_cluster(parser)


def run(arguments: argparse.Namespace) -> int:
    from pybernetes.cluster.doctor import examine
    from pybernetes.cluster.layout import Layout

    findings = examine(Layout.of(arguments.name, arguments.data_dir).data)
    width = max(len(finding.subject) for finding in findings)
    for finding in findings:
        mark = "ok     " if not finding.remedy else "MISSING" if finding.fatal else "note   "
        print(f"{mark}  {finding.subject:<{width}}  {finding.state}")
        if finding.remedy:
            print(f"{'':7}  {'':<{width}}  -> {finding.remedy}")
    return 1 if any(finding.remedy and finding.fatal for finding in findings) else 0
