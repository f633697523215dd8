"""A node and its surroundings as network namespaces of this process, and servers and clients in them.

The calling thread lives in the node's namespace while the world exists; a socket belongs to the namespace
in which it was made. Everything is gone when the last descriptor is closed.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
import socket
import subprocess
from collections.abc import Iterator

from pybernetes.lib.clock import RealClock

NEW_NET = 0x40000000
_libc = ctypes.CDLL(None, use_errno=True)


def _call(name: str, *args: int) -> None:
    if getattr(_libc, name)(*args) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")


def _own() -> int:
    return os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)


def run(*command: str, check: bool = True) -> str:
    path = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "PATH": path})
    assert not check or done.returncode == 0, f"{' '.join(command)}: {done.stderr}"
    return done.stdout


class World:
    """A node with two addresses to the outside, pods behind it, an outsider, and another node's pod behind that."""

    NODE, OUTSIDE = "192.0.2.11", "192.0.2.1"

    def __init__(self) -> None:
        self._host = _own()
        _call("unshare", NEW_NET)
        self._spaces = {"node": _own()}
        run("ip", "link", "set", "lo", "up")
        self._write("ip_forward", "1")
        for name in ("conf/all/send_redirects", "conf/default/send_redirects"):
            self._write(name, "0")
        self.add("outside", self.OUTSIDE, device="eth0")
        run("ip", "addr", "replace", f"{self.NODE}/24", "dev", "eth0")
        run("ip", "route", "replace", "default", "via", self.OUTSIDE)
        with self.inside("outside"):
            run("ip", "route", "replace", "default", "via", self.NODE)
            self._write("ip_forward", "1")

    @staticmethod
    def _write(name: str, value: str) -> None:
        with open(f"/proc/sys/net/ipv4/{name}", "w") as file:
            file.write(value)

    @contextlib.contextmanager
    def inside(self, name: str) -> Iterator[None]:
        before = _own()
        _call("setns", self._spaces[name], NEW_NET)
        try:
            yield
        finally:
            _call("setns", before, NEW_NET)
            os.close(before)

    def add(self, name: str, address: str, *, device: str = "", beside: str = "node") -> None:
        """A namespace with this address, joined to another by a link of its own, as pods are."""
        with self.inside(beside):
            before = _own()
            _call("unshare", NEW_NET)
            self._spaces[name] = _own()
            _call("setns", before, NEW_NET)
            os.close(before)
            outer = device or f"veth-{name}"
            place = f"/proc/{os.getpid()}/fd/{self._spaces[name]}"
            run("ip", "link", "add", outer, "type", "veth", "peer", "name", "link0", "netns", place)
            run("ip", "link", "set", outer, "up")
            if not device:
                run("ip", "addr", "add", "10.244.1.1/32", "dev", outer)
                run("ip", "route", "add", f"{address}/32", "dev", outer)
        with self.inside(name):
            run("ip", "link", "set", "lo", "up")
            run("ip", "addr", "add", f"{address}/{24 if device else 32}", "dev", "link0")
            run("ip", "link", "set", "link0", "up")
            if not device:
                run("ip", "route", "add", "10.244.1.1/32", "dev", "link0")
                run("ip", "route", "add", "default", "via", "10.244.1.1")

    def socket(self, name: str, kind: int = socket.SOCK_STREAM) -> socket.socket:
        with self.inside(name):
            made = socket.socket(socket.AF_INET, kind)
        made.setblocking(False)
        return made

    async def serve(self, name: str, port: int = 8080) -> asyncio.Server:
        """A TCP server that says its name and who came."""

        async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(f"{name} {writer.get_extra_info('peername')[0]}".encode())
            writer.close()

        opened = self.socket(name)
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        opened.bind(("0.0.0.0", port))
        return await asyncio.start_server(connected, sock=opened)

    async def serve_udp(self, name: str, port: int = 8080) -> asyncio.DatagramTransport:
        class Echo(asyncio.DatagramProtocol):
            def connection_made(self, transport: asyncio.BaseTransport) -> None:
                self.transport = transport

            def datagram_received(self, data: bytes, addr: object) -> None:
                self.transport.sendto(name.encode(), addr)

        opened = self.socket(name, socket.SOCK_DGRAM)
        opened.bind(("0.0.0.0", port))
        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_datagram_endpoint(Echo, sock=opened)
        return transport

    async def ask(
        self, name: str, address: str, port: int, patience: float = 2.0, *, source: str = ""
    ) -> tuple[str, str]:
        """Which server answers, and whom it sees. Raises ConnectionRefusedError or TimeoutError."""
        opened = self.socket(name)
        if source:
            opened.bind((source, 0))
        try:
            async with RealClock().timeout(patience):
                loop = asyncio.get_running_loop()
                await loop.sock_connect(opened, (address, port))
                data = b""
                while piece := await loop.sock_recv(opened, 100):
                    data += piece
        finally:
            opened.close()
        server, _, seen = data.decode().partition(" ")
        return server, seen

    def close(self) -> None:
        _call("setns", self._host, NEW_NET)
        for space in self._spaces.values():
            os.close(space)
        os.close(self._host)
