"""Nodes, and labels of nodes that are out of use where something selects by them."""

from __future__ import annotations

from typing import Any

from pybernetes.api.fields import SPEC, FieldPath
from pybernetes.api.names import is_label_value
from pybernetes.api.warnings.addresses import network

Object = dict[str, Any]

_INSTEAD = {
    "beta.kubernetes.io/arch": 'deprecated since v1.14; use "kubernetes.io/arch" instead',
    "beta.kubernetes.io/os": 'deprecated since v1.14; use "kubernetes.io/os" instead',
    "failure-domain.beta.kubernetes.io/region": (
        'deprecated since v1.17; use "topology.kubernetes.io/region" instead'
    ),
    "failure-domain.beta.kubernetes.io/zone": (
        'deprecated since v1.17; use "topology.kubernetes.io/zone" instead'
    ),
    "beta.kubernetes.io/instance-type": (
        'deprecated since v1.17; use "node.kubernetes.io/instance-type" instead'
    ),
    "app.kubernetes.io/created-by": "deprecated since v1.9",
    "scheduler.alpha.kubernetes.io/preferAvoidPods": "deprecated since v1.22; use Taints and Tolerations instead",
    "node-role.kubernetes.io/master": 'use "node-role.kubernetes.io/control-plane" instead',
}


def node(new: Object, old: Object | None) -> list[str]:
    spec = new.get("spec") or {}
    found = []
    if spec.get("configSource") is not None:
        found.append("spec.configSource: the feature is removed")
    if spec.get("externalID"):
        found.append("spec.externalID: this field is deprecated, and is unused by Kubernetes")
    for position, text in enumerate(spec.get("podCIDRs") or ()):
        found.extend(network(SPEC.child("podCIDRs").at(position), text))
    return found


def old_label(key: str) -> str | None:
    """What is to be said of a label, None of one in use."""
    return _INSTEAD.get(key)


def selector_term(term: Object, path: FieldPath, values: bool = False) -> list[str]:
    """Of a node selector's term; with `values`, also values that no label can have."""
    found: list[str] = []
    for position, expression in enumerate(term.get("matchExpressions") or ()):
        where = path.child("matchExpressions").at(position)
        key = expression.get("key") or ""
        text = old_label(key)
        if text:
            found.append(f"{where.child('key')}: {key} is {text}")
        if values:
            for number, value in enumerate(expression.get("values") or ()):
                place = where.child("values").at(number)
                found.extend(f"{place}: {value} is invalid, {why}" for why in is_label_value(value))
    return found
