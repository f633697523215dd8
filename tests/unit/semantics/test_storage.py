"""Which volume a claim may have, and where it can be used."""

from __future__ import annotations

import pytest

from pybernetes.semantics import storage


def volume(name="v", size="1Gi", **spec):
    spec = {"capacity": {"storage": size}, "accessModes": ["ReadWriteOnce"], "storageClassName": "", **spec}
    return {"metadata": {"name": name}, "spec": spec}


def claim(name="c", size="1Gi", **spec):
    spec = {
        "resources": {"requests": {"storage": size}},
        "accessModes": ["ReadWriteOnce"],
        "storageClassName": "",
        **spec,
    }
    return {"metadata": {"name": name, "namespace": "default", "uid": f"{name}-uid"}, "spec": spec}


@pytest.mark.parametrize(
    "volume_spec, claim_spec, fits",
    [
        ({}, {}, True),
        ({"size": "2Gi"}, {}, True),
        ({"size": "512Mi"}, {}, False),
        ({"storageClassName": "fast"}, {}, False),
        ({"storageClassName": "fast"}, {"storageClassName": "fast"}, True),
        ({}, {"accessModes": ["ReadWriteMany"]}, False),
        ({"accessModes": ["ReadWriteOnce", "ReadWriteMany"]}, {"accessModes": ["ReadWriteMany"]}, True),
        ({"volumeMode": "Block"}, {}, False),
        ({}, {"selector": {"matchLabels": {"a": "b"}}}, False),
    ],
)
def test_what_suits_a_claim(volume_spec, claim_spec, fits):
    assert storage.suits(volume(**volume_spec), claim(**claim_spec)) is fits


def test_the_smallest_that_suits_is_taken():
    volumes = [volume("big", "10Gi"), volume("small", "2Gi"), volume("tiny", "1Mi")]
    assert storage.choose(claim(), volumes)["metadata"]["name"] == "small"


def test_a_volume_reserved_for_the_claim_comes_first():
    reserved = volume("mine", "1Mi", claimRef={"namespace": "default", "name": "c"})
    assert storage.choose(claim(), [volume("other"), reserved])["metadata"]["name"] == "mine"
    other = volume("taken", claimRef={"namespace": "default", "name": "x"})
    assert storage.choose(claim(), [other]) is None


def test_what_may_be_had_is_reserved_or_free():
    assert storage.may_have(volume(), claim())
    assert not storage.may_have({**volume(), "status": {"phase": "Released"}}, claim())
    mine = volume(claimRef={"namespace": "default", "name": "c", "uid": "c-uid"})
    assert storage.may_have(mine, claim()) and not storage.may_have(mine, claim("other"))
    ending = volume()
    ending["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    assert not storage.may_have(ending, claim())


def test_a_class_may_be_said_by_the_older_annotation():
    old = volume(storageClassName="slow")
    old["metadata"]["annotations"] = {storage.LEGACY_CLASS: "fast"}
    assert storage.suits(old, claim(storageClassName="fast"))


def test_a_volume_of_one_node_is_not_taken_for_another():
    term = {"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["a"]}]}
    local = volume("local", nodeAffinity={"required": {"nodeSelectorTerms": [term]}})
    a, b = ({"metadata": {"name": name}} for name in "ab")
    assert storage.choose(claim(), [local], a) is local
    assert storage.choose(claim(), [local], b) is None
