"""mount(2) and umount(2), without a helper process."""

from __future__ import annotations

import ctypes
import errno
import os
from pathlib import Path

MS_RDONLY, MS_NOSUID, MS_NODEV, MS_REMOUNT, MS_BIND, MS_REC = 1, 2, 4, 32, 4096, 16384
MNT_DETACH, UMOUNT_NOFOLLOW = 2, 8

_libc = ctypes.CDLL(None, use_errno=True)


def _raise(action: str, target: str) -> None:
    code = ctypes.get_errno()
    raise OSError(code, f"{action} {target}: {os.strerror(code)}")


def mount(source: str, target: str, kind: str = "", flags: int = 0, data: str = "") -> None:
    if _libc.mount(source.encode(), target.encode(), kind.encode(), flags, data.encode()) != 0:
        _raise("mount", target)


def bind(source: str, target: str) -> None:
    mount(source, target, "", MS_BIND | MS_REC)


def tmpfs(target: str, size: int = 0) -> None:
    mount("tmpfs", target, "tmpfs", 0, f"size={size}" if size else "")


def unmount(target: str) -> None:
    """Take the mount off, even while it is in use; nothing happens where nothing is mounted."""
    failed = _libc.umount2(target.encode(), MNT_DETACH | UMOUNT_NOFOLLOW) != 0
    if failed and ctypes.get_errno() not in (errno.EINVAL, errno.ENOENT):
        _raise("umount", target)


def mounts_below(directory: Path) -> list[str]:
    """Mount points at or below a directory, the deepest first."""
    prefix = str(directory)
    found = []
    with open("/proc/self/mounts") as table:
        for line in table:
            point = line.split(" ")[1].encode().decode("unicode_escape")
            if point == prefix or point.startswith(prefix + "/"):
                found.append(point)
    return sorted(found, key=len, reverse=True)
