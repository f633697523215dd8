"""TLS contexts, and the server under uvloop's TLS: client certificates reach `Request.peer`, upgrades work."""

import asyncio
import contextlib
import gc
import ssl
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import uvloop
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from pybernetes.lib.clock import RealClock
from pybernetes.lib.http.connection import Connection
from pybernetes.lib.http.messages import Answer, Headers, Request, Response, Streaming, Upgrade, Writer
from pybernetes.lib.http.server import Server
from pybernetes.lib.sockets import dial
from pybernetes.lib.streams import ByteStream
from pybernetes.lib.tls import client_context, server_context

START = datetime(2026, 1, 1, tzinfo=UTC)


class Authority:
    def __init__(self, name: str) -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self.pem = self._sign(self.name, self.key, ca=True)

    def _sign(self, subject: x509.Name, key: ec.EllipticCurvePrivateKey, *, ca: bool) -> str:
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self.name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(START - timedelta(days=3650))
            .not_valid_after(START + timedelta(days=3650))
            .add_extension(x509.BasicConstraints(ca, None), True)
        )
        if not ca:
            builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), False)
        certificate = builder.sign(self.key, hashes.SHA256())
        return certificate.public_bytes(serialization.Encoding.PEM).decode()

    def issue(self, name: str) -> tuple[str, str]:
        key = ec.generate_private_key(ec.SECP256R1())
        pem = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ).decode()
        return self._sign(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]), key, ca=False), pem


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority("test-ca")


def on_uvloop(work: Coroutine[Any, Any, None]) -> None:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(work)


async def who(request: Request) -> Answer:
    if "upgrade" in request.headers:

        async def echo(stream: ByteStream) -> None:
            while data := await stream.read():
                stream.write(data)
                await stream.drain()

        return Upgrade(echo, Headers({"upgrade": "echo"}))
    name = "nobody"
    if request.peer.certificate is not None:
        certificate = x509.load_der_x509_certificate(request.peer.certificate)
        name = certificate.subject.rfc4514_string()
    return Response(body=f"{name} {request.peer.secure}".encode())


async def settled(holds: Callable[[], bool]) -> None:
    """Let the loop turn until something holds, for a second at most."""
    for _ in range(100):
        if holds():
            return
        await RealClock().sleep(0.01)
    raise AssertionError("it does not come to hold")


async def ask(port: int, context: ssl.SSLContext, name: str = "localhost") -> bytes:
    stream = await dial("127.0.0.1", port, tls=context, server_name=name)
    stream.write(b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n")
    answer = b""
    while data := await stream.read():
        answer += data
    stream.close()
    await stream.wait_closed()
    return answer.partition(b"\r\n\r\n")[2]


def test_client_certificates_are_optional_and_reach_the_handler(authority: Authority, tmp_path: Path) -> None:
    certificate, key = authority.issue("server")
    (tmp_path / "ca.crt").write_text(authority.pem)
    context = server_context(certificate, key, client_ca=tmp_path / "ca.crt")

    async def run() -> None:
        server = Server(who, RealClock())
        port = await server.start("127.0.0.1", 0, context)
        user, user_key = authority.issue("user")
        ca = tmp_path / "ca.crt"
        assert await ask(port, client_context(ca=ca)) == b"nobody True"
        assert await ask(port, client_context(ca=ca, certificate=user, key=user_key)) == b"CN=user True"
        with pytest.raises(ssl.SSLError):
            await ask(port, client_context(ca=ca), name="other")
        with pytest.raises(ssl.SSLError):
            await ask(port, client_context(ca=Authority("unknown").pem))
        stranger, stranger_key = Authority("stranger").issue("stranger")
        with contextlib.suppress(OSError):
            context_ = client_context(ca=ca, certificate=stranger, key=stranger_key)
            assert await ask(port, context_) == b""
        assert await ask(port, client_context(verify=False)) == b"nobody True"
        await server.close(0)

    on_uvloop(run())


def test_upgrades_over_tls_carry_bytes_both_ways(authority: Authority) -> None:
    context = server_context(*authority.issue("server"))
    block = bytes(range(256)) * 4096

    async def run() -> None:
        server = Server(who, RealClock())
        port = await server.start("127.0.0.1", 0, context)
        stream = await dial("127.0.0.1", port, tls=client_context(ca=authority.pem), server_name="localhost")
        assert stream is not None
        stream.write(b"GET / HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n" + block)
        received = b""
        while len(received.partition(b"\r\n\r\n")[2]) < len(block):
            received += await stream.read()
        head, _, body = received.partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 101 ") and body == block
        stream.close()
        await stream.wait_closed()
        await server.close(0)

    on_uvloop(run())


def test_a_connection_that_ends_leaves_nothing_for_the_collector_of_cycles(authority: Authority) -> None:
    context = server_context(*authority.issue("server"))

    def connections() -> list[object]:
        return [one for one in gc.get_objects() if isinstance(one, Connection)]

    async def endless(writer: Writer) -> None:
        writer.write(b"x")
        await asyncio.Event().wait()

    async def answer(request: Request) -> Answer:
        return Streaming(endless) if request.target == "/stream" else Response()

    async def run() -> None:
        server = Server(answer, RealClock())
        port = await server.start("127.0.0.1", 0, context)
        for target in ("/", "/stream"):
            stream = await dial(
                "127.0.0.1", port, tls=client_context(ca=authority.pem), server_name="localhost"
            )
            stream.write(f"GET {target} HTTP/1.1\r\n\r\n".encode())
            await stream.read()
            assert len(connections()) == 1
            stream.close()
            await stream.wait_closed()
        await settled(lambda: not connections())
        await server.close(0)

    gc.collect()
    gc.disable()
    try:
        on_uvloop(run())
    finally:
        gc.enable()


def test_contexts_offer_tls_1_2_and_http_1_1(authority: Authority) -> None:
    context = server_context(*authority.issue("server"), client_ca=authority.pem)
    assert context.minimum_version == ssl.TLSVersion.TLSv1_2
    assert context.verify_mode == ssl.CERT_OPTIONAL
    assert client_context(ca=authority.pem).verify_mode == ssl.CERT_REQUIRED
