"""Removing what is left of pods: sandboxes, containers, directories, logs, cgroups.

`remove_pod` is for a pod that has ended here; `orphans` finds what belongs to no pod any more, after a crash.
"""

from __future__ import annotations

import asyncio
import logging
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pybernetes.kubelet.context import NodeContext
from pybernetes.kubelet.cri import labels
from pybernetes.kubelet.cri.errors import RuntimeFailure

log = logging.getLogger(__name__)


async def remove_pod(node: NodeContext, uid: str, meta: dict[str, Any] | None = None) -> None:
    """Everything of one pod; what cannot go now is left for the next collection."""
    try:
        wanted = {labels.POD_UID: uid}
        sandboxes = await node.cri.list_sandboxes(wanted)
        for sandbox in sandboxes:
            await node.cri.stop_sandbox(sandbox.id)
            await node.cri.remove_sandbox(sandbox.id)
    except RuntimeFailure as error:
        log.warning("the sandboxes of pod %s stay for now: %s", uid, error)
        return
    logs = node.layout.pod_logs(meta) if meta is not None else None
    try:
        await asyncio.to_thread(_remove_directories, node, uid, logs)
    except OSError as error:
        log.warning("the directories of pod %s stay for now: %s", uid, error)
    node.cgroups.remove_pod(uid)


def _remove_directories(node: NodeContext, uid: str, logs: Path | None) -> None:
    node.volumes.tear_down(uid)
    directory = node.layout.pod(uid)
    if directory.exists():
        shutil.rmtree(directory)
    if logs is not None and logs.exists():
        shutil.rmtree(logs)


async def collect_orphans(node: NodeContext, known: Callable[[str], bool]) -> set[str]:
    """Remove what belongs to a pod (uid) that is not known; answers the uids that were removed."""
    found: set[str] = set()
    directory = node.layout.pods
    if directory.is_dir():
        found |= {path.name for path in directory.iterdir()}
    found |= node.cgroups.pod_uids()
    for sandbox in await node.cri.list_sandboxes():
        uid = sandbox.labels.get(labels.POD_UID)
        if uid:
            found.add(uid)
    orphans = {uid for uid in found if not known(uid)}
    for uid in orphans:
        log.info("removing what is left of pod %s", uid)
        await remove_pod(node, uid)
    if node.layout.logs.is_dir():
        for path in node.layout.logs.iterdir():
            if not known(path.name.rpartition("_")[2]):
                await asyncio.to_thread(shutil.rmtree, path, True)
    return orphans
