"""The message that an ended container left: its termination log, or the end of its log.

Source: https://kubernetes.io/docs/tasks/debug/debug-application/determine-reason-pod-failure/
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from pybernetes.kubelet.cri import labels
from pybernetes.kubelet.cri.messages import api_pb2
from pybernetes.kubelet.options import Layout

MAX_MESSAGE = 4096
MAX_LOG_BYTES, MAX_LOG_LINES = 2048, 80


def reader(layout: Layout) -> Callable[[str, api_pb2.ContainerStatus], str]:
    """A function `(pod uid, container status) -> message` for `cri.observe`."""

    def message(uid: str, status: api_pb2.ContainerStatus) -> str:
        name = status.labels.get(labels.CONTAINER_NAME, "")
        text = _tail(layout.termination_log(uid, name, status.metadata.attempt), MAX_MESSAGE)
        policy = status.annotations.get(labels.TERMINATION_POLICY, "File")
        if not text and policy == "FallbackToLogsOnError" and status.exit_code != 0:
            text = log_tail(Path(status.log_path))
        return text

    return message


def _tail(path: Path, limit: int) -> str:
    try:
        with open(path, "rb") as file:
            size = os.fstat(file.fileno()).st_size
            file.seek(max(0, size - limit))
            return file.read(limit).decode(errors="replace")
    except OSError:
        return ""


def log_tail(path: Path) -> str:
    """The last lines of a CRI log, without the prefixes."""
    lines = _tail(path, 4 * MAX_LOG_BYTES).splitlines(keepends=True)
    texts = []
    for line in lines[-MAX_LOG_LINES:]:
        parts = line.split(" ", 3)
        if len(parts) == 4:
            texts.append(parts[3] if parts[2] == "F" else parts[3].rstrip("\n"))
    return "".join(texts).encode()[-MAX_LOG_BYTES:].decode(errors="replace")
