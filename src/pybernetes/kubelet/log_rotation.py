"""Keeps container logs small: at 10 MiB a log is set aside and begun anew, and five files are kept.

Names as upstream's: `0.log`, then `0.log.20260102-150405`, the older ones compressed to `.gz`.
Source: https://kubernetes.io/docs/concepts/cluster-administration/logging/#log-rotation
"""

from __future__ import annotations

import asyncio
import gzip
import logging
import os
import shutil
from collections.abc import Iterable
from pathlib import Path

from pybernetes.kubelet.cri.client import CRIClient
from pybernetes.kubelet.cri.errors import RuntimeFailure
from pybernetes.lib.clock import Clock

log = logging.getLogger(__name__)


class LogRotation:
    def __init__(self, cri: CRIClient, clock: Clock, max_bytes: int, max_files: int) -> None:
        self._cri = cri
        self._clock = clock
        self._max_bytes = max_bytes
        self._max_files = max_files

    async def rotate(self, logs: Iterable[tuple[str, Path]]) -> int:
        """Look at `(container id, log path)` of running containers; the number of logs that were rotated."""
        done = 0
        for container, path in logs:
            try:
                size = path.stat().st_size
            except OSError:
                continue
            if size >= self._max_bytes:
                done += await self._rotate_one(container, path)
        return done

    async def _rotate_one(self, container: str, path: Path) -> int:
        rotated = path.with_name(f"{path.name}.{self._clock.now():%Y%m%d-%H%M%S}")
        await asyncio.to_thread(self._compress_older, path)
        try:
            os.rename(path, rotated)
        except OSError as error:
            log.warning("log %s cannot be rotated: %s", path, error)
            return 0
        try:
            await self._cri.reopen_log(container)
        except RuntimeFailure as error:
            os.rename(rotated, path)
            log.warning("log %s cannot be reopened: %s", path, error)
            return 0
        return 1

    def _compress_older(self, path: Path) -> None:
        """Compress what was set aside before, and drop the oldest beyond the number of files."""
        older = sorted(path.parent.glob(f"{path.name}.*"))
        for file in [file for file in older if file.name.endswith(".tmp")]:
            file.unlink(missing_ok=True)
        older = [file for file in older if not file.name.endswith(".tmp")]
        keep = max(self._max_files - 2, 0)
        for file in older[: max(len(older) - keep, 0)]:
            file.unlink(missing_ok=True)
        for file in older[max(len(older) - keep, 0) :]:
            if file.suffix == ".gz":
                continue
            temporary = file.with_name(file.name + ".tmp")
            with open(file, "rb") as source, gzip.open(temporary, "wb", compresslevel=6) as target:
                shutil.copyfileobj(source, target)
            os.rename(temporary, file.with_name(file.name + ".gz"))
            file.unlink()
