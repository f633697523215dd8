"""The transport and kubeconfigs against a real listener on loopback, over TLS with a client certificate."""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
import pytest_asyncio
import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from pybernetes.api import errors
from pybernetes.api.kinds import PODS
from pybernetes.client import kubeconfig
from pybernetes.client.rest import RestClient
from pybernetes.client.transport import HttpTransport
from pybernetes.lib.clock import RealClock
from pybernetes.lib.http.messages import Answer, Headers, Request, Response, Streaming, Upgrade, Writer
from pybernetes.lib.http.server import Server
from pybernetes.lib.streams import ByteStream


def _key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


class Authority:
    """A certificate authority for one test run."""

    def __init__(self) -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test-ca")])
        self.pem = self._build(self.name, self.key, ca=True)

    def _build(self, name: x509.Name, key: ec.EllipticCurvePrivateKey, ca: bool) -> bytes:
        now = datetime.datetime.now(datetime.UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(self.name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(minutes=5))
            .not_valid_after(now + datetime.timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca, None), True)
            .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), False)
        )
        return builder.sign(self.key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)

    def issue(self, common_name: str) -> tuple[bytes, bytes]:
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
        return self._build(name, key, ca=False), _key_pem(key)


async def _handle(request: Request) -> Answer:
    if request.path == "/echo":
        return Response(200, Headers(), await request.body.read(1 << 24))
    if request.path == "/who":
        certificate = request.peer.certificate
        subject = x509.load_der_x509_certificate(certificate).subject.rfc4514_string() if certificate else ""
        return Response(200, Headers(), f"{subject} {request.headers.get('authorization')}".encode())
    if request.path == "/stream":

        async def run(writer: Writer) -> None:
            for number in range(3):
                writer.write(f"{number}\n".encode())
                await writer.drain()

        return Streaming(run)
    if request.path == "/endless":

        async def tick(writer: Writer) -> None:
            writer.write(b"tick\n")
            await writer.wait_closed()

        return Streaming(tick)
    if request.path == "/never":
        await asyncio.get_running_loop().create_future()
    if request.path == "/upgrade":

        async def echo(stream: ByteStream) -> None:
            while data := await stream.read():
                stream.write(data.upper())
                await stream.drain()

        return Upgrade(echo, Headers({"upgrade": "SPDY/3.1", "connection": "Upgrade"}))
    return Response(404, Headers(), b"no such page")


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority()


@pytest_asyncio.fixture
async def port(authority: Authority, tmp_path: Path) -> AsyncIterator[int]:
    certificate, key = authority.issue("localhost")
    (tmp_path / "tls.crt").write_bytes(certificate)
    (tmp_path / "tls.key").write_bytes(key)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "tls.crt", tmp_path / "tls.key")
    context.verify_mode = ssl.CERT_OPTIONAL
    context.load_verify_locations(cadata=authority.pem.decode())
    server = Server(_handle, RealClock())
    yield await server.start("127.0.0.1", 0, context)
    await server.close(0)


def access(
    authority: Authority, port: int, token: str = "", common_name: str = ""
) -> kubeconfig.ClusterAccess:
    certificate, key = authority.issue(common_name) if common_name else (b"", b"")
    config = kubeconfig.make(
        f"https://localhost:{port}",
        ca_data=authority.pem,
        certificate_data=certificate,
        key_data=key,
        token=token,
    )
    return kubeconfig.parse(yaml.safe_dump(config))


async def test_a_kubeconfig_with_a_certificate_proves_who_asks(authority: Authority, port: int) -> None:
    client = RestClient(access(authority, port, common_name="admin").transport())
    assert await client.raw("GET", "/who") == (200, b"CN=admin ")
    await client.close()


async def test_a_kubeconfig_with_a_token_sends_it(authority: Authority, port: int) -> None:
    client = RestClient(access(authority, port, token="secret").transport())
    assert await client.raw("GET", "/who") == (200, b" Bearer secret")
    await client.close()


async def test_large_bodies_go_both_ways(authority: Authority, port: int) -> None:
    client = RestClient(access(authority, port).transport())
    data = bytes(range(256)) * 8000
    assert await client.raw("POST", "/echo", data) == (200, data)
    await client.close()


async def test_a_stream_arrives_and_may_be_left(authority: Authority, port: int) -> None:
    client = RestClient(access(authority, port).transport())
    answer = await client.stream("GET", "/stream")
    assert b"".join([chunk async for chunk in answer]) == b"0\n1\n2\n"
    answer = await client.stream("GET", "/stream")
    await answer.close()
    await client.close()


async def test_an_upgrade_gives_the_connection_to_the_caller(authority: Authority, port: int) -> None:
    transport = access(authority, port).transport()
    answer = await transport.upgrade(
        "POST", "/upgrade", Headers({"connection": "Upgrade", "upgrade": "SPDY/3.1"})
    )
    assert answer.status == 101 and answer.stream is not None
    answer.stream.write(b"hello")
    await answer.stream.drain()
    assert await answer.stream.read() == b"HELLO"
    answer.stream.close()
    await answer.stream.wait_closed()
    await transport.close()


async def test_a_refused_upgrade_says_why(authority: Authority, port: int) -> None:
    transport = access(authority, port).transport()
    answer = await transport.upgrade("POST", "/nowhere", Headers({"connection": "Upgrade"}))
    assert (answer.status, answer.stream, answer.body) == (404, None, b"no such page")
    await transport.close()


async def test_a_server_that_is_not_there_is_service_unavailable(authority: Authority) -> None:
    client = RestClient(access(authority, 1).transport())
    with pytest.raises(errors.ServiceUnavailable, match="localhost:1"):
        await client.get(PODS, "default", "web")
    await client.close()


async def test_a_server_of_another_authority_is_refused(port: int) -> None:
    client = RestClient(access(Authority(), port).transport())
    with pytest.raises(errors.ServiceUnavailable, match="certificate"):
        await client.get(PODS, "default", "web")
    await client.close()


async def test_a_token_file_is_read_again_when_it_changes(
    authority: Authority, port: int, tmp_path: Path
) -> None:
    token = tmp_path / "token"
    token.write_text("first\n")
    config = kubeconfig.make(f"https://localhost:{port}", ca_data=authority.pem)
    config["users"][0]["user"]["tokenFile"] = "token"
    file = tmp_path / "config"
    file.write_text(yaml.safe_dump(config))
    client = RestClient(kubeconfig.load(file).transport())
    assert (await client.raw("GET", "/who"))[1] == b" Bearer first"
    token.write_text("second\n")
    assert (await client.raw("GET", "/who"))[1] == b" Bearer second"
    await client.close()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"current-context": ""}, "no current-context"),
        ({"current-context": "other"}, "no context named 'other'"),
        ({"clusters": []}, "no cluster named 'pybernetes'; it has: none"),
        ({"users": [{"name": "pybernetes-user", "user": {"exec": {"command": "x"}}}]}, "from a plugin"),
    ],
)
def test_a_kubeconfig_that_cannot_be_used_says_why(change: dict[str, object], message: str) -> None:
    with pytest.raises(kubeconfig.KubeconfigError, match=message):
        kubeconfig.from_dict({**kubeconfig.make("http://localhost:1"), **change})


async def test_an_answer_that_is_left_unread_does_not_spoil_the_next(authority: Authority, port: int) -> None:
    client = RestClient(access(authority, port).transport())
    for _ in range(3):
        answer = await client.stream("GET", "/stream")
        async for _chunk in answer:
            break
        await answer.close()
        assert await client.raw("POST", "/echo", b"hello") == (200, b"hello")
    await client.close()


async def test_many_requests_at_once_share_the_pool(authority: Authority, port: int) -> None:
    client = RestClient(access(authority, port, token="t").transport())
    answers = await asyncio.gather(*(client.raw("POST", "/echo", b"%d" % n) for n in range(200)))
    assert [body for _, body in answers] == [b"%d" % n for n in range(200)]
    await client.close()


async def test_a_request_that_is_given_up_does_not_spoil_the_next(authority: Authority, port: int) -> None:
    client = RestClient(access(authority, port).transport())
    assert (await client.raw("GET", "/who"))[0] == 200
    waiting = asyncio.ensure_future(client.raw("GET", "/never"))
    with pytest.raises(TimeoutError):
        await RealClock().wait_for(asyncio.shield(waiting), 0.05)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    assert await client.raw("POST", "/echo", b"hello") == (200, b"hello")
    await client.close()


async def test_closing_ends_streams_that_are_open(authority: Authority, port: int) -> None:
    client = RestClient(access(authority, port).transport())
    answer = await client.stream("GET", "/endless")
    chunks = answer.__aiter__()
    assert await chunks.__anext__() == b"tick\n"
    await client.close()
    with pytest.raises(ConnectionError):
        await chunks.__anext__()


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (b"HTTP/1.1 200 OK\r\n\r\nto the end", (200, b"to the end")),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok", (200, b"ok")),
        (b"HTTP/1.1 204 No Content\r\n\r\n", (204, b"")),
    ],
)
async def test_every_way_to_end_an_answer_is_understood(answer: bytes, expected: tuple[int, bytes]) -> None:
    async with raw_server(answer) as port:
        client = RestClient(HttpTransport(f"http://127.0.0.1:{port}"))
        assert await client.raw("GET", "/") == expected
        await client.close()


@pytest.mark.parametrize(
    "answer", [b"", b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nshort", b"SSH-2.0-OpenSSH_9.2\r\n"]
)
async def test_a_broken_answer_is_service_unavailable(answer: bytes) -> None:
    async with raw_server(answer) as port:
        client = RestClient(HttpTransport(f"http://127.0.0.1:{port}"))
        with pytest.raises(errors.ServiceUnavailable, match=f"127.0.0.1:{port}"):
            await client.get(PODS, "default", "web")
        await client.close()


async def test_a_connection_that_the_server_has_closed_is_not_used_again() -> None:
    served = 0

    async def once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal served
        await reader.readuntil(b"\r\n\r\n")
        served += 1
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\n%d" % served)
        await writer.drain()
        await reader.read(1)

    async with listening(once) as port:
        client = RestClient(HttpTransport(f"http://127.0.0.1:{port}"))
        assert [(await client.raw("GET", "/"))[1] for _ in range(3)] == [b"1", b"2", b"3"]
        await client.close()


Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@contextlib.asynccontextmanager
async def listening(serve: Serve) -> AsyncIterator[int]:
    """A listener whose connections are all closed after `serve`, and at the end."""
    writers: list[asyncio.StreamWriter] = []

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        await serve(reader, writer)
        writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for writer in writers:
            writer.close()
        await asyncio.gather(*(writer.wait_closed() for writer in writers), return_exceptions=True)


@contextlib.asynccontextmanager
async def raw_server(answer: bytes) -> AsyncIterator[int]:
    """A server that gives every connection the same bytes and closes it."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)

    async with listening(serve) as port:
        yield port
