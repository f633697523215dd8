"""Tells when something happens in a directory: inotify(7) on the event loop."""

from __future__ import annotations

import asyncio
import ctypes
import os
from pathlib import Path

IN_MODIFY, IN_CLOSE_WRITE, IN_MOVED_TO, IN_CREATE, IN_DELETE = 0x2, 0x8, 0x80, 0x100, 0x200
IN_NONBLOCK, IN_CLOEXEC = os.O_NONBLOCK, os.O_CLOEXEC

_libc = ctypes.CDLL(None, use_errno=True)


class DirectoryWatch:
    """`changed` is set by each event; whoever waits clears it before looking."""

    def __init__(self, directory: Path) -> None:
        self.changed = asyncio.Event()
        self._descriptor = _libc.inotify_init1(IN_NONBLOCK | IN_CLOEXEC)
        if self._descriptor < 0:
            raise OSError(ctypes.get_errno(), "inotify is not available: raise fs.inotify.max_user_instances")
        mask = IN_MODIFY | IN_CLOSE_WRITE | IN_MOVED_TO | IN_CREATE | IN_DELETE
        if _libc.inotify_add_watch(self._descriptor, str(directory).encode(), mask) < 0:
            code = ctypes.get_errno()
            os.close(self._descriptor)
            raise OSError(code, f"{directory} cannot be watched: {os.strerror(code)}")
        asyncio.get_running_loop().add_reader(self._descriptor, self._ready)

    def _ready(self) -> None:
        try:
            os.read(self._descriptor, 65536)
        except BlockingIOError:
            return
        self.changed.set()

    def close(self) -> None:
        asyncio.get_running_loop().remove_reader(self._descriptor)
        os.close(self._descriptor)
