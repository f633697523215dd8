"""Who manages which field, after updates and applies."""

from __future__ import annotations

from typing import Any

import pytest

from pybernetes.api.apply import fieldset
from pybernetes.api.apply.fields import changed, fields_of, fields_of_new
from pybernetes.api.apply.managers import (
    APPLY,
    UPDATE,
    Manager,
    after_create,
    after_update,
    apply,
    with_ledger,
)
from pybernetes.api.errors import Conflict
from pybernetes.api.kinds import DEPLOYMENTS
from pybernetes.api.schema import schema_for

TYPE = schema_for(DEPLOYMENTS)
Object = dict[str, Any]


def deployment(**spec: Any) -> Object:
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}, "spec": spec}


def containers(*names: str, **more: Any) -> Object:
    return {"spec": {"containers": [{"name": name, **more} for name in names]}}


def applier(name: str) -> Manager:
    return Manager(name, APPLY, "apps/v1")


def updater(name: str, subresource: str = "") -> Manager:
    return Manager(name, UPDATE, "apps/v1", subresource)


def applied(live: Object, config: Object, who: str, now: str = "t", force: bool = False) -> Object:
    result = apply(live, config, TYPE, applier(who), now, force=force)
    return with_ledger(result.obj, result.ledger)


def owned(obj: Object, who: str, operation: str = APPLY) -> list[str]:
    for item in obj["metadata"].get("managedFields", ()):
        if item["manager"] == who and item["operation"] == operation:
            return [fieldset.path_text(path) for path in fieldset.paths(item["fieldsV1"])]
    return []


def test_fields_in_their_published_form() -> None:
    obj = deployment(
        selector={"matchLabels": {"a": "b"}},
        template={
            "metadata": {"labels": {"a": "b"}},
            **containers("web", ports=[{"containerPort": 80}], args=["x"]),
        },
    )
    assert fields_of(obj, TYPE)["f:spec"] == {
        "f:selector": {},
        "f:template": {
            "f:metadata": {"f:labels": {"f:a": {}}},
            "f:spec": {
                "f:containers": {
                    'k:{"name":"web"}': {
                        ".": {},
                        "f:name": {},
                        "f:args": {},
                        "f:ports": {
                            'k:{"containerPort":80,"protocol":"TCP"}': {".": {}, "f:containerPort": {}},
                        },
                    }
                }
            },
        },
    }


def test_the_creator_manages_everything_but_identity() -> None:
    made = after_create(deployment(replicas=1), TYPE, updater("kubectl"), "t")
    assert owned(made, "kubectl", UPDATE) == [".spec.replicas"]


def test_an_update_takes_over_what_it_changes_and_nothing_else() -> None:
    old = after_create(deployment(replicas=1, paused=True), TYPE, updater("a"), "t1")
    new = after_update(old, deployment(replicas=2, paused=True), TYPE, updater("b"), "t2")
    assert owned(new, "a", UPDATE) == [".spec.paused"]
    assert owned(new, "b", UPDATE) == [".spec.replicas"]
    same = after_update(new, deployment(replicas=2, paused=True), TYPE, updater("c"), "t3")
    assert owned(same, "c", UPDATE) == []


def test_a_removed_field_is_nobodys() -> None:
    old = after_create(deployment(replicas=1, paused=True), TYPE, updater("a"), "t1")
    new = after_update(old, deployment(replicas=1), TYPE, updater("b"), "t2")
    assert owned(new, "a", UPDATE) == [".spec.replicas"]
    assert owned(new, "b", UPDATE) == []


def test_two_appliers_share_what_they_agree_on() -> None:
    live = applied(deployment(), deployment(replicas=3), "a")
    live = applied(live, deployment(replicas=3), "b")
    assert owned(live, "a") == owned(live, "b") == [".spec.replicas"]


def test_a_conflict_names_manager_and_field() -> None:
    live = applied(deployment(), deployment(replicas=3), "a")
    with pytest.raises(Conflict) as caught:
        applied(live, deployment(replicas=5), "b")
    assert caught.value.message == 'Apply failed with 1 conflict: conflict with "a": .spec.replicas'
    assert caught.value.details["causes"] == [
        {"reason": "FieldManagerConflict", "message": 'conflict with "a"', "field": ".spec.replicas"}
    ]


def test_a_conflict_with_an_updater_says_its_version() -> None:
    live = after_create(deployment(replicas=1), TYPE, updater("kubectl"), "t")
    with pytest.raises(Conflict, match=r'conflict with "kubectl" using apps/v1: \.spec\.replicas'):
        applied(live, deployment(replicas=5), "b")


def test_force_takes_the_field() -> None:
    live = applied(deployment(), deployment(replicas=3), "a")
    live = applied(live, deployment(replicas=5), "b", force=True)
    assert live["spec"]["replicas"] == 5
    assert owned(live, "a") == []
    assert owned(live, "b") == [".spec.replicas"]


def test_what_is_left_out_goes_unless_somebody_else_manages_it() -> None:
    live = applied(deployment(), deployment(replicas=3, paused=True, minReadySeconds=1), "a")
    live = applied(live, deployment(paused=True), "b")
    live = applied(live, deployment(replicas=3), "a")
    assert live["spec"] == {"replicas": 3, "paused": True}
    assert owned(live, "b") == [".spec.paused"]


def test_keyed_lists_merge_by_key_and_lose_only_ones_own_items() -> None:
    live = applied(deployment(), deployment(template=containers("web", "log", image="x")), "a")
    live = applied(live, deployment(template=containers("mesh", image="y")), "b")
    assert [c["name"] for c in live["spec"]["template"]["spec"]["containers"]] == ["web", "log", "mesh"]
    live = applied(live, deployment(template=containers("web", image="x")), "a")
    assert [c["name"] for c in live["spec"]["template"]["spec"]["containers"]] == ["web", "mesh"]


def test_atomic_lists_are_replaced_as_a_whole() -> None:
    live = applied(deployment(), deployment(template=containers("web", args=["a", "b"])), "a")
    with pytest.raises(Conflict, match=r'containers\[name="web"\]\.args'):
        applied(live, deployment(template=containers("web", args=["a"])), "b")
    live = applied(live, deployment(template=containers("web", args=["c"])), "a")
    assert live["spec"]["template"]["spec"]["containers"] == [{"name": "web", "args": ["c"]}]


def test_applying_the_same_again_changes_nothing() -> None:
    live = applied(deployment(), deployment(replicas=3), "a", now="t1")
    assert applied(live, deployment(replicas=3), "a", now="t2") == live


def test_the_ledger_can_be_cleared() -> None:
    old = after_create(deployment(replicas=1), TYPE, updater("a"), "t")
    new = deployment(replicas=1)
    new["metadata"]["managedFields"] = [{}]
    assert "managedFields" not in after_update(old, new, TYPE, updater("b"), "t")["metadata"]


def test_old_updaters_are_folded_into_one() -> None:
    obj = after_create(deployment(replicas=1), TYPE, updater("first"), "t")
    obj["metadata"]["labels"] = {}
    for number in range(14):
        labels = {**obj["metadata"]["labels"], f"l{number}": "x"}
        new = {**obj, "metadata": {**obj["metadata"], "labels": labels}}
        obj = after_update(obj, new, TYPE, updater(f"m{number:02}"), f"t{number:02}")
    names = [item["manager"] for item in obj["metadata"]["managedFields"]]
    assert len(names) == 10
    assert names[0] == "ancient-changes"
    assert ".metadata.labels.l0" in owned(obj, "ancient-changes", UPDATE)


def test_what_has_no_ledger_gets_one_when_something_is_applied() -> None:
    old = deployment(replicas=1, paused=True)
    new = after_update(old, deployment(replicas=2, paused=True), TYPE, updater("late"), "t1")
    assert "managedFields" not in new["metadata"]
    with pytest.raises(Conflict) as caught:
        applied(new, deployment(replicas=3), "a", "t2")
    assert str(caught.value) == (
        'Apply failed with 1 conflict: conflict with "before-first-apply" using apps/v1: .spec.replicas'
    )
    forced = applied(new, deployment(replicas=3), "a", "t2", force=True)
    assert owned(forced, "before-first-apply", UPDATE) == [".spec.paused"]


def test_a_writer_may_hand_fields_over_but_not_spoil_the_ledger() -> None:
    old = after_create(deployment(replicas=1), TYPE, updater("kubectl-client-side-apply"), "t1")
    ((entry, *_),) = (old["metadata"]["managedFields"],)
    handed = {**entry, "manager": "kubectl", "operation": APPLY}
    new = after_update(old, with_ledger(old, [handed]), TYPE, updater("kubectl"), "t2")
    assert owned(new, "kubectl", APPLY) and not owned(new, "kubectl-client-side-apply", UPDATE)
    for spoilt in ({**entry, "operation": "Move"}, {**entry, "fieldsV1": {"spec": {}}}):
        kept = after_update(old, with_ledger(old, [spoilt]), TYPE, updater("x"), "t2")
        assert kept["metadata"]["managedFields"] == [entry]


def test_what_holds_something_still_applied_stays_when_it_was_owned_as_a_whole() -> None:
    template = {"metadata": {"labels": {"a": "1", "b": "2"}}}
    old = after_create(deployment(template=template), TYPE, updater("kubectl-client-side-apply"), "t1")
    handed = [{**old["metadata"]["managedFields"][0], "manager": "kubectl", "operation": APPLY}]
    old = after_update(old, with_ledger(old, handed), TYPE, updater("kubectl"), "t2")
    new = applied(old, deployment(template={"metadata": {"labels": {"a": "1"}}}), "kubectl", "t3")
    assert new["spec"]["template"]["metadata"]["labels"] == {"a": "1"}


def test_several_conflicts_with_one_manager_are_listed() -> None:
    live = applied(deployment(), deployment(replicas=1, paused=True), "a")
    with pytest.raises(Conflict) as caught:
        applied(live, deployment(replicas=2, paused=False), "b")
    assert str(caught.value) == (
        'Apply failed with 2 conflicts: conflicts with "a":\n- .spec.paused\n- .spec.replicas'
    )


def test_set_algebra() -> None:
    a = {"f:x": {".": {}, "f:y": {}}, "f:z": {}}
    b = {"f:x": {"f:y": {}}}
    assert fieldset.difference(a, b) == {"f:x": {}, "f:z": {}}
    assert fieldset.intersection(a, b) == {"f:x": {"f:y": {}}}
    assert fieldset.union(b, {"f:x": {}}) == {"f:x": {".": {}, "f:y": {}}}
    assert fieldset.union(a, b) == a


@pytest.mark.parametrize("spec", [{}, {"replicas": 1}, {"template": containers("a", "b")}])
def test_new_objects_of_one_spec_own_what_each_alone_would(spec: Object) -> None:
    for name in ("one", "two"):
        obj = {**deployment(**spec), "metadata": {"name": name, "labels": {name: "x"}}}
        assert fields_of_new(obj, TYPE) == changed({}, obj, TYPE)[0]


def test_a_creator_owns_the_containers_that_it_adds_but_not_those_that_are_always_there() -> None:
    template = {"metadata": {"labels": {"a": "b"}}, **containers("web", ports=[{"containerPort": 80}])}
    obj = deployment(strategy={"type": "x", "rollingUpdate": {"maxSurge": 1}}, template=template)
    port = 'k:{"containerPort":80,"protocol":"TCP"}'
    assert fields_of_new(obj, TYPE)["f:spec"] == {
        "f:strategy": {"f:type": {}, "f:rollingUpdate": {".": {}, "f:maxSurge": {}}},
        "f:template": {
            "f:metadata": {"f:labels": {".": {}, "f:a": {}}},
            "f:spec": {
                "f:containers": {
                    'k:{"name":"web"}': {
                        ".": {},
                        "f:name": {},
                        "f:ports": {".": {}, port: {".": {}, "f:containerPort": {}}},
                    }
                }
            },
        },
    }


def test_who_applies_what_is_so_already_has_no_time() -> None:
    live = applied(deployment(), deployment(replicas=3), "a", "t1")
    live = applied(live, deployment(replicas=3), "b", "t2")
    assert [item.get("time") for item in live["metadata"]["managedFields"]] == [None, "t1"]
