"""What this machine lacks for running nodes, and the exact command that mends it."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pybernetes.cluster import cgroups, commands, containerd
from pybernetes.cluster.failure import Failure

INSTALL = "apt-get install --yes --no-install-recommends"
LOWEST_KERNEL = (5, 4)
FREE_BYTES = 1 << 30
LEAST_FREE_BYTES = 64 << 20
"""Below this no cluster starts: the registry, containerd and their logs could not even be made."""


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at. `remedy` is a command or a sentence, "" when all is well."""

    subject: str
    state: str
    remedy: str = ""
    fatal: bool = True


def examine(data: Path) -> list[Finding]:
    """Look at everything; the order is that of mending."""
    checks: list[Callable[[], list[Finding]]] = [
        _root,
        _programs,
        _plugins,
        _control_groups,
        _kernel,
        _forwarding,
        lambda: _disk(data),
    ]
    return [finding for check in checks for finding in check()]


def check_essentials() -> None:
    """Raise Failure, with one command for all of them, when programs are missing."""
    missing = missing_packages()
    if missing:
        raise Failure(f"this machine lacks {', '.join(missing)}: run `{INSTALL} {' '.join(missing)}`")


def check_space(data: Path) -> None:
    """Raise Failure when the disk below a data directory is full, or as good as full."""
    free = free_bytes(data)
    if free < LEAST_FREE_BYTES:
        raise Failure(
            f"the disk is full: {free >> 20} MiB are free for {data} and {LEAST_FREE_BYTES >> 20} MiB are needed; free "
            f"some space, or choose another --data-dir"
        )


def free_bytes(data: Path) -> int:
    """What a folder may still grow, whether it is there already or not."""
    folder = data
    while not folder.is_dir():
        folder = folder.parent
    stat = os.statvfs(folder)
    return stat.f_bavail * stat.f_frsize


def missing_packages() -> list[str]:
    packages = [package for program, package in commands.PACKAGES.items() if commands.find(program) is None]
    try:
        containerd.cni_binaries()
    except Failure:
        packages.append("containernetworking-plugins")
    return list(dict.fromkeys(packages))


def _root() -> list[Finding]:
    if os.geteuid() == 0:
        return [Finding("user", "root")]
    return [Finding("user", "not root", "run the commands with sudo, or as root")]


def _programs() -> list[Finding]:
    found = []
    for program, package in commands.PACKAGES.items():
        path = commands.find(program)
        found.append(Finding(program, path or "missing", "" if path else f"{INSTALL} {package}"))
    return found


def _plugins() -> list[Finding]:
    try:
        return [Finding("CNI plugins", containerd.cni_binaries())]
    except Failure:
        return [Finding("CNI plugins", "missing", f"{INSTALL} containernetworking-plugins")]


def _control_groups() -> list[Finding]:
    version = cgroups.version()
    if version == 0:
        return [Finding("control groups", "not mounted", f"{INSTALL} cgroupfs-mount && cgroupfs-mount")]
    return [Finding("control groups", f"version {version}")]


def _kernel() -> list[Finding]:
    release = os.uname().release
    numbers = tuple(int("".join(filter(str.isdigit, part)) or 0) for part in release.split(".")[:2])
    if numbers < LOWEST_KERNEL:
        return [Finding("kernel", release, "install a kernel of 5.4 or later")]
    known = Path("/proc/filesystems").read_text()
    overlay = "overlay" in known or Path("/sys/module/overlay").exists()
    return [
        Finding("kernel", release),
        Finding(
            "overlay file system", "there" if overlay else "not loaded", "" if overlay else "modprobe overlay"
        ),
    ]


def _forwarding() -> list[Finding]:
    """Docker's firewall drops what is forwarded for others; the rule must be the user's choice."""
    rules = ""
    if commands.find("nft"):
        try:
            rules = commands.run(["nft", "list", "chain", "ip", "filter", "FORWARD"], check=False)
        except (Failure, OSError):
            rules = ""
    if "policy drop" in rules:
        return [
            Finding(
                "forwarding",
                "another firewall drops forwarded packets, so pods will not reach what is outside the cluster",
                "iptables -I FORWARD -i pyb+ -j ACCEPT; iptables -I FORWARD -o pyb+ -j ACCEPT",
                fatal=False,
            )
        ]
    return [Finding("forwarding", "nothing in the way")]


def _disk(data: Path) -> list[Finding]:
    free = free_bytes(data)
    text = f"{free / (1 << 30):.1f} GiB free for {data}"
    return [
        Finding(
            "disk",
            text,
            "" if free >= FREE_BYTES else f"free some space, or choose another --data-dir than {data}",
        )
    ]
