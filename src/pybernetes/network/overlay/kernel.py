"""Routes, neighbours and the VXLAN of one network namespace: what is there, and changing it, by netlink.

No program is started and nothing is polled: `watch` tells when somebody (also this program) changed something that
the pod network rests on. Requests are answered by the kernel at once.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import errno
import os
import socket
import threading
from collections.abc import Callable, Iterable, Iterator

from pybernetes.network.netlink import NLMSG_DONE, NLMSG_ERROR, error_of
from pybernetes.network.overlay import rtnetlink as rt
from pybernetes.network.overlay.plan import (
    DEVICE,
    AddDevice,
    DeleteAddress,
    DeleteDevice,
    DeleteForwarding,
    DeleteNeighbour,
    DeleteRoute,
    Operation,
    Present,
    SetAddress,
    SetDevice,
    SetForwarding,
    SetNeighbour,
    SetRoute,
    Way,
)
from pybernetes.network.routes import PROTOCOL

SOL_NETLINK, STRICT = 270, 12
NETLINK_ROUTE = 0
NEW_NETWORK = 0x40000000
HARMLESS = {
    rt.DELETE_ROUTE: {errno.ESRCH},
    rt.DELETE_NEIGHBOUR: {errno.ENOENT},
    rt.DELETE_ADDRESS: {errno.EADDRNOTAVAIL},
    rt.DELETE_LINK: {errno.ENODEV},
    rt.NEW_ADDRESS: {errno.EEXIST},
}
"""What is as wanted already."""


class Kernel:
    """Of the namespace that this thread is in, or of the one behind an open descriptor."""

    def __init__(self, namespace: int | None = None) -> None:
        self._socket = _opened(namespace, 0)
        with contextlib.suppress(OSError):
            self._socket.setsockopt(SOL_NETLINK, STRICT, 1)
        self._namespace = namespace
        self._sequence = 0
        self._interface = -1
        self._watch: socket.socket | None = None

    def close(self) -> None:
        self._socket.close()
        if self._watch is not None:
            asyncio.get_running_loop().remove_reader(self._watch.fileno())
            self._watch.close()
            self._watch = None

    # what is there

    def present(self) -> Present:
        """All that is ours, and the addresses and links that plans are made of."""
        links = {link.interface: link for link in map(rt.link_of, self._dump(rt.GET_LINK, rt.ask_links()))}
        addresses = [rt.address_of(body) for body in self._dump(rt.GET_ADDRESS, rt.ask_addresses())]
        device = next((link for link in links.values() if link.name == DEVICE), None)
        self._interface = index = device.interface if device is not None else -1
        routes: dict[str, Way] = {}
        for family in (4, 6):
            for body in self._dump(rt.GET_ROUTE, rt.ask_routes(family, PROTOCOL)):
                route = rt.route_of(body)
                if route is not None and route.protocol == PROTOCOL:
                    routes[route.destination] = Way(route.gateway, route.interface == index)
        neighbours: dict[str, str] = {}
        forwarding: dict[str, str] = {}
        if device is not None:
            asked = [rt.ask_neighbours(4, index), rt.ask_neighbours(6, index), rt.ask_forwarding(index)]
            for request in asked:
                for found in map(rt.neighbour_of, self._dump(rt.GET_NEIGHBOUR, request)):
                    if found.interface != index or not found.mac:
                        continue
                    if not found.forwarding:
                        neighbours[found.address] = found.mac
                    elif found.address:
                        forwarding[found.mac] = found.address
        return Present(
            links=links,
            addresses=addresses,
            device=device,
            routes=routes,
            neighbours=neighbours,
            forwarding=forwarding,
        )

    # changing it

    def apply(self, operations: Iterable[Operation]) -> None:
        """All of them, in order; raises OSError for the first that failed when all others have been tried."""
        failed: OSError | None = None
        for operation in operations:
            try:
                self._apply(operation)
            except OSError as error:
                failed = failed or OSError(error.errno, f"{operation}: {os.strerror(error.errno or 0)}")
        if failed is not None:
            raise failed

    def _apply(self, operation: Operation) -> None:
        create = rt.CREATE | rt.REPLACE
        match operation:
            case AddDevice(link):
                self._request(rt.NEW_LINK, rt.CREATE | rt.EXCLUSIVE, rt.vxlan(link))
            case SetDevice(link):
                self._request(rt.NEW_LINK, 0, rt.link_settings(link._replace(interface=self._device())))
            case DeleteDevice():
                self._request(rt.DELETE_LINK, 0, rt.link_gone(self._device()))
            case SetAddress(text):
                self._request(rt.NEW_ADDRESS, create, rt.address(rt.Address(self._device(), text)))
            case DeleteAddress(text):
                self._request(rt.DELETE_ADDRESS, 0, rt.address(rt.Address(self._device(), text)))
            case SetRoute(destination, way):
                index = self._device() if way.overlay else 0
                route = rt.Route(destination, way.gateway, index, PROTOCOL, way.overlay)
                self._request(rt.NEW_ROUTE, create, rt.route(route))
            case DeleteRoute(destination):
                self._request(rt.DELETE_ROUTE, 0, rt.route(rt.Route(destination, "", 0, PROTOCOL)))
            case SetNeighbour(address, mac):
                self._request(
                    rt.NEW_NEIGHBOUR, create, rt.neighbour(rt.Neighbour(self._device(), address, mac))
                )
            case DeleteNeighbour(address, mac):
                self._request(
                    rt.DELETE_NEIGHBOUR, 0, rt.neighbour(rt.Neighbour(self._device(), address, mac))
                )
            case SetForwarding(mac, address):
                entry = rt.Neighbour(self._device(), address, mac, True)
                self._request(rt.NEW_NEIGHBOUR, create, rt.neighbour(entry))
            case DeleteForwarding(mac, address):
                entry = rt.Neighbour(self._device(), address, mac, True)
                self._request(rt.DELETE_NEIGHBOUR, 0, rt.neighbour(entry))

    def _device(self) -> int:
        """The number of our VXLAN; an error when there is none."""
        for body in self._ask(rt.GET_LINK, 0, rt.ask_link(DEVICE)):
            return rt.link_of(body).interface
        raise OSError(errno.ENODEV, os.strerror(errno.ENODEV))

    # watching it

    def watch(self, changed: Callable[[], None]) -> None:
        """Call `changed` whenever links, addresses or routes change that matter to pods of other nodes."""
        self._watch = _opened(self._namespace, rt.GROUPS)
        self._watch.setblocking(False)
        asyncio.get_running_loop().add_reader(self._watch.fileno(), self._readable, changed)

    def _readable(self, changed: Callable[[], None]) -> None:
        matters = False
        while self._watch is not None:
            try:
                data = self._watch.recv(1 << 17)
            except BlockingIOError:
                break
            except OSError as error:
                if error.errno != errno.ENOBUFS:
                    raise
                matters = True
                continue
            matters = matters or any(self._matters(kind, body) for kind, _, body in rt.messages(data))
        if matters:
            changed()

    def _matters(self, kind: int, body: memoryview) -> bool:
        """Not the links, addresses and routes of pods, which come and go all the time."""
        if kind in (rt.NEW_LINK, rt.DELETE_LINK):
            return not rt.link_of(body).name.startswith("veth")
        if kind in (rt.NEW_ADDRESS, rt.DELETE_ADDRESS):
            address = rt.address_of(body)
            return address.interface == self._interface or not address.text.endswith(("/32", "/128"))
        if kind in (rt.NEW_ROUTE, rt.DELETE_ROUTE):
            route = rt.route_of(body)
            return route is not None and route.protocol == PROTOCOL
        return False

    # talking

    def _request(self, kind: int, flags: int, body: bytes) -> None:
        try:
            for _ in self._ask(kind, flags, body):
                pass
        except OSError as error:
            if error.errno not in HARMLESS.get(kind, ()):
                raise

    def _dump(self, kind: int, body: bytes) -> list[memoryview]:
        return list(self._ask(kind, rt.DUMP, body))

    def _ask(self, kind: int, flags: int, body: bytes) -> Iterator[memoryview]:
        self._sequence += 1
        asked = rt.header(kind, rt.REQUEST | rt.ACKNOWLEDGE | flags, body, self._sequence)
        self._socket.send(asked)
        found: list[memoryview] = []
        while True:
            for what, sequence, answer in rt.messages(self._socket.recv(1 << 17)):
                if sequence != self._sequence:
                    continue
                if what in (NLMSG_DONE, NLMSG_ERROR):
                    number = error_of(answer)
                    if number:
                        raise OSError(number, os.strerror(number))
                    return iter(found)
                found.append(answer)


def _opened(namespace: int | None, groups: int) -> socket.socket:
    """A socket belongs for good to the namespace in which it was made; a thread can visit another."""
    if namespace is None:
        return _socket(groups)
    found: list[socket.socket] = []
    failed: list[OSError] = []

    def visit() -> None:
        try:
            if ctypes.CDLL(None, use_errno=True).setns(namespace, NEW_NETWORK) != 0:
                number = ctypes.get_errno()
                raise OSError(number, f"cannot enter the network namespace: {os.strerror(number)}")
            found.append(_socket(groups))
        except OSError as error:
            failed.append(error)

    thread = threading.Thread(target=visit, name="namespace")
    thread.start()
    thread.join()
    if failed:
        raise failed[0]
    return found[0]


def _socket(groups: int) -> socket.socket:
    opened = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, NETLINK_ROUTE)
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
    opened.bind((0, groups))
    return opened
