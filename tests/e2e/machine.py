"""What of this machine a cluster touches, as a value: taken before and after, it shows what was left behind."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass, fields
from pathlib import Path

from pybernetes.cluster import cgroups, mounts


def output(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


@dataclass(frozen=True)
class State:
    """`processes` are the command lines of those that have to do with a cluster."""

    interfaces: frozenset[str]
    routes: frozenset[str]
    mounts: frozenset[str]
    namespaces: frozenset[str]
    tables: frozenset[str]
    control_groups: frozenset[str]
    processes: frozenset[str]
    forwarding: str

    @classmethod
    def now(cls, marks: tuple[str, ...]) -> State:
        """`marks` are texts, one of which is in the command line of every process that a cluster may leave."""
        tables = json.loads(output("nft", "-j", "list", "tables"))["nftables"]
        return cls(
            interfaces=frozenset(link["ifname"] for link in json.loads(output("ip", "-j", "link", "show"))),
            routes=frozenset(output("ip", "-4", "route", "show").splitlines()),
            mounts=frozenset(mounts.points()),
            namespaces=frozenset(output("lsns", "--noheadings", "--output", "NS", "--type", "net").split()),
            tables=frozenset(item["table"]["name"] for item in tables if "table" in item),
            control_groups=frozenset(
                str(path) for hierarchy in cgroups.hierarchies() for path in hierarchy.glob("pybernetes/*")
            ),
            processes=frozenset(_processes(marks)),
            forwarding=Path("/proc/sys/net/ipv4/ip_forward").read_text(),
        )

    def left_since(self, before: State) -> dict[str, list[str]]:
        """What is there now and was not before, by kind."""
        left: dict[str, list[str]] = {}
        for field in fields(self):
            now, then = getattr(self, field.name), getattr(before, field.name)
            if field.name == "forwarding":
                if now != then:
                    left["forwarding"] = [now]
            elif now - then:
                left[field.name] = sorted(now - then)
        return left


def _processes(marks: tuple[str, ...]) -> list[str]:
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes().split(b"\0")
        except OSError:
            continue
        line = " ".join(word.decode(errors="replace") for word in words).strip()
        if int(path.parent.name) != os.getpid() and any(mark in line for mark in marks):
            found.append(f"{path.parent.name} {line}")
    return found
