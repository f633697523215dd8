"""systemd units: which command in, the unit file's text out. Pure but for the path of this program."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from itertools import pairwise

DESCRIPTIONS = {
    "up": "pybernetes cluster {name} (server and local nodes)",
    "server": "pybernetes server {name}",
    "node": "pybernetes node",
}


def unit(what: str, name: str, flags: Sequence[str], program: str = "") -> str:
    """The unit for `pybernetes WHAT FLAGS`. `up` starts and is done, so stopping it is `down`."""
    command = [program or sys.executable, *([] if program else ["-m", "pybernetes.cli"])]
    start = shlex.join([*command, what, *flags])
    lines = [
        f"# Save as /etc/systemd/system/pybernetes-{what}.service, then run",
        f"# systemctl daemon-reload && systemctl enable --now pybernetes-{what}",
        "[Unit]",
        f"Description={DESCRIPTIONS[what].format(name=name)}",
        "Wants=network-online.target",
        "After=network-online.target",
        "",
        "[Service]",
    ]
    if what == "up":
        cluster = [flag for pair in _pairs(flags, ("--name", "--data-dir")) for flag in pair]
        lines += [
            "Type=oneshot",
            "RemainAfterExit=yes",
            f"ExecStart={start}",
            f"ExecStop={shlex.join([*command, 'down', *cluster])}",
            "TimeoutStartSec=180",
        ]
    else:
        lines += ["Type=exec", f"ExecStart={start}", "Restart=always", "RestartSec=2"]
    # Containers outlive a restart of the unit: only its main process is signalled, and its groups are its own.
    lines += [
        "KillMode=process",
        "Delegate=yes",
        "LimitNOFILE=1048576",
        "TasksMax=infinity",
        "OOMScoreAdjust=-500",
    ]
    lines += ["", "[Install]", "WantedBy=multi-user.target"]
    return "\n".join(lines) + "\n"


def _pairs(flags: Sequence[str], wanted: Sequence[str]) -> list[tuple[str, str]]:
    return [(flag, value) for flag, value in pairwise(flags) if flag in wanted]
