"""What is mounted where, as the kernel says it (proc(5), mountinfo), and how to unmount all of a folder."""

from __future__ import annotations

import re
from pathlib import Path

from pybernetes.cluster.commands import run


def points() -> list[str]:
    """Every mount point of this mount namespace, in the order of mounting."""
    lines = Path("/proc/self/mountinfo").read_text().splitlines()
    return [_unescape(line.split()[4]) for line in lines]


def _unescape(text: str) -> str:
    return re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), text)


def is_mounted(path: Path) -> bool:
    return str(path) in points()


def below(folder: Path) -> list[str]:
    """The mount points at or below the folder, innermost first."""
    prefix = str(folder)
    return [point for point in reversed(points()) if point == prefix or point.startswith(prefix + "/")]


def unmount_all(folder: Path) -> None:
    """Unmount everything at or below the folder, detaching what is still in use."""
    found = below(folder)
    if found:
        run(["umount", "--lazy", *found], check=False)
