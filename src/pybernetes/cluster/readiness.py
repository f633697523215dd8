"""Waiting for what `up` has started: the API server, and nodes that say that they are ready.

In: the admin's access to the API. Out: lines of progress; a `Failure` says where to look when it takes too long.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pybernetes.cluster.admin import Admin
from pybernetes.cluster.failure import Failure
from pybernetes.cluster.layout import Layout
from pybernetes.cluster.local_cluster import ClusterSettings
from pybernetes.cluster.waiting import monotonic, until

SERVER_SECONDS = 20.0

Say = Callable[[str], None]


def wait_for_server(layout: Layout, settings: ClusterSettings, say: Say, started: float) -> None:
    admin = Admin(layout.pki, settings.secure_port, timeout=2)
    if not until(admin.ready, SERVER_SECONDS):
        raise Failure(
            f"the API server is not ready after {SERVER_SECONDS:g} s ({last_line(layout.logs / 'apiserver.log')}): "
            f"see `pybernetes logs apiserver` (in {layout.logs})"
        )
    admin.close()
    say(f"API server ready at https://127.0.0.1:{settings.secure_port} after {monotonic() - started:.1f} s")


def wait_for_nodes(
    layout: Layout,
    settings: ClusterSettings,
    admin: Admin,
    seconds: float,
    say: Say,
    started: float,
    beating: dict[str, str],
) -> None:
    """Wait until all nodes are Ready; those in `beating` must have said so since that time.

    What the API says of a node that was down is from before, until its lease runs out.
    """
    waiting = set(settings.node_names)

    def look() -> bool:
        for node in admin.call("GET", "/api/v1/nodes")["items"]:
            name = node["metadata"]["name"]
            if name in waiting and is_ready(node, beating.get(name, "")):
                waiting.discard(name)
                say(f"{name} Ready after {monotonic() - started:.1f} s")
        return not waiting

    if not until(look, seconds, 0.05):
        name = sorted(waiting)[0]
        raise Failure(
            f"{', '.join(sorted(waiting))} not Ready after {seconds:g} s: see `pybernetes logs {name}` and "
            f"`pybernetes logs {name}-containerd` (in {layout.logs})"
        )


def last_line(log: Path) -> str:
    """The last thing that a log says, shortened."""
    try:
        with open(log, "rb") as file:
            file.seek(max(file.seek(0, os.SEEK_END) - 4096, 0))
            lines = file.read().decode(errors="replace").split("\n")
    except OSError:
        return "no log yet"
    return next((line.strip()[:300] for line in reversed(lines) if line.strip()), "nothing in its log")


def is_ready(node: dict[str, Any], since: str = "") -> bool:
    """Whether the node's kubelet says that it is ready, and has said so since a time (as the API writes times)."""
    conditions = node.get("status", {}).get("conditions", [])
    return any(
        c["type"] == "Ready" and c["status"] == "True" and c.get("lastHeartbeatTime", "") >= since
        for c in conditions
    )
