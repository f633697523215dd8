from datetime import UTC, datetime

import pytest

from pybernetes.api import fields, names, times


def test_labels_and_subdomains() -> None:
    assert names.is_dns1123_label("my-name") == []
    assert names.is_dns1123_label("my.name") == ["must not contain dots"]
    assert names.is_dns1123_label("a" * 64) == ["must be no more than 63 characters"]
    assert names.is_dns1123_subdomain("Bad_Name") == [
        "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', "
        "and must "
        "start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is "
        r"'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
    ]
    assert names.is_dns1035_label("1a") != []
    assert names.is_dns1035_label("a1") == []


def test_keys_and_values() -> None:
    assert names.is_qualified_name("example.com/MyName") == []
    assert names.is_qualified_name("/x") == ["prefix part must be non-empty"]
    assert names.is_qualified_name("a/b/c")[0].startswith("a valid label key must consist of")
    assert names.is_qualified_name("")[0] == "name part must be non-empty"
    assert names.is_label_value("") == []
    assert names.is_label_value("a" * 64) == ["must be no more than 63 bytes"]
    assert names.is_config_key("..") == ["must not be '..'"]
    assert names.is_port_name("http") == []
    assert names.is_port_name("-a--1") == [
        "must not contain consecutive hyphens",
        "must not begin or end with a hyphen",
    ]
    assert names.is_path_segment("a/b") == ["may not contain '/'"]


def test_addresses() -> None:
    assert names.is_ip("x", "10.0.0.1") == []
    assert str(names.is_ip("x", "10.0.0")[0]).startswith(
        'x: Invalid value: "10.0.0": must be a valid IP address'
    )
    assert names.is_cidr("x", "10.0.0.1/16") == []
    assert names.is_cidr("x", "10.0.0.0") != []


def test_times_round_trip() -> None:
    moment = datetime(2026, 1, 2, 3, 4, 5, 6, UTC)
    assert times.format_time(moment) == "2026-01-02T03:04:05Z"
    assert times.format_micro_time(moment) == "2026-01-02T03:04:05.000006Z"
    assert times.parse_time("2026-01-02T03:04:05.000006Z") == moment
    assert times.parse_time("2026-01-02T05:04:05+02:00") == moment.replace(microsecond=0)
    with pytest.raises(ValueError):
        times.parse_time("yesterday")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(-5, "<invalid>"), (0, "0s"), (119, "119s"), (120, "2m"), (192, "3m12s"), (5820, "97m"),
     (12000, "3h20m"),
     (93600, "26h"), (86400 * 5 + 10800, "5d3h"), (86400 * 12, "12d"),
     (86400 * 740, "2y10d"), (86400 * 3300, "9y")],
)  # fmt: skip
def test_ages(seconds: float, text: str) -> None:
    assert times.human_duration(seconds) == text


def test_durations() -> None:
    assert times.parse_duration("1h30m") == 5400
    assert times.parse_duration("250ms") == 0.25
    assert times.format_duration(3600) == "1h0m0s"
    assert times.format_duration(1.5) == "1.5s"
    with pytest.raises(ValueError, match='time: invalid duration "x"'):
        times.parse_duration("x")


def test_field_errors_read_as_clients_know_them() -> None:
    path = fields.SPEC.child("containers").at(0).child("image")
    assert str(fields.required(path)) == "spec.containers[0].image: Required value"
    assert str(fields.invalid(path, "x", "bad")) == 'spec.containers[0].image: Invalid value: "x": bad'
    assert (
        str(fields.not_supported("a", "x", ["A", "B"]))
        == 'a: Unsupported value: "x": supported values: "A", "B"'
    )
    assert str(fields.too_long("a", 63)) == "a: Too long: may not be more than 63 bytes"
    assert str(fields.too_many("a", 5, 3)) == "a: Too many: 5: must have at most 3 items"
    assert (
        str(fields.invalid("a", {"b": 1}, fields.IMMUTABLE))
        == 'a: Invalid value: {"b":1}: field is immutable'
    )
    assert fields.duplicate("a", 80).cause() == {
        "reason": "FieldValueDuplicate",
        "message": "Duplicate value: 80",
        "field": "a",
    }
    assert fields.METADATA.child("labels").key("foo") == "metadata.labels[foo]"
