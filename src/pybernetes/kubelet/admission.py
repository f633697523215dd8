"""Whether this node takes a pod that was assigned to it. Pure.

A pod that it does not take ends as Failed with the reason and message given here, upstream's own.
Source: https://kubernetes.io/docs/concepts/scheduling-eviction/ and the kubelet's admission handlers.
"""

from __future__ import annotations

from collections.abc import Iterable

from pybernetes.api.resource_names import extended, is_extended
from pybernetes.kubelet.machine.model import Object
from pybernetes.semantics.affinity import node_matches_pod
from pybernetes.semantics.pods import host_ports
from pybernetes.semantics.resources import amounts, pod_requests
from pybernetes.semantics.tolerations import find_untolerated

Refusal = tuple[str, str]


def admit(pod: Object, node: Object, others: Iterable[Object], allocatable: dict[str, str]) -> Refusal | None:
    """None, or (reason, message). `others` are the pods that the node has taken and that still hold resources."""
    others = list(others)
    spec = pod["spec"]
    if (spec.get("os") or {}).get("name") == "windows":
        return "PodOSNotSupported", "Failed to admit pod as the OS field doesn't match node OS"
    others_give = extended((node.get("status") or {}).get("allocatable"))
    refusal = _fits(pod, others, amounts({**others_give, **allocatable}))
    if refusal is not None:
        return refusal
    if not node_matches_pod(pod, node):
        text = "Predicate NodeAffinity failed: node(s) didn't match Pod's node affinity/selector"
        return "NodeAffinity", text
    taken = {port for other in others for port in host_ports(other)}
    if any(_collides(port, taken) for port in host_ports(pod)):
        return (
            "NodePorts",
            "Predicate NodePorts failed: node(s) didn't have free ports for the requested pod ports",
        )
    taint = find_untolerated(
        [t for t in (node.get("spec") or {}).get("taints") or () if t.get("effect") == "NoExecute"],
        spec.get("tolerations"),
    )
    if taint is not None:
        return (
            "TaintToleration",
            "Predicate TaintToleration failed: node(s) had taints that the pod didn't tolerate",
        )
    return None


def _fits(pod: Object, others: list[Object], have: dict[str, int]) -> Refusal | None:
    limit = have.get("pods", 0)
    if len(others) + 1 > limit:
        text = f"Node didn't have enough resource: pods, requested: 1, used: {len(others)}, capacity: {limit}"
        return "OutOfpods", text
    used: dict[str, int] = {}
    for other in others:
        for name, amount in pod_requests(other).items():
            used[name] = used.get(name, 0) + amount
    for name, amount in pod_requests(pod).items():
        if is_extended(name) and name not in have:
            continue  # counted by somebody else, or not at all: it is not this kubelet's to refuse
        if amount and used.get(name, 0) + amount > have.get(name, 0):
            text = (
                f"Node didn't have enough resource: {name}, requested: {amount}, used: {used.get(name, 0)}, "
                f"capacity: {have.get(name, 0)}"
            )
            return f"OutOf{name}", text
    return None


def _collides(port: tuple[str, str, int], taken: set[tuple[str, str, int]]) -> bool:
    address, protocol, number = port
    return any(
        (protocol, number) == (other_protocol, other_number)
        and (address == other or not address or not other or "0.0.0.0" in (address, other))
        for other, other_protocol, other_number in taken
    )
