"""Which rules an aggregated role has."""

from __future__ import annotations

from typing import Any

from pybernetes.controllers.clusterrole_aggregation import aggregated_rules


def role(name: str, labels: dict[str, str], *verbs: str) -> dict[str, Any]:
    rules = [{"verbs": [verb], "apiGroups": [""], "resources": ["pods"]} for verb in verbs]
    return {"metadata": {"name": name, "labels": labels}, "rules": rules}


VIEW = {
    "metadata": {"name": "view", "labels": {"to-edit": "true"}},
    "aggregationRule": {"clusterRoleSelectors": [{"matchLabels": {"to-view": "true"}}]},
}


def test_rules_come_from_selected_roles_in_order_of_their_names_and_once() -> None:
    roles = [
        VIEW,
        role("b", {"to-view": "true"}, "watch", "get"),
        role("a", {"to-view": "true"}, "get"),
        role("c", {"to-edit": "true"}, "delete"),
    ]
    assert [rule["verbs"] for rule in aggregated_rules(VIEW, roles)] == [["get"], ["watch"]]


def test_a_role_does_not_select_itself() -> None:
    own: dict[str, Any] = {
        **VIEW,
        "metadata": {"name": "view", "labels": {"to-view": "true"}},
        "rules": [{"verbs": ["x"]}],
    }
    assert aggregated_rules(own, [own]) == []
