"""The ranges of services and pods on the command line: one network, or one of IPv4 and one of IPv6. Pure.

In: the flags' texts. Out: networks, or a Failure that says what to give instead. IPv4 comes first: the API server
is reached by IPv4, so the `kubernetes` service has an address of that family.
"""

from __future__ import annotations

import ipaddress

from pybernetes.cluster.failure import Failure

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

EXAMPLES = {
    "--service-cluster-ip-range": ("10.96.0.0/16", "fd00:10:96::/112"),
    "--cluster-cidr": ("10.244.0.0/16", "fd00:10:244::/56"),
}
SMALLEST = {4: 30, 6: 126}


def networks(flag: str, text: str) -> list[Network]:
    """The flag's networks: IPv4, then IPv6 if it is given."""
    four, six = EXAMPLES[flag]
    found: list[Network] = []
    for part in text.split(","):
        try:
            found.append(ipaddress.ip_network(part.strip()))
        except ValueError:
            raise Failure(f"{flag} {part.strip()} is not a network: give one such as {four}, or {four},{six}")
    if [one.version for one in found] not in ([4], [4, 6]):
        raise Failure(f"{flag} {text} will not do: give an IPv4 network such as {four}, or two: {four},{six}")
    for one in found:
        if one.prefixlen > SMALLEST[one.version]:
            raise Failure(f"{flag} {one} is too small: give one such as {four if one.version == 4 else six}")
    return found


def check(services: str, pods: str, node_masks: dict[int, int]) -> None:
    """Raise Failure unless the flags fit each other; `node_masks` are the sizes of nodes' parts, by family."""
    from pybernetes.controllers.nodes.cidrs import Ranges

    of_services = networks("--service-cluster-ip-range", services)
    of_pods = networks("--cluster-cidr", pods)
    if len(of_services) > len(of_pods):
        raise Failure(
            f"--service-cluster-ip-range {services} has IPv6 and --cluster-cidr {pods} has not: "
            f"give pods a network such as {EXAMPLES['--cluster-cidr'][1]} too"
        )
    for service in of_services:
        for pod in of_pods:
            if service.version == pod.version and service.overlaps(pod):
                raise Failure(
                    f"--service-cluster-ip-range {service} and --cluster-cidr {pod} overlap: choose two apart"
                )
    for pod in of_pods:
        try:
            Ranges(str(pod), node_masks[pod.version])
        except ValueError as error:
            raise Failure(str(error))
