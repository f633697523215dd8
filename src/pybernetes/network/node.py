"""Everything of a node that is network, built and started in one place: pods, services, policies, cluster DNS."""

from __future__ import annotations

import asyncio
import ipaddress
from dataclasses import dataclass
from pathlib import Path

from pybernetes.client.interface import Informers, Object
from pybernetes.lib.clock import Clock
from pybernetes.lib.tasks import Tasks
from pybernetes.network.dns.server import DNSServer
from pybernetes.network.dns.server import Options as DNSOptions
from pybernetes.network.nft import Nft
from pybernetes.network.pod_network import PodNetwork
from pybernetes.network.pod_network import Settings as PodNetworkSettings
from pybernetes.network.policy.enforcer import PolicyEnforcer
from pybernetes.network.services.announcer import Announcer
from pybernetes.network.services.proxier import Options as ProxyOptions
from pybernetes.network.services.proxier import ServiceProxy

DNS_NUMBER = 10
"""The cluster's DNS has the tenth address of the service range."""


@dataclass(frozen=True, slots=True)
class Settings:
    """`pods` and `services` are the cluster's ranges, one of each family. `host_namespace` is as in `pod_network`."""

    node: str
    pods: tuple[str, ...]
    services: tuple[str, ...]
    cni_config: Path
    mtu: int
    host_namespace: int | None = None
    vxlan_port: int = 8472
    load_balancer_pool: tuple[str, ...] = ()
    domain: str = "cluster.local"
    resolv_conf: str = "/etc/resolv.conf"


def dns_addresses(services: tuple[str, ...]) -> tuple[str, ...]:
    """Where the cluster's DNS answers, in each service range."""
    ranges = [ipaddress.ip_network(cidr) for cidr in services]
    return tuple(str(one[DNS_NUMBER]) for one in ranges if one.num_addresses > DNS_NUMBER + 1)


class NodeNetwork:
    """`await start()` any time before or after the informers; `await close()`."""

    def __init__(self, informers: Informers, clock: Clock, settings: Settings) -> None:
        dns = dns_addresses(settings.services)
        self._tasks = Tasks("network")
        self._nft = Nft()
        self._pods = PodNetwork(
            informers,
            clock,
            PodNetworkSettings(
                settings.node,
                settings.pods,
                settings.cni_config,
                settings.mtu,
                settings.host_namespace,
                settings.vxlan_port,
            ),
            self._nft,
        )
        self._services = ServiceProxy(
            informers,
            settings.node,
            ProxyOptions(settings.pods, settings.services, dns, settings.load_balancer_pool),
            clock,
            nft=self._nft,
        )
        self._policies = PolicyEnforcer(informers, settings.node, settings.pods, clock, self._nft)
        self._announcer = Announcer(informers, clock, settings.node, settings.load_balancer_pool)
        self._dns = DNSServer(
            informers,
            DNSOptions(
                addresses=dns,
                domain=settings.domain,
                ranges=(*settings.services, *settings.pods),
                resolv_conf=settings.resolv_conf,
            ),
            clock,
        )

    @property
    def failures(self) -> list[asyncio.Future[BaseException]]:
        """Each resolves if a part ends that never should."""
        return [self._tasks.failed, self._services.failed, self._policies.failed, self._dns.failed]

    async def protect(self, pod: Object, addresses: tuple[str, ...]) -> None:
        """To be awaited before a pod's containers run at these addresses."""
        await self._policies.protect(pod, addresses)

    async def start(self) -> None:
        self._nft.start()
        self._tasks.spawn(self._pods.run(), "pod-network", eternal=True)
        self._tasks.spawn(self._announcer.run(), "announcer", eternal=True)
        await self._policies.start()
        await self._services.start()
        await self._dns.start()

    async def close(self) -> None:
        await self._dns.close()
        await self._services.close()
        await self._policies.close()
        await self._tasks.close()
        self._nft.close()
