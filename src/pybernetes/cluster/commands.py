"""Programs of the operating system (ip, nft, nsenter, ctr...): arguments in, output or a Failure out."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pybernetes.cluster.failure import Failure

SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

PACKAGES = {
    "containerd": "containerd",
    "ctr": "containerd",
    "containerd-shim-runc-v2": "containerd",
    "runc": "runc",
    "ip": "iproute2",
    "nft": "nftables",
    "iptables": "iptables",
    "catatonit": "catatonit",
    "nsenter": "util-linux",
    "unshare": "util-linux",
    "mount": "mount",
}
"""The programs that nodes need, with the Debian package of each."""


def find(program: str) -> str | None:
    """The program's full path; system folders are looked in even when PATH leaves them out."""
    return shutil.which(program, path=f"{os.environ.get('PATH', '')}:{SYSTEM_PATH}")


def path_of(program: str) -> str:
    found = find(program)
    if found is None:
        package = PACKAGES.get(program, program)
        raise Failure(f"{program} is not installed: run `apt-get install --no-install-recommends {package}`")
    return found


def run(command: Sequence[str | Path], stdin: str | None = None, *, check: bool = True) -> str:
    """Run to the end and answer its standard output. Raises Failure with the program's own words."""
    program = path_of(str(command[0]))
    result = subprocess.run(
        [program, *map(str, command[1:])],
        input=stdin,
        stdin=subprocess.DEVNULL if stdin is None else None,
        capture_output=True,
        text=True,
        env={**os.environ, "PATH": f"{os.environ.get('PATH', '')}:{SYSTEM_PATH}", "LC_ALL": "C"},
    )
    if check and result.returncode != 0:
        said = " ".join((result.stderr or result.stdout).split()) or f"exit status {result.returncode}"
        raise Failure(f"{' '.join(map(str, command))}: {said}")
    return result.stdout


def ip_batch(lines: Sequence[str], namespace: Path | None = None) -> None:
    """Run several `ip` commands in one process, in a network namespace if one is given."""
    if lines:
        enter = [] if namespace is None else ["nsenter", f"--net={namespace}"]
        run([*enter, path_of("ip"), "-batch", "-"], "\n".join(lines) + "\n")


def ip_json(*arguments: str) -> list[dict[str, Any]]:
    output = run(["ip", "-j", *arguments])
    return json.loads(output) if output.strip() else []
