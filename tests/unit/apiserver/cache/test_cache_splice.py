import msgspec
import pytest

from pybernetes.apiserver.cache import splice
from pybernetes.apiserver.cache.entry import read_entry
from pybernetes.apiserver.cache.facts import CacheSpec, Reader, SelectableField

OBJECT = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "spec": {"replicas": 2},
    "metadata": {"name": "web", "resourceVersion": "3", "labels": {"a": "b"}},
}
HEAD = splice.Head("apps/v1", "Deployment")


def test_an_object_at_rest_begins_with_metadata_and_lacks_what_readers_add() -> None:
    value = splice.at_rest(OBJECT)
    assert value == b'{"metadata":{"name":"web","labels":{"a":"b"}},"spec":{"replicas":2}}'
    assert OBJECT["metadata"] == {"name": "web", "resourceVersion": "3", "labels": {"a": "b"}}


@pytest.mark.parametrize("value", [splice.at_rest(OBJECT), b'{"metadata":{}}', b'{"metadata":{},"spec":{}}'])
def test_the_forms_turn_into_each_other(value: bytes) -> None:
    item = splice.item(value, 1234)
    decoded = msgspec.json.decode(item)
    assert decoded["metadata"]["resourceVersion"] == "1234"
    assert splice.value(item) == value
    assert splice.restamp(item, 5) == splice.item(value, 5)
    served = msgspec.json.decode(HEAD.served(item))
    assert served == {"apiVersion": "apps/v1", "kind": "Deployment", **decoded}
    assert splice.decoded(value, 1234, HEAD) == served
    assert msgspec.json.decode(HEAD.frame("ADDED", item)) == {"type": "ADDED", "object": served}
    assert splice.decoded(value, 0) == msgspec.json.decode(value)


def test_bytes_of_another_form_are_refused() -> None:
    with pytest.raises(ValueError, match="must begin with"):
        splice.item(b'{"kind":"Pod"}', 1)


def test_a_bookmark_is_a_line_with_kind_and_revision() -> None:
    line = HEAD.bookmark(7, True)
    assert line.endswith(b"}\n")
    assert msgspec.json.decode(line) == {
        "type": "BOOKMARK",
        "object": {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"resourceVersion": "7", "annotations": {"k8s.io/initial-events-end": "true"}},
        },
    }
    assert "annotations" not in msgspec.json.decode(HEAD.bookmark(7))["object"]["metadata"]


FIELDS = (
    SelectableField("spec.unschedulable", "false"),
    SelectableField("status.replicas", "0"),
    SelectableField("source", "", ("source.component", "reportingController")),
    SelectableField("type"),
)


@pytest.mark.parametrize(
    ("value", "labels", "fields"),
    [
        (b'{"metadata":{"name":"a"}}', {}, ("false", "0", "", "")),
        (
            b'{"metadata":{"labels":{"x":"y"}},"spec":{"unschedulable":true,"more":[1]},"status":{"replicas":3}}',
            {"x": "y"},
            ("true", "3", "", ""),
        ),
        (b'{"metadata":{"labels":null},"spec":null,"type":"T"}', {}, ("false", "0", "", "T")),
        (b'{"metadata":{},"source":{"component":""},"reportingController":"c"}', {}, ("false", "0", "c", "")),
        (
            b'{"metadata":{},"source":{"component":"s"},"reportingController":"c"}',
            {},
            ("false", "0", "s", ""),
        ),
        (b'{"metadata":{},"spec":"odd","type":{"odd":1}}', {}, ("false", "0", "", "")),
    ],
)
def test_labels_and_fields_are_read_whatever_the_shape(
    value: bytes, labels: dict[str, str], fields: tuple[str, ...]
) -> None:
    assert Reader(FIELDS).read(value) == (labels, fields)


def test_an_entry_knows_its_names_and_fields() -> None:
    spec = CacheSpec("pods", fields=(SelectableField("spec.nodeName"),))
    entry = read_entry(spec, "default/web", 9, b'{"metadata":{"name":"web"},"spec":{"nodeName":"n1"}}')
    assert (entry.namespace, entry.name, entry.revision) == ("default", "web", 9)
    assert entry.fields == {"metadata.name": "web", "metadata.namespace": "default", "spec.nodeName": "n1"}
    assert [entry.field(name) for name in (*entry.fields, "spec.other")] == [*entry.fields.values(), ""]
    node = read_entry(CacheSpec("nodes", namespaced=False), "n1", 9, b'{"metadata":{"name":"n1"}}')
    assert (node.namespace, node.name) == ("", "n1")
    assert node.object()["metadata"] == {"resourceVersion": "9", "name": "n1"}


def test_texts_are_escaped_as_go_escapes_them() -> None:
    obj = {"metadata": {"name": "x"}, "data": {"<a>": "b && c", "lines": "\u2028\u2029", "plain": "é – ü"}}
    value = splice.escaped(splice.at_rest(obj))
    assert b"\\u003ca\\u003e" in value and b"b \\u0026\\u0026 c" in value and b"\\u2028\\u2029" in value
    assert "é – ü".encode() in value
    assert msgspec.json.decode(value) == obj
    assert splice.escaped(b'{"a":"b"}') == b'{"a":"b"}'
