"""hostPath volumes: the type is checked, and with `...OrCreate` made true.

Source: https://kubernetes.io/docs/concepts/storage/volumes/#hostpath
"""

from __future__ import annotations

import os
import stat
from pathlib import Path


class HostPathWrong(Exception):
    """The path is not what the volume's type says."""


_CHECKS = {
    "Directory": (stat.S_ISDIR, "a directory"),
    "File": (stat.S_ISREG, "a file"),
    "Socket": (stat.S_ISSOCK, "a socket"),
    "CharDevice": (stat.S_ISCHR, "a character device"),
    "BlockDevice": (stat.S_ISBLK, "a block device"),
}


def prepare(path: str, kind: str) -> None:
    """Raises HostPathWrong; an empty kind checks nothing (the runtime makes a directory of what is missing)."""
    target = Path(path)
    if kind == "":
        return
    if kind == "DirectoryOrCreate" and not target.exists():
        target.mkdir(parents=True, mode=0o755)
    if kind == "FileOrCreate" and not target.exists():
        descriptor = os.open(target, os.O_CREAT | os.O_WRONLY, 0o644)
        os.close(descriptor)
    is_kind, word = _CHECKS.get(kind.removesuffix("OrCreate"), (None, kind))
    if is_kind is None:
        raise HostPathWrong(f"hostPath type check failed: {kind} is an unknown type")
    try:
        mode = target.stat().st_mode
    except OSError:
        raise HostPathWrong(f"hostPath type check failed: {path} is not {word}") from None
    if not is_kind(mode):
        raise HostPathWrong(f"hostPath type check failed: {path} is not {word}")
