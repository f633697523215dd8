"""The HTTP server over real sockets on loopback: requests, framing, order, limits, failures."""

import asyncio
import logging

import pytest
from raw_client import connected, echo, serving

from pybernetes.lib.clock import RealClock
from pybernetes.lib.http.messages import (
    Answer,
    Headers,
    Request,
    Response,
)


async def test_a_kept_alive_connection_answers_one_request_after_the_other() -> None:
    async with serving(echo) as (_, port), connected(port) as client:
        for number in range(3):
            client.send(b"GET /a%%20b?n=%d HTTP/1.1\r\nHost: x\r\n\r\n" % number)
            status, headers, body = await client.answer()
            assert (status, body) == (200, b"GET /a%%20b?n=%d 0" % number)
            assert "connection" not in headers


async def test_pipelined_requests_are_answered_in_order_whatever_they_take() -> None:
    gate = asyncio.Event()

    async def handler(request: Request) -> Answer:
        if request.target == "/slow":
            await gate.wait()
        return Response(body=request.target.encode())

    async with serving(handler) as (_, port), connected(port) as client:
        client.send(
            b"GET /slow HTTP/1.1\r\n\r\nGET /2 HTTP/1.1\r\n\r\nPOST /3 HTTP/1.1\r\ncontent-length: 2\r\n\r\nab"
        )
        client.send(b"GET /4 HTTP/1.1\r\n\r\n")
        gate.set()
        assert [(await client.answer())[2] for _ in range(4)] == [b"/slow", b"/2", b"/3", b"/4"]


async def test_a_request_in_single_bytes_is_one_request() -> None:
    async with serving(echo) as (_, port), connected(port) as client:
        for byte in b"POST /x HTTP/1.1\r\nContent-Length: 3\r\nX: y\r\n\r\nabc":
            client.send(bytes([byte]))
            await client.writer.drain()
        assert (await client.answer())[2] == b"POST /x 3"


async def test_chunked_bodies_arrive_whole() -> None:
    async with serving(echo) as (_, port), connected(port) as client:
        client.send(b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n")
        client.send(b"2\r\nde\r\n0\r\nTrailer: ignored\r\n\r\n")
        status, headers, body = await client.answer()
        assert (status, headers["x-body"], body) == (200, "abcde", b"POST / 5")


async def test_a_body_is_held_back_until_the_handler_reads() -> None:
    begin = asyncio.Event()
    size = 40 << 20

    async def handler(request: Request) -> Answer:
        await begin.wait()
        total = 0
        async for chunk in request.body:
            total += len(chunk)
        return Response(body=str(total).encode())

    async with serving(handler) as (server, port), connected(port) as client:
        client.send(b"POST / HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % size)

        async def upload() -> None:
            block = bytes(1 << 20)
            for _ in range(size >> 20):
                client.send(block)
                await client.writer.drain()

        uploading = asyncio.create_task(upload())
        while not (paused := [c for c in server._site.connections if c._reading_paused]):
            await RealClock().sleep(0)
        assert paused[0]._current is not None and paused[0]._current.buffered < 1 << 20
        assert not uploading.done()
        begin.set()
        assert (await client.answer())[2] == str(size).encode()
        await uploading


async def test_100_continue_is_sent_when_the_handler_wants_the_body() -> None:
    async with serving(echo) as (_, port), connected(port) as client:
        client.send(b"PUT / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n")
        assert (await client.head())[0] == 100
        client.send(b"ok")
        assert (await client.answer())[2] == b"PUT / 2"


async def test_an_answer_without_reading_the_expected_body_closes_instead_of_asking_for_it() -> None:
    async def handler(request: Request) -> Answer:
        return Response(403, body=b"no")

    async with serving(handler) as (_, port), connected(port) as client:
        client.send(b"PUT / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n")
        status, headers, body = await client.answer()
        assert (status, headers["connection"], body) == (403, "close", b"no")
        assert await client.ended() == b""


async def test_a_body_above_the_handlers_limit_is_413() -> None:
    async def handler(request: Request) -> Answer:
        await request.body.read(10)
        raise AssertionError

    async with serving(handler) as (_, port):
        for request in (
            b"POST / HTTP/1.1\r\nContent-Length: 11\r\n\r\n" + bytes(11),
            b"POST / HTTP/1.1\r\nContent-Length: 99999999\r\n\r\n",
            b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n6\r\nabcdef\r\n6\r\nabcdef\r\n",
        ):
            async with connected(port) as client:
                client.send(request)
                assert (await client.answer())[0] == 413


async def test_head_has_the_length_and_no_body() -> None:
    async def handler(request: Request) -> Answer:
        return Response(body=[b"abc", b"def"])

    async with serving(handler) as (_, port), connected(port) as client:
        client.send(b"HEAD / HTTP/1.1\r\n\r\nGET / HTTP/1.1\r\n\r\n")
        assert (await client.head())[1]["content-length"] == "6"
        assert (await client.answer())[2] == b"abcdef"


async def test_a_204_has_neither_length_nor_body() -> None:
    async def handler(request: Request) -> Answer:
        return Response(204)

    async with serving(handler) as (_, port), connected(port) as client:
        client.send(b"GET / HTTP/1.1\r\n\r\n")
        assert await client.head() == (204, {})


async def test_http_1_0_is_answered_and_closed() -> None:
    async with serving(echo) as (_, port), connected(port) as client:
        client.send(b"GET / HTTP/1.0\r\n\r\n")
        assert (await client.answer())[1]["connection"] == "close"
        assert await client.ended() == b""


async def test_connection_close_is_honoured() -> None:
    async with serving(echo) as (_, port), connected(port) as client:
        client.send(b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n")
        assert (await client.answer())[1]["connection"] == "close"
        assert await client.ended() == b""


async def test_a_large_answer_in_parts_arrives_whole() -> None:
    parts = [bytes([n]) * 65536 for n in range(64)]

    async def handler(request: Request) -> Answer:
        return Response(body=parts)

    async with serving(handler) as (_, port), connected(port) as client:
        client.send(b"GET / HTTP/1.1\r\n\r\n")
        assert (await client.answer())[2] == b"".join(parts)


@pytest.mark.parametrize(
    "garbage",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET /\xff HTTP/1.1\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nnothex\r\n",
        b"GET / HTTP/1.1\r\nno colon\r\n\r\n",
    ],
)
async def test_malformed_requests_get_400_and_the_connection_ends(garbage: bytes) -> None:
    async with serving(echo) as (_, port), connected(port) as client:
        client.send(garbage)
        status, headers, _ = await client.answer()
        assert (status, headers["connection"]) == (400, "close")
        client.writer.close()


async def test_a_valid_request_before_a_malformed_one_is_still_answered() -> None:
    async with serving(echo) as (_, port), connected(port) as client:
        client.send(b"GET /ok HTTP/1.1\r\n\r\nbroken\r\n\r\n")
        assert (await client.answer())[2] == b"GET /ok 0"
        assert (await client.answer())[0] == 400


async def test_a_body_that_breaks_half_way_is_400() -> None:
    async with serving(echo) as (_, port), connected(port) as client:
        client.send(b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nExpect: 100-continue\r\n\r\n")
        assert (await client.head())[0] == 100
        client.send(b"zz\r\n")
        assert (await client.answer())[0] == 400


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"GET / HTTP/1.1\r\nX: " + b"a" * 70000 + b"\r\n\r\n",
        b"GET /" + b"a" * 70000 + b" HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + b"X: " + b"a" * 600000,
        b"GET / HTTP/1.1\r\n" + b"X: abcdefgh\r\n" * 7000 + b"\r\n",
    ],
)
async def test_a_head_above_64_kib_is_431(request_bytes: bytes) -> None:
    async with serving(echo) as (_, port), connected(port) as client:
        client.send(request_bytes)
        assert (await client.answer())[0] == 431


async def test_a_handler_that_fails_is_500_without_any_byte_of_the_request(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def handler(request: Request) -> Answer:
        raise RuntimeError(f"secret {request.headers.get('authorization')}")

    def error_body(status: int, text: str) -> Response:
        return Response(status, Headers({"content-type": "application/json"}), b"{}")

    with caplog.at_level(logging.DEBUG):
        async with serving(handler, error_body=error_body) as (_, port), connected(port) as client:
            client.send(b"GET /path HTTP/1.1\r\nAuthorization: token123\r\n\r\n")
            status, headers, body = await client.answer()
            assert (status, headers["content-type"], body) == (500, "application/json", b"{}")
            client.send(b"GET /again HTTP/1.1\r\n\r\n")
            assert (await client.answer())[0] == 500
    assert "RuntimeError" in caplog.text and "test_server.py" in caplog.text
    assert "token123" not in caplog.text and "/path" not in caplog.text


async def test_a_header_with_a_line_break_never_leaves() -> None:
    async def handler(request: Request) -> Answer:
        return Response(200, Headers({"x": "a\r\nset-cookie: b"}))

    async with serving(handler) as (_, port), connected(port) as client:
        client.send(b"GET / HTTP/1.1\r\n\r\n")
        status, headers, _ = await client.answer()
        assert status == 500 and "set-cookie" not in headers
