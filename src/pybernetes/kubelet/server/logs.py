"""A container's log as its reader wants it: the last lines, since when, with timestamps, followed.

In: a CRI log file (`TIME STREAM F|P TEXT`, one line each) and `LogOptions`; out: bytes to a writer.
Format: https://github.com/kubernetes/design-proposals-archive/blob/main/node/kubelet-cri-logging.md
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import BinaryIO

from pybernetes.api.times import parse_time
from pybernetes.kubelet.server.inotify import DirectoryWatch
from pybernetes.lib.clock import Clock
from pybernetes.lib.http.messages import Request, Writer

CHUNK = 64 * 1024
LOOK_AGAIN = 5.0
"""Seconds after which a followed log is looked at although nothing was heard."""


class OptionsWrong(ValueError):
    """A query parameter makes no sense."""


@dataclass(slots=True, frozen=True)
class LogOptions:
    follow: bool = False
    previous: bool = False
    timestamps: bool = False
    since: datetime | None = None
    tail: int | None = None
    limit: int | None = None
    stream: str = ""


def _flag(request: Request, name: str) -> bool:
    return request.query_value(name).lower() in ("1", "true", "t")


def _number(request: Request, *names: str) -> int | None:
    for name in names:
        text = request.query_value(name)
        if text and text != "all":
            if not text.lstrip("-").isdigit():
                raise OptionsWrong(f"{name}={text} is no number")
            return int(text)
    return None


def parse_options(request: Request, now: datetime) -> LogOptions:
    """Raises OptionsWrong."""
    since: datetime | None = None
    seconds = _number(request, "sinceSeconds")
    if seconds is not None:
        since = now - timedelta(seconds=seconds)
    elif request.query_value("sinceTime"):
        try:
            since = parse_time(request.query_value("sinceTime"))
        except ValueError as error:
            raise OptionsWrong(str(error)) from error
    stream = request.query_value("stream").lower()
    return LogOptions(
        _flag(request, "follow"),
        _flag(request, "previous"),
        _flag(request, "timestamps"),
        since,
        _number(request, "tailLines", "tail"),
        _number(request, "limitBytes"),
        "" if stream in ("", "all") else stream,
    )


def start_of_tail(file: BinaryIO, lines: int) -> int:
    """The offset at which the last `lines` lines begin."""
    file.seek(0, os.SEEK_END)
    end = file.tell()
    if lines <= 0:
        return end
    position, found = end, 0
    while position > 0:
        size = min(CHUNK, position)
        position -= size
        file.seek(position)
        block = file.read(size)
        offset = len(block)
        while (offset := block.rfind(b"\n", 0, offset)) >= 0:
            if position + offset != end - 1:
                found += 1
                if found == lines:
                    return position + offset + 1
    return 0


def render(line: bytes, options: LogOptions) -> bytes:
    """What the reader sees of one line of the file; b"" when it is not for them."""
    time, _, rest = line.partition(b" ")
    stream, _, rest = rest.partition(b" ")
    tag, _, text = rest.partition(b" ")
    if not time or stream not in (b"stdout", b"stderr"):
        return b""
    if options.stream and stream.decode() != options.stream:
        return b""
    if options.since is not None:
        try:
            if parse_time(time.decode()) < options.since:
                return b""
        except ValueError:
            return b""
    if tag.startswith(b"P"):
        text = text[:-1]
    return time + b" " + text if options.timestamps else text


async def send(
    path: Path,
    options: LogOptions,
    writer: Writer,
    clock: Clock,
    running: Callable[[], bool],
    listeners: set[Callable[[], None]],
) -> None:
    """Write the log, and with `follow` what comes to it, until the container has ended or the reader is gone.

    What is put into `listeners` is called when `running` may answer something else than before.
    """
    left = options.limit
    watch = DirectoryWatch(path.parent) if options.follow else None
    if watch is not None:
        listeners.add(watch.changed.set)
    file = _open(path)
    try:
        if options.tail is not None:
            file.seek(start_of_tail(file, options.tail))
        rest = b""
        while not writer.closed:
            alive = running()
            if watch is not None:
                watch.changed.clear()
            data = file.read(CHUNK)
            if data:
                *lines, rest = (rest + data).split(b"\n")
                out = b"".join(render(line + b"\n", options) for line in lines)
                if left is not None:
                    out = out[:left]
                    left -= len(out)
                if out:
                    writer.write(out)
                    await writer.drain()
                if left == 0:
                    return
                continue
            if watch is None:
                return
            if _replaced(file, path):
                file.close()
                file = _open(path)
                rest = b""
                continue
            if not alive:
                return
            try:
                async with clock.timeout(LOOK_AGAIN):
                    await watch.changed.wait()
            except TimeoutError:
                continue
    finally:
        file.close()
        if watch is not None:
            listeners.discard(watch.changed.set)
            watch.close()


def _open(path: Path) -> BinaryIO:
    return open(path, "rb")


def _replaced(file: BinaryIO, path: Path) -> bool:
    """The log was rotated: another file has its name."""
    try:
        return os.fstat(file.fileno()).st_ino != path.stat().st_ino
    except OSError:
        return False
