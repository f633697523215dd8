"""Facts about the machine, read from /proc and /sys."""

from __future__ import annotations

import os
import platform
import uuid
from dataclasses import dataclass
from pathlib import Path

_ARCHITECTURES = {
    "x86_64": "amd64",
    "aarch64": "arm64",
    "armv7l": "arm",
    "ppc64le": "ppc64le",
    "s390x": "s390x",
}


@dataclass(slots=True, frozen=True)
class Machine:
    cpu: int
    """thousandths"""
    memory: int
    architecture: str
    kernel: str
    os_image: str
    boot_id: str
    machine_id: str
    system_uuid: str


def _text(path: str, default: str = "") -> str:
    try:
        return Path(path).read_text().strip()
    except OSError:
        return default


def architecture() -> str:
    name = platform.machine()
    return _ARCHITECTURES.get(name, name)


def memory_info() -> dict[str, int]:
    """/proc/meminfo in bytes."""
    result = {}
    for line in _text("/proc/meminfo").splitlines():
        name, _, rest = line.partition(":")
        words = rest.split()
        if words:
            result[name] = int(words[0]) * 1024
    return result


def os_image() -> str:
    for line in _text("/etc/os-release").splitlines():
        name, _, value = line.partition("=")
        if name == "PRETTY_NAME":
            return value.strip('"')
    return "Linux"


def read_machine(node_name: str) -> Machine:
    """Several nodes may share a machine: each has ids of its own, derived from the machine's and its name."""
    machine_id = _text("/etc/machine-id") or _text("/var/lib/dbus/machine-id") or platform.node()
    boot_id = _text("/proc/sys/kernel/random/boot_id")
    own = uuid.uuid5(uuid.NAMESPACE_OID, f"{machine_id}/{node_name}")
    return Machine(
        cpu=len(os.sched_getaffinity(0)) * 1000,
        memory=memory_info().get("MemTotal", 0),
        architecture=architecture(),
        kernel=platform.release(),
        os_image=os_image(),
        boot_id=boot_id,
        machine_id=own.hex,
        system_uuid=str(own),
    )


@dataclass(slots=True, frozen=True)
class Disk:
    size: int
    free: int
    inodes: int
    inodes_free: int


def disk(path: Path) -> Disk:
    found = os.statvfs(path)
    return Disk(
        found.f_blocks * found.f_frsize, found.f_bavail * found.f_frsize, found.f_files, found.f_favail
    )
