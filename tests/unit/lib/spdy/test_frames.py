"""SPDY frames: the published constants, round trips, and input that is refused."""

import zlib

import pytest

from pybernetes.lib.http.messages import Headers
from pybernetes.lib.spdy import frames
from pybernetes.lib.spdy.dictionary import DICTIONARY


def test_the_dictionary_is_the_one_of_spdy_3() -> None:
    assert len(DICTIONARY) == 1423
    assert zlib.adler32(DICTIONARY) == 0xE3C6A7C2


def test_control_frames_have_the_published_layout() -> None:
    assert frames.ping(7) == bytes.fromhex("80030006 00000004 00000007")
    assert frames.rst_stream(3, frames.CANCEL) == bytes.fromhex("80030003 00000008 00000003 00000005")
    assert frames.goaway(9) == bytes.fromhex("80030007 00000008 00000009 00000000")
    assert frames.window_update(1, 256) == bytes.fromhex("80030009 00000008 00000001 00000100")
    assert frames.settings({7: 65536}) == bytes.fromhex("80030004 0000000c 00000001 00000007 00010000")
    assert frames.data(5, b"ab", fin=True) == bytes.fromhex("00000005 01000002") + b"ab"


def test_frames_survive_the_wire_in_any_portions() -> None:
    encoder = frames.Encoder()
    first = Headers([("streamType", "stdin"), ("x", "1"), ("x", "2")])
    wire = b"".join(
        [
            encoder.syn_stream(1, first),
            encoder.syn_reply(1, Headers({"a": "b"}), frames.FLAG_FIN),
            frames.data(1, bytes(1000)),
            encoder.headers(1, first),
            frames.settings({7: 99, 4: 1}),
            frames.ping(3),
        ]
    )
    for portion in (1, 7, len(wire)):
        decoder = frames.Decoder()
        got = [f for at in range(0, len(wire), portion) for f in decoder.feed(wire[at : at + portion])]
        assert [f.kind for f in got] == [
            frames.SYN_STREAM,
            frames.SYN_REPLY,
            0,
            frames.HEADERS,
            frames.SETTINGS,
            frames.PING,
        ]
        assert got[0].headers is not None and got[0].headers.get_all("X") == ["1", "2"]
        assert got[0].headers.get("streamtype") == "stdin"
        assert got[1].fin and got[2].data == bytes(1000)
        assert got[4].settings == {7: 99, 4: 1} and got[5].value == 3


@pytest.mark.parametrize(
    "wire",
    [
        bytes.fromhex("80020006 00000004 00000007"),
        bytes.fromhex("80030006 00000002 0000"),
        bytes.fromhex("80030002 00000008 00000001 ffffffff"),
    ],
)
def test_what_is_not_spdy_3_is_refused(wire: bytes) -> None:
    with pytest.raises(frames.FrameError):
        frames.Decoder().feed(wire)


def test_a_header_block_that_inflates_without_end_is_refused() -> None:
    bomb = frames.Encoder().syn_stream(1, Headers({"a": "x" * (frames.MAX_HEADER_BLOCK + 1)}))
    with pytest.raises(frames.FrameError, match="longer than"):
        frames.Decoder().feed(bomb)


def test_frames_of_unknown_kinds_are_skipped() -> None:
    assert frames.Decoder().feed(bytes.fromhex("800300ff 00000002 0000")) == []
