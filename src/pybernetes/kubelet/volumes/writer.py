"""Writes a set of files so that readers see all of the old set or all of the new one, never a mix.

A timestamped directory holds the payload, the symlink `..data` points to it and is replaced by a rename, and
each file's first path element is a symlink through `..data`. `write` says whether anything changed.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

DATA, NEW_DATA = "..data", "..data_tmp"


@dataclass(slots=True, frozen=True)
class File:
    data: bytes
    mode: int = 0o644
    owner: int | None = None
    """The user that the file is given to; None leaves it to root."""


class PathRefused(ValueError):
    """A path that would leave the volume."""


def check_path(path: str) -> None:
    parts = path.split("/")
    if not path or path.startswith("/") or ".." in parts or parts[0].startswith(".."):
        raise PathRefused(f"{path!r} is no relative path within a volume")


def write(directory: Path, payload: dict[str, File], group: int | None = None) -> bool:
    """Make `directory` show exactly `payload` (relative path -> file); `group` owns all files if given."""
    for path in payload:
        check_path(path)
    directory.mkdir(parents=True, exist_ok=True)
    link = directory / DATA
    old = os.readlink(link) if link.is_symlink() else None
    if old is not None and _same(directory / old, payload):
        return False
    fresh = Path(tempfile.mkdtemp(prefix="..", dir=directory))
    fresh.chmod(0o755)
    if group is not None:
        os.chown(fresh, -1, group)
        fresh.chmod(0o2775)
    for path, file in payload.items():
        target = fresh / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(file.data)
        target.chmod(file.mode | (0o440 if group is not None else 0))
        if file.owner is not None or group is not None:
            os.chown(target, -1 if file.owner is None else file.owner, -1 if group is None else group)
    temporary = directory / NEW_DATA
    temporary.unlink(missing_ok=True)
    temporary.symlink_to(fresh.name)
    temporary.rename(link)
    tops = {path.split("/")[0] for path in payload}
    for top in tops:
        visible = directory / top
        if not visible.is_symlink():
            visible.symlink_to(f"{DATA}/{top}")
    for entry in os.scandir(directory):
        if entry.is_symlink() and entry.name not in tops and not entry.name.startswith(".."):
            os.unlink(entry.path)
    if old is not None:
        shutil.rmtree(directory / old, ignore_errors=True)
    return True


def _same(directory: Path, payload: dict[str, File]) -> bool:
    found = {
        str((Path(root) / name).relative_to(directory))
        for root, _, names in os.walk(directory)
        for name in names
    }
    if found != set(payload):
        return False
    return all((directory / path).read_bytes() == file.data for path, file in payload.items())
