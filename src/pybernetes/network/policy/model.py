"""What NetworkPolicies ask for: objects in, selections and rules as plain values out. Pure.

A pod that no policy selects for a direction may do anything in it; one that policies select may do what any of
them allows. Pods on their node's own network are neither isolated nor found by selectors: their address is the node's.
Source: https://kubernetes.io/docs/concepts/services-networking/network-policies/
"""

from __future__ import annotations

import hashlib
import ipaddress
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

from pybernetes.api.selectors import EVERYTHING, LabelSelector
from pybernetes.semantics.pods import lasting_containers

Object = Mapping[str, Any]
Labels = Mapping[str, str]

INGRESS, EGRESS = "ingress", "egress"
PROTOCOLS = {"TCP": "tcp", "UDP": "udp", "SCTP": "sctp"}
"""In nftables' words."""
NO_LABELS: Labels = {}


class NamedPort(NamedTuple):
    """A port that containers have given a name."""

    name: str
    protocol: str
    number: int


class Pod(NamedTuple):
    """As much of a pod as policies are about. `local` says that it is on this node; `created` orders pods."""

    namespace: str
    labels: Labels
    addresses: tuple[str, ...]
    ports: tuple[NamedPort, ...] = ()
    local: bool = False
    created: str = ""


@dataclass(frozen=True)
class Group:
    """The pods that a peer names: those of one namespace, or (None) of the namespaces selected."""

    namespace: str | None
    namespaces: LabelSelector
    pods: LabelSelector

    @cached_property
    def name(self) -> str:
        """Of its set: the same for equal groups, whoever names them."""
        return f"pods-{digest(self.description)}"

    @cached_property
    def description(self) -> str:
        pods = str(self.pods) or "all"
        if self.namespace is not None:
            return f"namespace {self.namespace}, pods {pods}"
        return f"namespaces {str(self.namespaces) or 'all'}, pods {pods}"

    def is_in(self, namespace: str, labels: Labels) -> bool:
        """Whether pods of that namespace can be in the group."""
        return namespace == self.namespace if self.namespace is not None else self.namespaces.matches(labels)


class Block(NamedTuple):
    """Addresses from `first` to `last`, as numbers, of a family."""

    family: int
    first: int
    last: int


class Port(NamedTuple):
    """Ports of a protocol: from `first` to `last`, or those that pods call `name`."""

    protocol: str
    first: int = 0
    last: int = 65535
    name: str = ""


@dataclass(frozen=True, slots=True)
class Rule:
    """What is allowed: these peers (None: everybody) on these ports (None: everything, whatever the protocol)."""

    groups: tuple[Group, ...] | None
    blocks: tuple[Block, ...]
    ports: tuple[Port, ...] | None


@dataclass(frozen=True, slots=True)
class Policy:
    """One NetworkPolicy; a direction that it does not isolate is None."""

    key: str
    namespace: str
    pods: LabelSelector
    rules: Mapping[str, tuple[Rule, ...]]

    def selects(self, pod: Pod) -> bool:
        return pod.namespace == self.namespace and self.pods.matches(pod.labels)


def digest(text: str) -> str:
    """Long enough that nobody finds a name with the digest of somebody else's."""
    return hashlib.sha256(text.encode()).hexdigest()[:20]


# Objects


def pod_of(obj: Object, node: str, addresses: tuple[str, ...] | None = None) -> Pod | None:
    """None for a pod that has no address of its own (yet, or any more). `addresses` replaces what its status says."""
    spec = obj.get("spec") or {}
    status = obj.get("status") or {}
    if spec.get("hostNetwork") or status.get("phase") in ("Succeeded", "Failed"):
        return None
    if addresses is None:
        addresses = tuple(one["ip"] for one in status.get("podIPs") or () if one.get("ip"))
    if not addresses:
        return None
    meta = obj["metadata"]
    return Pod(
        meta.get("namespace", ""),
        meta.get("labels") or NO_LABELS,
        addresses,
        tuple(_named_ports(spec)),
        spec.get("nodeName") == node,
        meta.get("creationTimestamp") or "",
    )


def _named_ports(spec: Object) -> Iterable[NamedPort]:
    for container in lasting_containers(spec):
        for port in container.get("ports") or ():
            if port.get("name"):
                protocol = PROTOCOLS.get(port.get("protocol", "TCP"), "tcp")
                yield NamedPort(port["name"], protocol, port["containerPort"])


def policy_of(obj: Object) -> Policy:
    """Raises ValueError for selectors and addresses that the API server would have refused."""
    meta = obj["metadata"]
    namespace = meta.get("namespace", "")
    spec = obj.get("spec") or {}
    types = spec.get("policyTypes") or (["Ingress", "Egress"] if spec.get("egress") else ["Ingress"])
    rules: dict[str, tuple[Rule, ...]] = {}
    if "Ingress" in types:
        rules[INGRESS] = tuple(_rule(one, "from", namespace) for one in spec.get("ingress") or ())
    if "Egress" in types:
        rules[EGRESS] = tuple(_rule(one, "to", namespace) for one in spec.get("egress") or ())
    selector = LabelSelector.from_object(spec.get("podSelector") or {})
    return Policy(f"{namespace}/{meta['name']}", namespace, selector, rules)


def _rule(rule: Object, peers: str, namespace: str) -> Rule:
    groups: list[Group] | None = None
    blocks: list[Block] = []
    if rule.get(peers):
        groups = []
        for peer in rule[peers]:
            if peer.get("ipBlock"):
                blocks += _block(peer["ipBlock"])
            else:
                groups.append(_group(peer, namespace))
    found = rule.get("ports")
    ports = merged_ports(_port(port) for port in found) if found else None
    return Rule(tuple(dict.fromkeys(groups)) if groups is not None else None, merged_blocks(blocks), ports)


def _group(peer: Object, namespace: str) -> Group:
    pods = EVERYTHING
    if peer.get("podSelector") is not None:
        pods = LabelSelector.from_object(peer["podSelector"])
    if peer.get("namespaceSelector") is None:
        return Group(namespace, EVERYTHING, pods)
    return Group(None, LabelSelector.from_object(peer["namespaceSelector"]), pods)


def _block(block: Object) -> list[Block]:
    """The CIDR without its exceptions, as ranges."""
    whole = _range(block["cidr"])
    rest = [whole]
    for text in block.get("except") or ():
        gap = _range(text)
        if gap.family == whole.family:
            rest = [piece for one in rest for piece in _without(one, gap)]
    return rest


def _range(cidr: str) -> Block:
    network = ipaddress.ip_network(cidr, strict=False)
    return Block(network.version, int(network.network_address), int(network.broadcast_address))


def _without(block: Block, gap: Block) -> list[Block]:
    if gap.last < block.first or gap.first > block.last:
        return [block]
    before = Block(block.family, block.first, gap.first - 1)
    after = Block(block.family, gap.last + 1, block.last)
    return [one for one in (before, after) if one.first <= one.last]


def merged_blocks(blocks: Iterable[Block]) -> tuple[Block, ...]:
    """The same addresses in as few ranges as possible, sorted: nftables takes no overlapping ones."""
    found: list[Block] = []
    for block in sorted(blocks):
        if found and found[-1].family == block.family and block.first <= found[-1].last + 1:
            found[-1] = found[-1]._replace(last=max(found[-1].last, block.last))
        else:
            found.append(block)
    return tuple(found)


def _port(port: Object) -> Port:
    protocol = PROTOCOLS.get(port.get("protocol", "TCP"), "tcp")
    number = port.get("port")
    if number is None:
        return Port(protocol)
    if isinstance(number, str):
        return Port(protocol, 0, 0, number)
    return Port(protocol, number, port.get("endPort") or number)


def merged_ports(ports: Iterable[Port]) -> tuple[Port, ...]:
    """The same ports in as few ranges as possible, sorted; named ones last."""
    every = sorted(ports)
    found: list[Port] = []
    for port in (one for one in every if not one.name):
        if found and found[-1].protocol == port.protocol and port.first <= found[-1].last + 1:
            found[-1] = found[-1]._replace(last=max(found[-1].last, port.last))
        else:
            found.append(port)
    return (*found, *dict.fromkeys(one for one in every if one.name))
