"""WebSockets: the handshake, framing both ways, and what happens to peers that break the rules."""

import asyncio

import pytest

from pybernetes.lib.http.messages import Headers
from pybernetes.lib.streams import MemoryStream
from pybernetes.lib.websocket import (
    ABNORMAL,
    WebSocket,
    WebSocketError,
    WebSocketStream,
    check_answer,
    client_handshake,
    is_handshake,
    mask,
    server_handshake,
)


def pair() -> tuple[WebSocket, WebSocket]:
    left, right = MemoryStream.pair()
    return WebSocket(left, client=True), WebSocket(right, client=False)


def test_the_accept_value_is_the_one_of_the_rfc() -> None:
    headers, protocol = server_handshake(
        Headers(
            {
                "Upgrade": "websocket",
                "Connection": "keep-alive, Upgrade",
                "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
                "Sec-WebSocket-Version": "13",
            }
        )
    )
    assert headers.get("sec-websocket-accept") == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
    assert protocol == ""


def test_the_clients_first_supported_subprotocol_is_chosen() -> None:
    request, key = client_handshake(["v9", "v5", "v4"])
    assert is_handshake(request)
    answer, protocol = server_handshake(request, ["v4", "v5"])
    assert protocol == "v5"
    assert check_answer(101, answer, key) == "v5"


def test_a_handshake_that_cannot_be_agreed_on_is_refused_with_its_status() -> None:
    request, key = client_handshake(["v9"])
    with pytest.raises(WebSocketError) as refused:
        server_handshake(request, ["v4"])
    assert refused.value.status == 403
    request.set("sec-websocket-version", "8")
    with pytest.raises(WebSocketError) as refused:
        server_handshake(request, ["v9"])
    assert refused.value.status == 426
    with pytest.raises(WebSocketError):
        server_handshake(Headers({"connection": "close"}))
    with pytest.raises(WebSocketError):
        check_answer(200, Headers(), key)


@pytest.mark.parametrize("size", [0, 1, 3, 4, 125, 126, 127, 65535, 65536, 300_001])
async def test_messages_of_any_size_arrive_both_ways(size: int) -> None:
    client, server = pair()
    message = bytes(range(256)) * (size // 256 + 1)
    client.send(message[:size])
    assert await server.receive() == message[:size]
    server.send(message[:size])
    assert await client.receive() == message[:size]
    server.send("grüße".encode(), binary=False)
    assert await client.receive() == "grüße"


def test_masking_twice_is_nothing() -> None:
    for size in range(9):
        data = b"abcdefghi"[:size]
        assert mask(mask(data, b"\x01\x02\x03\x04"), b"\x01\x02\x03\x04") == data
    assert mask(b"\x00" * 6, b"\x01\x02\x03\x04") == b"\x01\x02\x03\x04\x01\x02"


async def test_fragments_are_joined_around_control_frames_and_pings_answered() -> None:
    wire, other = MemoryStream.pair()
    server = WebSocket(other, client=True)
    wire.write(b"\x02\x02ab" + b"\x89\x01!" + b"\x00\x01c" + b"\x80\x01d")
    assert await server.receive() == b"abcd"
    answer = await wire.read()
    assert answer[0] == 0x8A and mask(answer[6:], answer[2:6]) == b"!"


async def test_single_bytes_are_enough() -> None:
    wire, other = MemoryStream.pair()
    server = WebSocket(other, client=False)
    receiving = asyncio.create_task(server.receive())
    for byte in b"\x82\x83\x01\x02\x03\x04" + mask(b"xyz", b"\x01\x02\x03\x04"):
        wire.write(bytes([byte]))
        await wire.drain()
    assert await receiving == b"xyz"


async def test_closing_is_answered_with_the_same_code() -> None:
    client, server = pair()
    client.close(1001, "bye")
    assert await server.receive() is None
    assert await client.receive() is None
    assert (server.close_code, client.close_code) == (1001, 1001)
    with pytest.raises(ConnectionError):
        server.send(b"x")


async def test_a_stream_that_just_ends_is_an_abnormal_close() -> None:
    wire, other = MemoryStream.pair()
    wire.close()
    server = WebSocket(other, client=False)
    assert await server.receive() is None
    assert server.close_code == ABNORMAL


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        (b"\x82\x01x", 1002),
        (b"\xc2\x81\0\0\0\0x", 1002),
        (b"\x80\x81\0\0\0\0x", 1002),
        (b"\x09\x81\0\0\0\0x", 1002),
        (b"\x83\x81\0\0\0\0x", 1002),
        (b"\x81\x81\0\0\0\0\xff", 1007),
        (b"\x82\xff\0\0\0\0\xff\0\0\0", 1009),
    ],
)
async def test_rules_that_are_broken_close_the_connection_with_their_code(frame: bytes, code: int) -> None:
    wire, other = MemoryStream.pair()
    server = WebSocket(other, client=False)
    wire.write(frame)
    with pytest.raises(WebSocketError):
        await server.receive()
    assert await wire.read() == b"\x88\x02" + code.to_bytes(2, "big")
    assert await server.receive() is None


async def test_a_byte_stream_passes_through_binary_messages() -> None:
    client, server = pair()
    left, right = WebSocketStream(client), WebSocketStream(server)
    left.write(b"abcdef")
    assert await right.read(4) == b"abcd"
    assert await right.read(4) == b"ef"
    right.write(b"x")
    assert await left.read() == b"x"
    left.close()
    assert await right.read() == b""
