"""What the cluster's domain says about a name: Services and EndpointSlices in, records out. Pure.

Source: https://github.com/kubernetes/dns/blob/master/docs/specification.md (version 1.1.0), and for what it leaves
open (pod names, hosts without a name, SOA) what the usual server does.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from pybernetes.semantics.services import HEADLESS, services_of

Object = Mapping[str, Any]

VERSION = "1.1.0"
TTL = 5
BY_SERVICE, BY_ADDRESS = "service", "dns-address"
ANYTHING = "*"
"""What an answer depends on that any change of a service might alter."""


class Objects(Protocol):
    """What is needed of an informer's store."""

    def get(self, key: str) -> Object | None: ...

    def by_index(self, index: str, value: str) -> list[Any]: ...

    def list(self, namespace: str | None = None) -> list[Any]: ...


class Record(NamedTuple):
    """`data` is an address, a name, a text, or (priority, weight, port, target) of an SRV."""

    name: str
    type: str
    data: Any
    ttl: int = TTL


@dataclass(slots=True, frozen=True)
class Answer:
    """`exists` is False for NXDOMAIN. `depends` is the service's namespace/name, or ANYTHING."""

    exists: bool
    records: tuple[Record, ...] = ()
    extra: tuple[Record, ...] = ()
    depends: str = ANYTHING

    @property
    def alias(self) -> str | None:
        """The name that the asker is sent on to."""
        return self.records[0].data if self.records and self.records[0].type == "CNAME" else None


NOT_THERE = Answer(False)


def addresses_of_service(service: Object) -> list[str]:
    """The index values of a service under BY_ADDRESS."""
    spec = service.get("spec") or {}
    return [one for one in spec.get("clusterIPs") or [spec.get("clusterIP")] if one and one != "None"]


def addresses_of_slice(piece: Object) -> list[str]:
    """The index values of a slice under BY_ADDRESS: only endpoints of headless services have names."""
    if HEADLESS not in (piece["metadata"].get("labels") or ()):
        return []
    return [address for one in piece.get("endpoints") or () for address in one.get("addresses") or ()]


class Zone:
    """`domain` without a dot at its end; `ranges` are the addresses whose reverse names are ours alone."""

    def __init__(self, domain: str, services: Objects, slices: Objects, ranges: Sequence[str] = ()) -> None:
        self.domain = domain
        self._labels = domain.split(".")
        self._services = services
        self._slices = slices
        self._ranges = [ipaddress.ip_network(one) for one in ranges]

    def lookup(self, name: str, kind: str) -> Answer | None:
        """`name` in lower case without a dot at its end; None when it is not ours to answer."""
        labels = name.split(".")
        count = len(self._labels)
        if labels[-count:] == self._labels:
            return self._inside(name, labels[:-count], kind)
        if name.endswith((".in-addr.arpa", ".ip6.arpa")):
            return self._reverse(name, kind)
        return None

    def soa(self, serial: int) -> Record:
        data = (f"ns.dns.{self.domain}", f"hostmaster.{self.domain}", (serial, 7200, 1800, 86400, TTL))
        return Record(self.domain, "SOA", data)

    # names under the domain

    def _inside(self, name: str, labels: list[str], kind: str) -> Answer:
        if not labels:
            if kind == "NS":
                return Answer(True, (Record(name, "NS", f"ns.dns.{self.domain}"),))
            return Answer(True, (self.soa(1),) if kind == "SOA" else ())
        if labels == ["dns-version"]:
            return Answer(True, (Record(name, "TXT", VERSION),) if kind == "TXT" else ())
        if labels[-1] == "pod":
            return _pod(name, labels[:-1], kind)
        if labels[-1] != "svc":
            return NOT_THERE
        match labels[:-1]:
            case []:
                return Answer(True)
            case [namespace]:
                return Answer(bool(self._services.list(namespace)))
            case [service, namespace]:
                return self._service(name, service, namespace, kind)
            case [host, service, namespace] if not host.startswith("_"):
                return self._host(name, host, service, namespace, kind)
            case [protocol, service, namespace] if protocol in ("_tcp", "_udp", "_sctp"):
                return Answer(self._services.get(f"{namespace}/{service}") is not None)
            case [port, protocol, service, namespace]:
                return self._port(name, port, protocol, service, namespace, kind)
        return NOT_THERE

    def _service(self, name: str, service: str, namespace: str, kind: str) -> Answer:
        key = f"{namespace}/{service}"
        found = self._services.get(key)
        if found is None:
            return Answer(False, depends=key)
        spec = found["spec"]
        if spec.get("type") == "ExternalName":
            target = str(spec.get("externalName", "")).rstrip(".").lower()
            return Answer(True, (Record(name, "CNAME", target),), depends=key)
        if kind == "SRV":
            return self._all_ports(name, key, found)
        if spec.get("clusterIP") != "None":
            return Answer(True, _addresses(name, kind, addresses_of_service(found)), depends=key)
        hosts = [address for one in self._endpoints(key) for address in one.addresses]
        return Answer(True, _addresses(name, kind, dict.fromkeys(hosts)), depends=key)

    def _host(self, name: str, host: str, service: str, namespace: str, kind: str) -> Answer:
        key = f"{namespace}/{service}"
        found = self._services.get(key)
        if found is None or found["spec"].get("clusterIP") != "None":
            return Answer(False, depends=key)
        hosts = [one for one in self._endpoints(key) if one.host == host]
        addresses = dict.fromkeys(address for one in hosts for address in one.addresses)
        return Answer(bool(hosts), _addresses(name, kind, addresses), depends=key)

    def _port(self, name: str, port: str, protocol: str, service: str, namespace: str, kind: str) -> Answer:
        key = f"{namespace}/{service}"
        found = self._services.get(key)
        if found is None or not (port.startswith("_") and protocol.startswith("_")):
            return Answer(False, depends=key)
        records, extra = self._srv(name, key, found, port[1:], protocol[1:].upper())
        if not records:
            return Answer(False, depends=key)
        return Answer(True, records, extra, key) if kind == "SRV" else Answer(True, depends=key)

    def _all_ports(self, name: str, key: str, service: Object) -> Answer:
        records, extra = self._srv(name, key, service, None, None)
        return Answer(True, records, extra, key)

    def _srv(
        self, name: str, key: str, service: Object, port: str | None, protocol: str | None
    ) -> tuple[tuple[Record, ...], tuple[Record, ...]]:
        namespace, _, short = key.partition("/")
        full = f"{short}.{namespace}.svc.{self.domain}"
        places: dict[tuple[str, int], tuple[str, ...]] = {}
        if service["spec"].get("clusterIP") != "None":
            for one in service["spec"].get("ports") or ():
                if _fits(one, port, protocol):
                    places[full, one["port"]] = tuple(addresses_of_service(service))
        else:
            for host in self._endpoints(key):
                for one in host.ports:
                    if one.get("port") and _fits(one, port, protocol):
                        known = places.get((f"{host.host}.{full}", one["port"]), ())
                        places[f"{host.host}.{full}", one["port"]] = (*known, *host.addresses)
        weight = max(100 // len(places), 1) if places else 0
        records = tuple(Record(name, "SRV", (0, weight, number, target)) for target, number in places)
        targets = {target: addresses for (target, _), addresses in places.items()}
        extra = [
            record
            for target, addresses in targets.items()
            for kind in ("A", "AAAA")
            for record in _addresses(target, kind, dict.fromkeys(addresses))
        ]
        return records, tuple(extra)

    def _endpoints(self, key: str) -> list[_Host]:
        """Those that are ready, of all slices of the service."""
        found = []
        for piece in self._slices.by_index(BY_SERVICE, key):
            ports = piece.get("ports") or ()
            for one in piece.get("endpoints") or ():
                if (one.get("conditions") or {}).get("ready") is not False and one.get("addresses"):
                    found.append(_Host(_host_name(one), tuple(one["addresses"][:1]), ports))
        return found

    # addresses to names

    def _reverse(self, name: str, kind: str) -> Answer | None:
        address = _address_of_reverse(name)
        if address is None:
            return None
        names = [self._name_of(service) for service in self._services.by_index(BY_ADDRESS, address)]
        if not names:
            for piece in self._slices.by_index(BY_ADDRESS, address):
                for key in services_of(piece):
                    namespace, _, service = key.partition("/")
                    for one in piece.get("endpoints") or ():
                        if address in (one.get("addresses") or ()):
                            names.append(f"{_host_name(one)}.{service}.{namespace}.svc.{self.domain}")
        if names:
            records = tuple(Record(name, "PTR", one) for one in dict.fromkeys(names))
            return Answer(True, records if kind == "PTR" else ())
        number = ipaddress.ip_address(address)
        ours = any(number in one for one in self._ranges if one.version == number.version)
        return NOT_THERE if ours else None

    def _name_of(self, service: Object) -> str:
        meta = service["metadata"]
        return f"{meta['name']}.{meta['namespace']}.svc.{self.domain}"


class _Host(NamedTuple):
    host: str
    addresses: tuple[str, ...]
    ports: Sequence[Object]


def _host_name(endpoint: Object) -> str:
    """The pod's hostname, or its address with dashes."""
    address = str(endpoint["addresses"][0])
    return str(endpoint.get("hostname") or address.replace(".", "-").replace(":", "-"))


def _fits(port: Object, name: str | None, protocol: str | None) -> bool:
    if name is not None and (port.get("name") or "").lower() != name:
        return False
    return protocol is None or port.get("protocol", "TCP") == protocol


def _addresses(name: str, kind: str, addresses: Iterable[str]) -> tuple[Record, ...]:
    if kind == "A":
        return tuple(Record(name, kind, one) for one in addresses if ":" not in one)
    if kind == "AAAA":
        return tuple(Record(name, kind, one) for one in addresses if ":" in one)
    return ()


def _pod(name: str, labels: list[str], kind: str) -> Answer:
    """`1-2-3-4.namespace.pod.domain` is 1.2.3.4, whether there is such a pod or not."""
    if len(labels) != 2:
        return Answer(len(labels) < 2)
    dashed = labels[0]
    for separator in (".", ":"):
        try:
            address = str(ipaddress.ip_address(dashed.replace("-", separator)))
        except ValueError:
            continue
        return Answer(True, _addresses(name, kind, [address]))
    return NOT_THERE


def _address_of_reverse(name: str) -> str | None:
    labels = name.split(".")[:-2][::-1]
    try:
        if name.endswith(".in-addr.arpa"):
            return str(ipaddress.IPv4Address(".".join(labels))) if len(labels) == 4 else None
        if len(labels) != 32:
            return None
        digits = "".join(labels)
        return str(ipaddress.IPv6Address(":".join(digits[at : at + 4] for at in range(0, 32, 4))))
    except ValueError:
        return None
