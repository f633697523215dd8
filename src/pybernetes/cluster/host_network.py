"""What a cluster of local nodes needs of the host's network: one bridge, one nftables table, ip_forward.

In come the cluster's settings, out come `ip` and `nft` commands; everything can be done again and
again, and `remove` leaves nothing. The pure parts (choosing free addresses, the ruleset's text) are
functions of their arguments. Nodes hang on the bridge by a veth pair each; routes to pods are set by
the nodes themselves (`pybernetes.network`), because only they know their podCIDR.
"""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Iterable
from pathlib import Path

from pybernetes.cluster.commands import ip_batch, ip_json, run
from pybernetes.cluster.failure import Failure
from pybernetes.cluster.waiting import until

IP_FORWARD = Path("/proc/sys/net/ipv4/ip_forward")
IPV6_SETTINGS = Path("/proc/sys/net/ipv6/conf")
BRIDGE_POOL = ipaddress.IPv4Network("10.209.0.0/16")
POD_POOLS = [ipaddress.IPv4Network(f"10.{second}.0.0/16") for second in range(244, 256)]
MOST_NODES = 200
NODE_OFFSET = 10
"""Node number n has the address n + 10 of the bridge's subnet; the bridge itself has the first."""

Network = ipaddress.IPv4Network
Network6 = ipaddress.IPv6Network


def taken_networks(ignore_interfaces: Iterable[str] = ()) -> list[Network]:
    """The destinations of the host's routes, without the default route and those by `ignore_interfaces`."""
    ignored = set(ignore_interfaces)
    found = []
    for route in ip_json("-4", "route", "show"):
        if route["dst"] != "default" and route.get("dev") not in ignored:
            found.append(ipaddress.IPv4Network(route["dst"], strict=False))
    return found


def choose_network(candidates: Iterable[Network], taken: Iterable[Network], what: str) -> Network:
    """The first candidate that overlaps none of the taken ones."""
    used = list(taken)
    for candidate in candidates:
        if not any(candidate.overlaps(other) for other in used):
            return candidate
    raise Failure(f"no free {what} is left on this machine: take down a cluster that you no longer need")


def choose_bridge(existing: Iterable[str]) -> str:
    """`pyb0`, `pyb1`...: the first name that no interface has."""
    names = set(existing)
    number = next(n for n in range(len(names) + 1) if f"pyb{n}" not in names)
    return f"pyb{number}"


def subnet6_of(subnet: Network) -> Network6:
    """The bridge's IPv6 subnet, where the cluster has IPv6: 10.209.3.0/24 -> fd00:10:209:3::/64."""
    parts = str(subnet.network_address).split(".")[:3]
    return ipaddress.IPv6Network(f"fd00:{':'.join(parts)}::/64")


def has_ipv6() -> bool:
    """Whether interfaces of this machine can have IPv6 addresses at all."""
    try:
        return (IPV6_SETTINGS / "all" / "disable_ipv6").read_text().strip() == "0"
    except OSError:
        return False


def gateway(subnet: Network | Network6) -> str:
    """The bridge's own address: where nodes find the API server and the way out."""
    return str(subnet[1])


def node_address(subnet: Network | Network6, number: int) -> str:
    """The address of local node `number`, counted from 1."""
    return str(subnet[NODE_OFFSET + number])


def load_balancers(subnet: Network) -> list[str]:
    """The rest of the bridge's subnet, behind the nodes' addresses: for services of type LoadBalancer."""
    first, last = NODE_OFFSET + MOST_NODES + 1, subnet.num_addresses - 2
    return [f"{subnet[first]}-{subnet[last]}"] if first <= last else []


def mtu() -> int:
    """That of the interface with the default route, so that what nodes send gets out; 1500 without one."""
    routes = ip_json("-4", "route", "show", "default")
    if not routes:
        return 1500
    links = ip_json("link", "show", "dev", routes[0]["dev"])
    return int(links[0]["mtu"])


def interfaces() -> set[str]:
    return {link["ifname"] for link in ip_json("link", "show")}


def ruleset(table: str, bridge: str, subnet: Network | Network6, pods: Network | Network6) -> str:
    """The host's table: masquerade for what leaves the cluster, and leave to forward for the bridge.

    The first two lines make it replace whatever table of that name there is, in one transaction.
    """
    ip = "ip" if subnet.version == 4 else "ip6"
    return (
        f"table {ip} {table}\n"
        f"delete table {ip} {table}\n"
        f"table {ip} {table} {{\n"
        f"\tchain postrouting {{\n"
        f"\t\ttype nat hook postrouting priority srcnat; policy accept;\n"
        f"\t\t{ip} saddr {{ {subnet}, {pods} }} {ip} daddr != {{ {subnet}, {pods} }} "
        f'oifname != "{bridge}" masquerade\n'
        f"\t}}\n"
        f"\tchain forward {{\n"
        f"\t\ttype filter hook forward priority filter; policy accept;\n"
        f'\t\tiifname "{bridge}" accept\n'
        f'\t\toifname "{bridge}" accept\n'
        f"\t}}\n"
        f"}}\n"
    )


def hardware_address(address: str) -> str:
    """A locally administered MAC made of an IPv4 address, so that it stays the same when ports come and go."""
    return "02:42:" + ":".join(f"{int(part):02x}" for part in address.split("."))


def create(table: str, bridge: str, subnet: Network, pods: Network, link_mtu: int) -> None:
    """Make the bridge and the table; forwarding is switched on."""
    if bridge not in interfaces():
        address = gateway(subnet)
        ip_batch(
            [
                f"link add {bridge} address {hardware_address(address)} mtu {link_mtu} type bridge",
                f"addr add {address}/{subnet.prefixlen} dev {bridge}",
                f"link set {bridge} up",
            ]
        )
    run(["nft", "-f", "-"], ruleset(table, bridge, subnet, pods))


def add_ipv6(table: str, bridge: str, subnet: Network6, pods: Network6) -> None:
    """Give the bridge an address of the second family, and the host a table for it."""
    address = f"{gateway(subnet)}/{subnet.prefixlen}"
    ip_batch([f"addr replace {address} dev {bridge} nodad"])
    run(["nft", "-f", "-"], ruleset(table, bridge, subnet, pods))


def remove(table: str, bridge: str) -> None:
    """Take away the bridge with its ports, and the table."""

    def ours() -> list[str]:
        return sorted(name for name in interfaces() if name == bridge or name.startswith(f"{bridge}-"))

    def gone() -> bool:
        # The kernel removes ports too, some time after their namespaces; what it was faster with is no error.
        for name in ours():
            run(["ip", "link", "del", name], check=False)
        return not ours()

    if not until(gone, 5):
        raise Failure(
            f"the interfaces {', '.join(ours())} cannot be removed: see `ip link`, then run it again"
        )
    for family, name in tables():
        if name == table:
            run(["nft", "delete", "table", family, table])


def tables() -> set[tuple[str, str]]:
    """Family and name of the nftables tables of the families ip and ip6."""
    listed = json.loads(run(["nft", "-j", "list", "tables"]))
    found = (item["table"] for item in listed.get("nftables", []) if "table" in item)
    return {(table["family"], table["name"]) for table in found if table["family"] in ("ip", "ip6")}


def switch_forwarding_on(memory: Path) -> None:
    """Set ip_forward, remembering in `memory` (shared by all clusters) what it was."""
    before = IP_FORWARD.read_text().strip()
    if not memory.exists():
        memory.parent.mkdir(parents=True, exist_ok=True)
        memory.write_text(before + "\n")
    if before != "1":
        IP_FORWARD.write_text("1\n")


def restore_forwarding(memory: Path) -> None:
    """Put ip_forward back to what it was before the first cluster came up."""
    if memory.exists():
        IP_FORWARD.write_text(memory.read_text())
        memory.unlink()


def switch_ipv6_forwarding_on(memory: Path) -> None:
    """As `switch_forwarding_on`. A machine that forwards takes no router's advertisement any more, and would lose
    its default route, unless its interfaces are told to take them all the same (accept_ra 2)."""
    wanted = {IPV6_SETTINGS / "all" / "forwarding": "1"}
    for route in ip_json("-6", "route", "show", "default"):
        file = IPV6_SETTINGS / str(route.get("dev")) / "accept_ra"
        if route.get("protocol") == "ra" and file.exists() and file.read_text().strip() == "1":
            wanted = {file: "2", **wanted}
    before = {str(file): file.read_text().strip() for file in wanted}
    if not memory.exists():
        memory.parent.mkdir(parents=True, exist_ok=True)
        memory.write_text(json.dumps(before) + "\n")
    for file, value in wanted.items():
        if before[str(file)] != value:
            file.write_text(value + "\n")


def restore_ipv6_forwarding(memory: Path) -> None:
    """Put all back to what it was before the first cluster with IPv6 came up."""
    if not memory.exists():
        return
    for path, value in reversed(json.loads(memory.read_text()).items()):
        if Path(path).exists():
            Path(path).write_text(value + "\n")
    memory.unlink()
