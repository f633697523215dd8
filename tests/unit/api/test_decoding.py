import re
from typing import Any

import msgspec
import pytest

from pybernetes.api.decoding import DecodeError, Repeated, check, duplicates
from pybernetes.api.kinds import BUILTIN_KINDS, CONTROLLER_REVISIONS, DEPLOYMENTS, LEASES, PODS, SECRETS
from pybernetes.api.schema import schema_for, schema_of


def pod(**spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "p"},
        "spec": {"containers": [{"name": "c", "image": "i", "ports": [{"containerPort": 80}]}], **spec},
    }


def test_every_kind_has_a_schema() -> None:
    for kind in BUILTIN_KINDS:
        assert "metadata" in schema_for(kind).fields, kind
    assert "spec" in schema_of("autoscaling", "v1", "Scale").fields


def test_a_clean_object_stays_as_it_is() -> None:
    subject = pod(nodeSelector={"a": "b"}, priority=1, hostNetwork=True)
    before = msgspec.json.encode(subject)
    assert check(subject, schema_for(PODS)) == []
    assert msgspec.json.encode(subject) == before


def test_unknown_fields_are_named_and_dropped() -> None:
    subject = pod(foo=1)
    subject["spec"]["containers"][0]["bar"] = {}
    subject["extra"] = None
    assert check(subject, schema_for(PODS)) == [
        'unknown field "spec.containers[0].bar"',
        'unknown field "spec.foo"',
        'unknown field "extra"',
    ]
    assert "foo" not in subject["spec"]
    assert "bar" not in subject["spec"]["containers"][0]


def test_nulls_are_dropped() -> None:
    subject = pod(nodeName=None)
    subject["metadata"]["creationTimestamp"] = None
    subject["metadata"]["labels"] = {"a": None}
    assert check(subject, schema_for(PODS)) == []
    assert "nodeName" not in subject["spec"]
    assert subject["metadata"] == {"name": "p", "labels": {"a": ""}}


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        (
            {"hostNetwork": "yes"},
            "json: cannot unmarshal string into Go struct field PodSpec.spec.hostNetwork of type bool",
        ),
        (
            {"containers": {}},
            "json: cannot unmarshal object into Go struct field PodSpec.spec.containers of type "
            "[]v1.Container",
        ),
        (
            {"containers": [{"name": 5}]},
            "json: cannot unmarshal number into Go struct field Container.spec.containers.name of type "
            "string",
        ),
        (
            {"priority": 1.5},
            "json: cannot unmarshal number 1.5 into Go struct field PodSpec.spec.priority of type int32",
        ),
        (
            {"overhead": {"cpu": "lots"}},
            "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'",
        ),
    ],
)
def test_wrong_types_are_refused_as_go_would(spec: dict[str, Any], words: str) -> None:
    with pytest.raises(DecodeError) as caught:
        check(pod(**spec), schema_for(PODS))
    assert str(caught.value) == words


def test_quantities_and_times_become_canonical() -> None:
    subject = pod(overhead={"cpu": "0.5", "memory": 1024})
    subject["metadata"]["creationTimestamp"] = "2026-01-01T02:00:00+02:00"
    assert check(subject, schema_for(PODS)) == []
    assert subject["spec"]["overhead"] == {"cpu": "500m", "memory": "1024"}
    assert subject["metadata"]["creationTimestamp"] == "2026-01-01T00:00:00Z"
    lease = {"metadata": {"name": "l"}, "spec": {"renewTime": "2026-01-01T02:00:00.000000+02:00"}}
    assert check(lease, schema_for(LEASES)) == []
    assert lease["spec"]["renewTime"] == "2026-01-01T00:00:00.000000Z"


@pytest.mark.parametrize(
    ("text", "rest", "wanted"),
    [
        ("2026-01-01T00:00:00Z", "Z", ".000000"),
        ("2026-01-01T00:00:00.123Z", ".123Z", ".000000"),
        ("2026-01-01T00:00:00.1234567Z", "7Z", "Z07:00"),
    ],
)
def test_micro_times_have_six_digits(text: str, rest: str, wanted: str) -> None:
    lease = {"metadata": {"name": "l"}, "spec": {"renewTime": text}}
    with pytest.raises(DecodeError, match=re.escape(f'cannot parse "{rest}" as "{wanted}"')):
        check(lease, schema_for(LEASES))


def test_secrets_must_be_base64() -> None:
    assert check({"metadata": {}, "data": {"a": "aGk="}}, schema_for(SECRETS)) == []
    with pytest.raises(DecodeError, match="illegal base64 data at input byte 1"):
        check({"metadata": {}, "data": {"a": "a!=="}}, schema_for(SECRETS))


def test_duplicate_fields_are_found_in_any_spelling() -> None:
    for raw in (
        b'{"spec":{"a":1,"b":[{"c":1,"c":2}],"a":2}}',
        b'{"spec" : {"a": 1, "b": [{"c": 1, "c": 2}], "a": 2}}',
    ):
        assert duplicates(raw, msgspec.json.decode(raw)) == [
            'duplicate field "spec.b[0].c"',
            'duplicate field "spec.a"',
        ]
    for raw in (b'{"a":1}\n', b'{"a": "\\u003c\\":"}', b'{"a" : 1}'):
        assert duplicates(raw, msgspec.json.decode(raw)) == []


def test_problems_are_told_in_the_order_of_the_body() -> None:
    raw = (
        b'{"metadata":{"labels":{"a":"1","a":"2"}},"spec":{"odd":1,"replicas":2,"odd":{"x":1,"x":2},"replicas":3,'
        b'"template":{"spec":{"containers":[{"name":"a","name":"b","more":1}]}}}}'
    )
    found = duplicates(raw, msgspec.json.decode(raw))
    assert isinstance(found, Repeated)
    assert found.among_unknown(schema_for(DEPLOYMENTS)) == [
        'duplicate field "metadata.labels.a"',
        'unknown field "spec.odd"',
        'duplicate field "spec.replicas"',
        'duplicate field "spec.template.spec.containers[0].name"',
        'unknown field "spec.template.spec.containers[0].more"',
    ]


def test_what_has_no_schema_may_repeat_itself() -> None:
    raw = b'{"metadata":{},"data":{"a":1,"a":2},"revision":1, "revision":2}'
    found = duplicates(raw, msgspec.json.decode(raw))
    assert isinstance(found, Repeated)
    assert found.among_unknown(schema_for(CONTROLLER_REVISIONS)) == ['duplicate field "revision"']


def test_fields_know_how_they_merge() -> None:
    template = schema_for(DEPLOYMENTS).field("spec.template.spec")
    assert template is not None
    containers = template.object.fields["containers"]
    assert containers.merges
    assert containers.merge_key == "name"
    assert containers.list_map_keys == ("name",)
    assert schema_for(DEPLOYMENTS).fields["spec"].object.fields["strategy"].patch_strategy == ("retainKeys",)


def test_what_is_shared_with_a_checked_object_is_not_looked_at_again() -> None:
    schema = schema_for(PODS)
    known = {"metadata": {"name": "a"}, "spec": {"containers": [{"nonsense": 1}]}}
    assert check({**known, "metadata": {"name": "b"}}, schema, known) == []
    assert check({"spec": {**known["spec"], "odd": 1}}, schema, known)[-1] == 'unknown field "spec.odd"'
    with pytest.raises(DecodeError):
        check({**known, "metadata": {**known["metadata"], "labels": 3}}, schema, known)
    nulls = {"metadata": {"name": "a", "labels": None}}
    again = {"metadata": {**nulls["metadata"]}}
    assert check(again, schema, nulls) == [] and again == {"metadata": {"name": "a"}}


def test_no_more_than_a_hundred_problems_are_told() -> None:
    obj: dict[str, Any] = {"metadata": {}, **{f"odd{number}": 1 for number in range(1000)}}
    unknown = check(obj, schema_for(PODS))
    assert len(unknown) == 100 and unknown[0] == 'unknown field "odd0"'
    assert obj == {"metadata": {}}
