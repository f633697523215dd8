"""The service proxy alone, in network namespaces of this process: run by `network.py` under `unshare --net`.

Many services are put into informers by hand; measured is the time until the kernel has all of them, and until it has
one changed endpoint, and what a connection to a service costs more than one to the pod's own address. Out: JSON.
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

from pybernetes.api.kinds import ENDPOINT_SLICES, NODES, SERVICES, Kind
from pybernetes.client.interface import object_key
from pybernetes.client.store import ObjectStore
from pybernetes.lib.clock import RealClock
from pybernetes.network.services.proxier import Options, ServiceProxy

Object = dict[str, Any]
POD = "10.244.1.2"
DIRECT, BALANCED = "10.244.1.3", "10.244.1.4"


class Informer:
    """As much of an informer as the proxy sees."""

    def __init__(self, kind: Kind) -> None:
        self.kind = kind
        self.store = ObjectStore()
        self._handlers: list[dict[str, Any]] = []

    def add_handler(self, **handlers: Any) -> None:
        self._handlers.append(handlers)

    def add_index(self, name: str, values: Callable[[Object], list[str]]) -> None:
        self.store.add_index(name, values)

    async def wait_synced(self) -> None:
        return

    def put(self, obj: Object) -> None:
        old = self.store.put(object_key(obj), obj)
        for handlers in self._handlers:
            if old is None:
                handlers["added"](obj)
            else:
                handlers["updated"](old, obj)


class Informers:
    def __init__(self) -> None:
        self._all: dict[Kind, Informer] = {}

    def informer(self, kind: Kind, **selection: Any) -> Informer:
        return self._all.setdefault(kind, Informer(kind))


def service(number: int) -> Object:
    address = f"10.96.{number // 250}.{number % 250 + 1}"
    return {
        "metadata": {"name": f"s{number}", "namespace": "default"},
        "spec": {
            "type": "ClusterIP",
            "clusterIP": address,
            "clusterIPs": [address],
            "ports": [{"port": 80, "protocol": "TCP"}],
        },
    }


def piece(number: int, addresses: list[str]) -> Object:
    labels = {"kubernetes.io/service-name": f"s{number}"}
    return {
        "metadata": {"name": f"s{number}-x", "namespace": "default", "labels": labels},
        "addressType": "IPv4",
        "ports": [{"name": "", "port": 8080, "protocol": "TCP"}],
        "endpoints": [
            {"addresses": [one], "nodeName": f"n{at % 100}", "conditions": {"ready": True}}
            for at, one in enumerate(addresses)
        ],
    }


def addresses(number: int, count: int) -> list[str]:
    whole = range(number * count, number * count + count)
    return [f"10.{128 + one // 62500}.{one // 250 % 250}.{one % 250 + 1}" for one in whole]


async def settled(proxy: ServiceProxy) -> None:
    while not proxy.current:
        await RealClock().sleep(0.0005)


async def rules(services: int, endpoints: int) -> dict[str, float]:
    informers = Informers()
    proxy = ServiceProxy(informers, "n1", Options(healthz_port=0), RealClock())
    node = {
        "metadata": {"name": "n1"},
        "status": {"addresses": [{"type": "InternalIP", "address": "192.0.2.1"}]},
    }
    informers.informer(NODES).put(node)
    for number in range(1, services):
        informers.informer(SERVICES).put(service(number))
        informers.informer(ENDPOINT_SLICES).put(piece(number, addresses(number, endpoints)))
    informers.informer(SERVICES).put(service(0))
    informers.informer(ENDPOINT_SLICES).put(piece(0, [POD]))
    started = time.perf_counter()
    await proxy.start()
    await settled(proxy)
    full = time.perf_counter() - started
    changes = []
    for turn in range(40):
        number = 7 * turn + 5
        fewer = addresses(number, endpoints)
        fewer.pop(3)
        started = time.perf_counter()
        informers.informer(ENDPOINT_SLICES).put(piece(number, fewer))
        await settled(proxy)
        changes.append(time.perf_counter() - started)
    await proxy.close()
    return {"full": full, "change": statistics.median(changes), "worst change": max(changes)}


def command(*words: str) -> None:
    subprocess.run(words, check=True)


def serve() -> None:
    """In a namespace of its own: a server that closes what it accepts. Says a line, is joined, says another."""
    os.close(1)
    listener = socket.create_server((POD, 8080), backlog=1024)
    while True:
        accepted, _ = listener.accept()
        accepted.close()


def rate(source: str, address: str, port: int, seconds: float) -> float:
    count = 0
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        with socket.create_connection((address, port), 2, (source, 0)) as connection:
            connection.recv(1)
        count += 1
    return count / seconds


def connections(rounds: int, seconds: float) -> dict[str, float]:
    """From a client's namespace through this one, which is the node, to a pod's."""
    client = [sys.executable, __file__, "client", str(rounds), str(seconds)]
    holders = [subprocess.Popen(["unshare", "--net", "sleep", "600"]) for _ in range(2)]
    try:
        time.sleep(0.3)
        for holder, name, address in zip(holders, ("pod", "client"), (POD, DIRECT), strict=True):
            inside = ["nsenter", "--net", "-t", str(holder.pid)]
            command(
                "ip", "link", "add", name, "type", "veth", "peer", "name", "eth0", "netns", str(holder.pid)
            )
            command("ip", "addr", "add", "10.244.1.1/32", "dev", name)
            command("ip", "link", "set", name, "up")
            command("ip", "route", "add", f"{address}/32", "dev", name)
            for words in (
                ["link", "set", "lo", "up"],
                ["addr", "add", f"{address}/32", "dev", "eth0"],
                ["link", "set", "eth0", "up"],
                ["route", "add", "10.244.1.1/32", "dev", "eth0"],
                ["route", "add", "default", "via", "10.244.1.1"],
            ):
                command(*inside, "ip", *words)
        command("ip", "route", "add", f"{BALANCED}/32", "dev", "client")
        command(*inside, "ip", "addr", "add", f"{BALANCED}/32", "dev", "eth0")
        server = subprocess.Popen(
            ["nsenter", "--net", "-t", str(holders[0].pid), sys.executable, __file__, "serve"]
        )
        holders.append(server)
        time.sleep(0.7)
        done = subprocess.run(
            ["nsenter", "--net", "-t", str(holders[1].pid), *client],
            check=True,
            capture_output=True,
            text=True,
        )
        return dict(json.loads(done.stdout))
    finally:
        for holder in holders:
            holder.kill()
            holder.wait()


def compare(rounds: int, seconds: float) -> dict[str, float]:
    """Turn by turn, so that a noisy machine is as noisy for both; from addresses of their own, since both end at
    the same place, and a port that one has used is not free for the other until the kernel forgets."""
    direct, balanced = [], []
    for _ in range(rounds):
        direct.append(rate(DIRECT, POD, 8080, seconds))
        balanced.append(rate(BALANCED, "10.96.0.1", 80, seconds))
    return {"direct": statistics.median(direct), "service": statistics.median(balanced)}


def main() -> None:
    match sys.argv[1:]:
        case ["serve"]:
            serve()
        case ["client", rounds, seconds]:
            print(json.dumps(compare(int(rounds), float(seconds))))
        case [services, endpoints]:
            command("ip", "link", "set", "lo", "up")
            with open("/proc/sys/net/ipv4/ip_forward", "w") as file:
                file.write("1")
            command("ip", "link", "add", "out", "type", "bridge")
            command("ip", "addr", "add", "192.0.2.1/24", "dev", "out")
            command("ip", "link", "set", "out", "up")
            command("ip", "route", "add", "default", "via", "192.0.2.254")
            found = asyncio.run(rules(int(services), int(endpoints)))
            found |= connections(15, 0.4)
            print(json.dumps(found))


if __name__ == "__main__":
    main()
