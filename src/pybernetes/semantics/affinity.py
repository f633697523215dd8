"""Node selectors, node affinity and pod affinity terms: does this node, or that pod, match?

Objects are decoded JSON. Broken expressions match nothing, as they do upstream.
Source: the Kubernetes documentation page "Assigning Pods to Nodes".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pybernetes.api.selectors import LabelSelector, SelectorError

Object = Mapping[str, Any]
Labels = Mapping[str, str]


def expression_matches(expression: Object, labels: Labels) -> bool:
    """One `{key, operator, values}` of a node selector term against labels or fields."""
    present = labels.get(expression["key"])
    operator = expression.get("operator")
    values: list[str] = expression.get("values") or []
    if operator == "In":
        return present is not None and present in values
    if operator == "NotIn":
        return present is None or present not in values
    if operator == "Exists":
        return present is not None
    if operator == "DoesNotExist":
        return present is None
    if operator in ("Gt", "Lt") and present is not None and len(values) == 1:
        try:
            amount, bound = int(present), int(values[0])
        except ValueError:
            return False
        return amount > bound if operator == "Gt" else amount < bound
    return False


def term_matches(term: Object, labels: Labels, fields: Labels) -> bool:
    """All expressions of a term hold. A term without any matches nothing."""
    expressions = term.get("matchExpressions") or ()
    about_fields = term.get("matchFields") or ()
    if not expressions and not about_fields:
        return False
    return all(expression_matches(one, labels) for one in expressions) and all(
        expression_matches(one, fields) for one in about_fields
    )


def node_selector_matches(selector: Object | None, node: Object) -> bool:
    """Any of `nodeSelectorTerms` matches the node; without a selector every node does."""
    if selector is None:
        return True
    labels, fields = _labels_and_fields(node)
    return any(term_matches(term, labels, fields) for term in selector.get("nodeSelectorTerms") or ())


def _labels_and_fields(node: Object) -> tuple[Labels, Labels]:
    metadata = node["metadata"]
    return metadata.get("labels") or {}, {"metadata.name": metadata["name"]}


def required_node_affinity(pod: Object) -> Object | None:
    """The selector under `requiredDuringSchedulingIgnoredDuringExecution`, or None."""
    affinity = pod["spec"].get("affinity")
    node_affinity = affinity.get("nodeAffinity") if affinity else None
    if not node_affinity:
        return None
    found: Object | None = node_affinity.get("requiredDuringSchedulingIgnoredDuringExecution")
    return found


def node_matches_pod(pod: Object, node: Object) -> bool:
    """The node satisfies the pod's nodeSelector and its required node affinity."""
    labels = node["metadata"].get("labels") or {}
    for key, value in (pod["spec"].get("nodeSelector") or {}).items():
        if labels.get(key) != value:
            return False
    return node_selector_matches(required_node_affinity(pod), node)


def preferred_node_weight(pod: Object, node: Object) -> int:
    """The sum of the weights of the preferred terms that the node matches."""
    affinity = (pod["spec"].get("affinity") or {}).get("nodeAffinity") or {}
    preferred = affinity.get("preferredDuringSchedulingIgnoredDuringExecution") or ()
    if not preferred:
        return 0
    labels, fields = _labels_and_fields(node)
    total = 0
    for term in preferred:
        preference = term.get("preference") or {}
        empty = not preference.get("matchExpressions") and not preference.get("matchFields")
        if not empty and term_matches(preference, labels, fields):
            total += int(term.get("weight", 0))
    return total


class PodTerm:
    """A pod affinity or anti-affinity term, ready to be matched against many pods."""

    __slots__ = ("every_namespace", "namespace_selector", "namespaces", "selector", "topology_key", "weight")

    def __init__(self, term: Object, owner: Object, weight: int = 0) -> None:
        """`owner` is the pod that the term belongs to: its namespace is meant when the term names none."""
        self.topology_key: str = term["topologyKey"]
        self.weight = weight
        try:
            self.selector = LabelSelector.from_object(_with_label_keys(term, owner))
        except SelectorError:
            self.selector = LabelSelector(nothing=True)
        named = term.get("namespaces") or ()
        by_labels = term.get("namespaceSelector")
        self.every_namespace = by_labels is not None and not any(by_labels.values())
        self.namespace_selector = LabelSelector.from_object(by_labels)
        if named or by_labels is not None:
            self.namespaces = frozenset(named)
        else:
            self.namespaces = frozenset((owner["metadata"].get("namespace", ""),))

    def matches(self, pod: Object, namespace_labels: Labels | None = None) -> bool:
        """Whether the pod is one that the term speaks of; `namespace_labels` are those of the pod's
        namespace.
        """
        metadata = pod["metadata"]
        spoken_of = self.every_namespace or metadata.get("namespace", "") in self.namespaces
        if not spoken_of and not self.namespace_selector.matches(namespace_labels):
            return False
        return self.selector.matches(metadata.get("labels"))


def _with_label_keys(term: Object, owner: Object) -> Mapping[str, Any] | None:
    selector: Mapping[str, Any] | None = term.get("labelSelector")
    equal, different = term.get("matchLabelKeys") or (), term.get("mismatchLabelKeys") or ()
    if selector is None or not (equal or different):
        return selector
    labels = owner["metadata"].get("labels") or {}
    expressions = list(selector.get("matchExpressions") or ())
    for operator, keys in (("In", equal), ("NotIn", different)):
        for key in keys:
            expression = {"key": key, "operator": operator, "values": [labels.get(key)]}
            if key in labels and expression not in expressions:
                expressions.append(expression)
    return {**selector, "matchExpressions": expressions}


def pod_terms(pod: Object, kind: str) -> tuple[list[PodTerm], list[PodTerm]]:
    """(required, preferred) terms of the pod's `podAffinity` or `podAntiAffinity`."""
    affinity = (pod["spec"].get("affinity") or {}).get(kind)
    if not affinity:
        return [], []
    required = [
        PodTerm(term, pod) for term in affinity.get("requiredDuringSchedulingIgnoredDuringExecution") or ()
    ]
    preferred = [
        PodTerm(one["podAffinityTerm"], pod, int(one.get("weight", 0)))
        for one in affinity.get("preferredDuringSchedulingIgnoredDuringExecution") or ()
    ]
    return required, preferred
