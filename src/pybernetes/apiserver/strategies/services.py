"""Services: cluster addresses and node ports are taken before a Service is stored and given back after it is gone.

https://kubernetes.io/docs/concepts/services-networking/service/
"""

from __future__ import annotations

from typing import Any

from pybernetes.api.fields import FieldError, invalid
from pybernetes.api.validation.service_families import families as validate_families
from pybernetes.apiserver.allocation.addresses import AddressError, give_back
from pybernetes.apiserver.allocation.node_ports import PortError
from pybernetes.apiserver.strategies import families
from pybernetes.apiserver.strategies.base import Strategy, keep
from pybernetes.apiserver.writes import Object, Write, refuse

_WITH_ADDRESS = frozenset(("ClusterIP", "NodePort", "LoadBalancer"))
_WITH_PORTS = frozenset(("NodePort", "LoadBalancer"))
NONE = "None"


class ServiceStrategy(Strategy):
    edits_deep = True

    def prepare_create(self, write: Write) -> None:
        service = write.object
        service["status"] = {"loadBalancer": {}}
        _settle_addresses(service["spec"], {})

    def prepare_update(self, write: Write) -> None:
        new, old = write.object, write.previous
        if write.subresource == "status":
            self.prepare_status(write)
            return
        keep(new, old, "status")
        _settle_addresses(new["spec"], old["spec"])
        _keep_ports(new["spec"], old["spec"])
        if new["spec"].get("type") != "LoadBalancer" and old["spec"].get("type") == "LoadBalancer":
            new["status"] = {"loadBalancer": {}}

    def validate_create(self, write: Write) -> list[FieldError]:
        """Addresses come first: with wrong ones nothing else is looked at."""
        spec = write.object["spec"]
        wrong = validate_families(spec) if spec.get("type") != "ExternalName" else []
        return wrong or super().validate_create(write)

    def validate_update(self, write: Write) -> list[FieldError]:
        spec = write.object["spec"]
        looked_at = not write.subresource and spec.get("type") != "ExternalName"
        return (validate_families(spec) if looked_at else []) or super().validate_update(write)

    async def allocate(self, write: Write) -> None:
        spec = write.object["spec"]
        old = write.old["spec"] if write.old else {}
        if write.subresource:
            return
        if spec.get("type", "ClusterIP") in _WITH_ADDRESS:
            await self._take_addresses(write, spec, old)
        await self._take_ports(write, spec, old)

    async def _take_addresses(self, write: Write, spec: Object, old: Object) -> None:
        server = write.server
        if old.get("type") == "ExternalName":
            old = {}
        refuse(write, families.settle(spec, old, tuple(server.addresses)))
        if spec.get("clusterIP") == NONE:
            return
        addresses = list(spec.get("clusterIPs") or ())
        held = old.get("clusterIPs") or ()
        for position, family in enumerate(spec["ipFamilies"]):
            address = addresses[position] if position < len(addresses) else ""
            if address and address in held:
                continue
            # A Service that prefers two families may have one that the cluster has no more.
            allocator = server.addresses.get(family)
            if allocator is None:
                continue
            try:
                if address:
                    await allocator.take_this(address, write.object, dry_run=write.dry_run)
                else:
                    address = await allocator.take(write.object)
            except AddressError as error:
                why = (
                    f"failed to allocate IP {address}: {error}"
                    if address
                    else f"failed to allocate a serviceIP: {error}"
                )
                refuse(write, [invalid("spec.clusterIPs", addresses or None, why)])
                return
            addresses[position:] = [address, *addresses[position + 1 :]]
            write.undo.append(_freeing(write, address))
        spec["clusterIP"], spec["clusterIPs"] = addresses[0], addresses

    async def _take_ports(self, write: Write, spec: Object, old: Object) -> None:
        ports = write.server.node_ports
        owner = f"{write.namespace}/{write.name}"
        held = set(_node_ports(old))
        wanted: list[tuple[str, dict[str, Any], str]] = []
        if _has_node_ports(spec):
            wanted = [
                (f"spec.ports[{at}].nodePort", port, "nodePort")
                for at, port in enumerate(spec.get("ports") or ())
            ]
        if spec.get("type") == "LoadBalancer" and spec.get("externalTrafficPolicy") == "Local":
            wanted.append(("spec.healthCheckNodePort", spec, "healthCheckNodePort"))
        for field, holder, key in wanted:
            number = holder.get(key)
            if number and number in held:
                continue
            try:
                if number:
                    if not write.dry_run or number in ports:
                        await ports.take_this(number, owner)
                else:
                    shared = _same_number(spec, holder) if key == "nodePort" else None
                    number = shared or await ports.take(owner)
                    holder[key] = number
            except PortError as error:
                refuse(write, [invalid(field, number, str(error))])
                return
            if number not in held:
                held.add(number)
                write.undo.append(_giving_back(write, number))

    async def after_commit(self, write: Write) -> None:
        write.undo.clear()
        if write.old is None or write.subresource:
            return
        await self._give_back(write, write.old["spec"], write.object["spec"])

    async def after_delete(self, write: Write) -> None:
        await self._give_back(write, write.previous["spec"], {})

    async def _give_back(self, write: Write, old: Object, new: Object) -> None:
        server = write.server
        for address in set(old.get("clusterIPs") or ()) - set(new.get("clusterIPs") or ()) - {NONE}:
            await give_back(server, address)
        for port in set(_node_ports(old)) - set(_node_ports(new)):
            await server.node_ports.give_back(port)


def _freeing(write: Write, address: str) -> Any:
    async def freed() -> None:
        await give_back(write.server, address)

    return freed


def _giving_back(write: Write, number: int) -> Any:
    async def give_back() -> None:
        await write.server.node_ports.give_back(number)

    return give_back


def _has_node_ports(spec: Object) -> bool:
    kind = spec.get("type")
    return kind == "NodePort" or (kind == "LoadBalancer" and spec.get("allocateLoadBalancerNodePorts", True))


def _node_ports(spec: Object) -> list[int]:
    found = [port["nodePort"] for port in spec.get("ports") or () if port.get("nodePort")]
    if spec.get("healthCheckNodePort"):
        found.append(spec["healthCheckNodePort"])
    return found


def _same_number(spec: Object, port: Object) -> int | None:
    """A port that is served by TCP and by UDP has the same node port for both."""
    for other in spec.get("ports") or ():
        if other.get("protocol") == port.get("protocol") or other.get("port") != port.get("port"):
            continue
        if other.get("nodePort"):
            return int(other["nodePort"])
    return None


def _settle_addresses(spec: Object, old: Object) -> None:
    if spec.get("type") == "ExternalName":
        families.release(spec, old)
    else:
        families.synchronise(spec, {} if old.get("type") == "ExternalName" else old)


def _keep_ports(spec: Object, old: Object) -> None:
    """Node ports that are left out on update stay with their port; what the type no longer has goes, unless the
    update changes it."""
    _drop_unusable(spec, old)
    if spec.get("type") not in _WITH_PORTS:
        return
    held = {
        (port.get("protocol"), port.get("port")): port["nodePort"]
        for port in old.get("ports") or ()
        if port.get("nodePort")
    }
    for port in spec.get("ports") or ():
        if not port.get("nodePort") and (port.get("protocol"), port.get("port")) in held:
            port["nodePort"] = held[port.get("protocol"), port.get("port")]
    if old.get("healthCheckNodePort") and spec.get("externalTrafficPolicy") == "Local":
        spec.setdefault("healthCheckNodePort", old["healthCheckNodePort"])


def _drop_unusable(spec: Object, old: Object) -> None:
    if old.get("type") in _WITH_PORTS and spec.get("type") not in _WITH_PORTS:
        before = {port.get("nodePort") for port in old.get("ports") or ()}
        if all(port.get("nodePort") in before for port in spec.get("ports") or () if port.get("nodePort")):
            for port in spec.get("ports") or ():
                port.pop("nodePort", None)
    for field, can_have in (
        ("healthCheckNodePort", _checks_health),
        ("allocateLoadBalancerNodePorts", _balances),
        ("loadBalancerClass", _balances),
        ("externalTrafficPolicy", _is_reached_from_outside),
        ("internalTrafficPolicy", _has_endpoints),
    ):
        if can_have(old) and not can_have(spec) and spec.get(field) == old.get(field):
            spec.pop(field, None)


def _has_endpoints(spec: Object) -> bool:
    return spec.get("type") != "ExternalName"


def _balances(spec: Object) -> bool:
    return spec.get("type") == "LoadBalancer"


def _checks_health(spec: Object) -> bool:
    return _balances(spec) and spec.get("externalTrafficPolicy") == "Local"


def _is_reached_from_outside(spec: Object) -> bool:
    return spec.get("type") in _WITH_PORTS or (
        spec.get("type") == "ClusterIP" and bool(spec.get("externalIPs"))
    )
