"""exec, attach and port-forward: a client that speaks WebSocket or SPDY, joined to containerd's SPDY.

containerd answers a CRI call with the URL of its own streaming server on this node's loopback.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from pybernetes.client.transport import HttpTransport
from pybernetes.kubelet.cri.client import CRIClient
from pybernetes.lib.channels import (
    Negotiated,
    Wanted,
    accept_channels,
    bridge,
    connect_channels,
    negotiate,
    spdy_headers,
)
from pybernetes.lib.clock import Clock
from pybernetes.lib.forwarding import PROTOCOL, bridge_forwards, negotiate_forward
from pybernetes.lib.http.messages import Headers, Request, Upgrade
from pybernetes.lib.streams import ByteStream


async def _dial(url: str, headers: Headers) -> ByteStream:
    """containerd's end of the stream. Raises ConnectionError."""
    parts = urlsplit(url)
    transport = HttpTransport(f"{parts.scheme}://{parts.netloc}")
    target = parts.path + (f"?{parts.query}" if parts.query else "")
    answer = await transport.upgrade("POST", target, headers)
    if answer.stream is None:
        text = answer.body.decode(errors="replace").strip()
        raise ConnectionError(f"the container runtime refused to stream: {answer.status} {text}")
    return answer.stream


def _flag(request: Request, *names: str) -> bool:
    return any(request.query_value(name).lower() in ("1", "true") for name in names)


def wanted_of(request: Request) -> Wanted:
    tty = _flag(request, "tty")
    return Wanted(
        stdin=_flag(request, "input", "stdin"),
        stdout=_flag(request, "output", "stdout"),
        stderr=_flag(request, "error", "stderr") and not tty,
        tty=tty,
    )


def _joined(url: str, negotiated: Negotiated, wanted: Wanted, clock: Clock) -> Upgrade:
    async def run(stream: ByteStream) -> None:
        runtime = await connect_channels(await _dial(url, spdy_headers()), wanted)
        try:
            client = await accept_channels(stream, negotiated, wanted, clock)
        except BaseException:
            runtime.abort()
            raise
        await bridge(client, runtime)

    return Upgrade(run, negotiated.headers)


async def exec_(request: Request, cri: CRIClient, container: str, clock: Clock) -> Upgrade:
    """Raises NegotiationError, RuntimeFailure."""
    negotiated = negotiate(request.headers)
    wanted = wanted_of(request)
    command = request.query.get("command", [])
    url = await cri.exec_url(
        container, command, tty=wanted.tty, stdin=wanted.stdin, stdout=wanted.stdout, stderr=wanted.stderr
    )
    return _joined(url, negotiated, wanted, clock)


async def attach(request: Request, cri: CRIClient, container: str, clock: Clock) -> Upgrade:
    negotiated = negotiate(request.headers)
    wanted = wanted_of(request)
    url = await cri.attach_url(
        container, tty=wanted.tty, stdin=wanted.stdin, stdout=wanted.stdout, stderr=wanted.stderr
    )
    return _joined(url, negotiated, wanted, clock)


async def port_forward(request: Request, cri: CRIClient, sandbox: str, clock: Clock) -> Upgrade:
    negotiated = negotiate_forward(request.headers)
    ports = [
        int(port) for text in request.query.get("port", []) for port in text.split(",") if port.isdigit()
    ]
    url = await cri.port_forward_url(sandbox, ports)

    async def run(stream: ByteStream) -> None:
        runtime = await _dial(url, spdy_headers(PROTOCOL))
        await bridge_forwards(stream, negotiated, ports, runtime, clock)

    return Upgrade(run, negotiated.headers)
