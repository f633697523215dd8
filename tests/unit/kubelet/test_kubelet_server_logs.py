"""Reading CRI logs."""

from __future__ import annotations

import io
from datetime import UTC, datetime

import pytest

from pybernetes.kubelet.server import access, logs
from pybernetes.kubelet.termination import log_tail
from pybernetes.lib.http.messages import Request

LINES = [
    b"2026-01-01T00:00:01.5Z stdout F one\n",
    b"2026-01-01T00:00:02.5Z stderr F two\n",
    b"2026-01-01T00:00:03.5Z stdout P thr\n",
    b"2026-01-01T00:00:03.6Z stdout F ee\n",
]


def shown(**options):
    return b"".join(logs.render(line, logs.LogOptions(**options)) for line in LINES)


def test_lines_are_shown_without_their_prefix_and_parts_are_joined():
    assert shown() == b"one\ntwo\nthree\n"


def test_since_and_stream_select():
    assert shown(since=datetime(2026, 1, 1, 0, 0, 2, tzinfo=UTC)) == b"two\nthree\n"
    assert shown(stream="stderr") == b"two\n"


def test_timestamps_are_kept_on_demand():
    assert shown(stream="stderr", timestamps=True) == b"2026-01-01T00:00:02.5Z two\n"


@pytest.mark.parametrize(
    ("lines", "wanted"), [(0, b""), (1, LINES[3]), (2, LINES[2] + LINES[3]), (9, b"".join(LINES))]
)
def test_the_tail_begins_at_the_right_line(lines, wanted):
    file = io.BytesIO(b"".join(LINES))
    file.seek(logs.start_of_tail(file, lines))
    assert file.read() == wanted


def test_options_come_from_the_query():
    request = Request("GET", "/x?tailLines=5&follow=true&sinceSeconds=60&previous=1")
    options = logs.parse_options(request, datetime(2026, 1, 1, tzinfo=UTC))
    assert (options.tail, options.follow, options.previous) == (5, True, True)
    assert options.since == datetime(2025, 12, 31, 23, 59, tzinfo=UTC)
    with pytest.raises(logs.OptionsWrong):
        logs.parse_options(Request("GET", "/x?tailLines=many"), datetime(2026, 1, 1, tzinfo=UTC))


def test_the_end_of_a_log_is_the_message_of_last_resort(tmp_path):
    path = tmp_path / "0.log"
    path.write_bytes(b"".join(LINES))
    assert log_tail(path) == "one\ntwo\nthree\n"
    assert log_tail(tmp_path / "none") == ""


def test_what_a_request_needs_to_be_allowed():
    assert access.parts("/stats/summary") == ["stats"]
    assert access.parts("/pods") == ["pods", "proxy"]
    assert access.parts("/exec/a/b/c") == ["proxy"]
    assert access.verb("POST") == "create"
