"""subPath: one part of a volume as a mount of its own, however the pod's processes shuffle symlinks.

The path is resolved, must stay within the volume, is opened component by component without following
links, and what is open is bind-mounted to a place that the pod cannot change.
"""

from __future__ import annotations

import os
from pathlib import Path

from pybernetes.kubelet.volumes import mounts


class SubPathRefused(Exception):
    """The path leaves its volume or cannot be made."""


def prepare(volume: Path, subpath: str, target: Path, *, create: bool) -> str:
    """Mount VOLUME/SUBPATH at `target` (made here); answers the target. A missing directory is made."""
    if os.path.isabs(subpath) or ".." in subpath.split("/"):
        raise SubPathRefused(f'subPath "{subpath}" must be a relative path without ..')
    root = Path(os.path.realpath(volume))
    real = Path(os.path.realpath(root / subpath))
    if real != root and root not in real.parents:
        raise SubPathRefused(f'subpath "{subpath}" not within volume path "{volume}"')
    relative = real.relative_to(root).parts
    descriptor = os.open(root, os.O_PATH | os.O_DIRECTORY)
    try:
        for part in relative:
            if create:
                try:
                    os.mkdir(part, 0o750, dir_fd=descriptor)
                except FileExistsError:
                    pass
                else:
                    inner = os.open(part, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=descriptor)
                    os.fchmod(inner, os.stat(root).st_mode & 0o7777)
                    os.close(inner)
            following = os.open(part, os.O_PATH | os.O_NOFOLLOW, dir_fd=descriptor)
            os.close(descriptor)
            descriptor = following
        is_directory = os.path.isdir(f"/proc/self/fd/{descriptor}")
        target.parent.mkdir(parents=True, exist_ok=True)
        mounts.unmount(str(target))
        if is_directory:
            target.mkdir(exist_ok=True)
        else:
            target.touch(exist_ok=True)
        mounts.bind(f"/proc/self/fd/{descriptor}", str(target))
    except OSError as error:
        raise SubPathRefused(f'failed to prepare subPath "{subpath}": {error}') from error
    finally:
        os.close(descriptor)
    return str(target)
