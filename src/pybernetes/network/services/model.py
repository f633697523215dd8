"""What a node has to do for a service: a Service and its EndpointSlices in, doors and where they lead out. Pure.

A door is an address, a protocol and a port at which somebody knocks: a cluster IP, a node's address with a
node port, an external IP, a load balancer's address, a host port. `ruleset` and `delta` make nftables of them.
Source: https://kubernetes.io/docs/reference/networking/virtual-ips/
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from pybernetes.network.services.endpoints import Choice, Target, choose, family_of, of_port
from pybernetes.semantics.pods import lasting_containers
from pybernetes.semantics.services import HEADLESS, balancers_of

Object = Mapping[str, Any]

PROXY_NAME = "service.kubernetes.io/service-proxy-name"
PROTOCOLS = {"TCP": "tcp", "UDP": "udp", "SCTP": "sctp"}
DEFAULT_AFFINITY = 10800

KEEP, ALWAYS, OWN = "keep", "always", "own"
"""Whose source address is replaced by the node's: nobody's (but those off the pod network, for cluster IPs),
everybody's, or that of the node's own programs."""

REJECT, DROP = "reject", "drop"


class Door(NamedTuple):
    """Where somebody knocks; the protocol in nftables' words."""

    address: str
    protocol: str
    port: int


@dataclass(slots=True, frozen=True)
class Entry:
    """What happens at a door.

    `inside` is where pods and the node itself are led when that differs from `targets`. Without targets,
    `closed` says how those are turned away who get no further. `allowed` are the only sources, if any are given.
    """

    pool: str
    targets: tuple[Target, ...]
    inside: tuple[Target, ...] | None = None
    masquerade: str = KEEP
    closed: str = ""
    affinity: int = 0
    allowed: tuple[str, ...] = ()


@dataclass(slots=True, frozen=True)
class Place:
    """The node, as far as services care, for one address family.

    `pods` are the cluster's pod ranges, `services` its service ranges; `answered` are service addresses that
    the node itself listens on (cluster DNS), which stay untouched while such a service has no endpoints;
    `balancers` are ranges of addresses that are nothing but load balancers'.
    """

    node: str
    zone: str = ""
    family: int = 4
    addresses: tuple[str, ...] = ()
    pods: tuple[str, ...] = ()
    services: tuple[str, ...] = ()
    answered: tuple[str, ...] = ()
    balancers: tuple[str, ...] = ()


@dataclass(slots=True, frozen=True)
class HealthCheck:
    """A node port that tells load balancers how many endpoints this node has."""

    port: int
    service: str
    endpoints: int


@dataclass(slots=True, frozen=True)
class Wanted:
    """One service on this node. `local` are the addresses of its endpoints here."""

    entries: dict[Door, Entry] = field(default_factory=dict)
    local: frozenset[str] = frozenset()
    health: HealthCheck | None = None


NOTHING = Wanted()


def concerns_us(service: Object) -> bool:
    """False for what has no cluster IP and for what another proxy takes care of."""
    spec = service.get("spec") or {}
    if spec.get("type") == "ExternalName" or PROXY_NAME in (service["metadata"].get("labels") or ()):
        return False
    return bool(spec.get("clusterIP")) and spec["clusterIP"] != "None"


def desired(service: Object, slices: Iterable[Object], place: Place) -> Wanted:
    """The doors of a service, on the node `place`."""
    if not concerns_us(service):
        return NOTHING
    spec = service["spec"]
    meta = service["metadata"]
    key = f"{meta.get('namespace', '')}/{meta['name']}"
    pieces = [one for one in slices if HEADLESS not in (one["metadata"].get("labels") or ())]
    entries: dict[Door, Entry] = {}
    local: set[str] = set()
    ready_here: set[str] = set()
    for port in spec.get("ports") or ():
        protocol = port.get("protocol", "TCP")
        found = of_port(pieces, port.get("name") or "", protocol, place.family, place.node)
        choice = choose(found.values(), place.node, place.zone)
        for endpoint in found.values():
            if endpoint.local:
                local.add(endpoint.target.address)
                if endpoint.ready:
                    ready_here.add(endpoint.target.address)
        _doors(entries, key, spec, service, port, choice, place)
    health = None
    number = spec.get("healthCheckNodePort")
    if number and spec.get("type") == "LoadBalancer" and spec.get("externalTrafficPolicy") == "Local":
        health = HealthCheck(number, key, len(ready_here))
    return Wanted(entries, frozenset(local), health)


def _doors(
    entries: dict[Door, Entry],
    key: str,
    spec: Object,
    service: Object,
    port: Object,
    choice: Choice,
    place: Place,
) -> None:
    protocol = PROTOCOLS.get(port.get("protocol", "TCP"))
    if protocol is None:
        return
    affinity = _affinity(spec)
    pool = f"{key}:{port.get('name') or ''}/{protocol}"
    for address in _of_family(spec.get("clusterIPs") or [spec["clusterIP"]], place.family):
        if address in place.answered and not choice.exists:
            continue
        if spec.get("internalTrafficPolicy") == "Local":
            entry = Entry(pool, choice.here, closed=_closed(choice, choice.here), affinity=affinity)
        else:
            entry = Entry(
                pool, choice.everywhere, closed=_closed(choice, choice.everywhere), affinity=affinity
            )
        entries[Door(address, protocol, port["port"])] = entry
    outer = _outer(spec, pool, choice, affinity)
    for address in _of_family(spec.get("externalIPs") or (), place.family):
        entries[Door(address, protocol, port["port"])] = outer
    kind = spec.get("type")
    if kind == "LoadBalancer":
        allowed = tuple(sorted(_of_family(spec.get("loadBalancerSourceRanges") or (), place.family)))
        for address in _of_family(_balancers(service), place.family):
            entries[Door(address, protocol, port["port"])] = _outer(spec, pool, choice, affinity, allowed)
    if kind in ("NodePort", "LoadBalancer") and port.get("nodePort"):
        for address in place.addresses:
            entries[Door(address, protocol, port["nodePort"])] = outer


def _outer(spec: Object, pool: str, choice: Choice, affinity: int, allowed: tuple[str, ...] = ()) -> Entry:
    """What happens at a door to the outside, according to externalTrafficPolicy."""
    if spec.get("externalTrafficPolicy") != "Local":
        targets = choice.everywhere
        return Entry(pool, targets, None, ALWAYS, _closed(choice, targets), affinity, allowed)
    inside = None if choice.everywhere == choice.here else choice.everywhere
    return Entry(pool + "/local", choice.here, inside, OWN, _closed(choice, choice.here), affinity, allowed)


def _closed(choice: Choice, targets: tuple[Target, ...]) -> str:
    if targets:
        return ""
    return DROP if choice.exists else REJECT


def _affinity(spec: Object) -> int:
    if spec.get("sessionAffinity") != "ClientIP":
        return 0
    client = (spec.get("sessionAffinityConfig") or {}).get("clientIP") or {}
    return int(client.get("timeoutSeconds") or DEFAULT_AFFINITY)


def _balancers(service: Object) -> list[str]:
    return [one["ip"] for one in balancers_of(service) if one.get("ipMode", "VIP") != "Proxy"]


def _of_family(addresses: Iterable[str], family: int) -> list[str]:
    return [one.strip() for one in addresses if family_of(one.partition("/")[0].strip()) == family]


def host_ports(pod: Object, place: Place) -> Wanted:
    """The doors of a pod's host ports; none once it has ended."""
    status = pod.get("status") or {}
    spec = pod["spec"]
    if spec.get("hostNetwork") or status.get("phase") in ("Succeeded", "Failed"):
        return NOTHING
    address = next(
        (one["ip"] for one in status.get("podIPs") or () if family_of(one["ip"]) == place.family), None
    )
    if address is None:
        return NOTHING
    meta = pod["metadata"]
    key = f"pod {meta.get('namespace', '')}/{meta['name']}"
    entries: dict[Door, Entry] = {}
    for container in lasting_containers(spec):
        for port in container.get("ports") or ():
            if not port.get("hostPort"):
                continue
            protocol = PROTOCOLS.get(port.get("protocol", "TCP"), "tcp")
            entry = Entry(key, (Target(address, port["containerPort"]),))
            asked = port.get("hostIP") or ""
            everywhere = asked in ("", "0.0.0.0", "::")
            for host in place.addresses if everywhere else _of_family([asked], place.family):
                entries[Door(host, protocol, port["hostPort"])] = entry
    return Wanted(entries, frozenset([address])) if entries else NOTHING
