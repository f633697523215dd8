"""A pod's host name, its /etc/hosts and its resolver settings.

Source: https://kubernetes.io/docs/concepts/services-networking/dns-pod-service/
"""

from __future__ import annotations

from dataclasses import dataclass

from pybernetes.kubelet.machine.model import Object

MAX_NAMESERVERS, MAX_SEARCHES = 3, 32


@dataclass(slots=True, frozen=True)
class Resolver:
    """resolv.conf as lists."""

    servers: tuple[str, ...] = ()
    searches: tuple[str, ...] = ()
    options: tuple[str, ...] = ()


def parse_resolv_conf(text: str) -> Resolver:
    servers: list[str] = []
    searches: list[str] = []
    options: list[str] = []
    for line in text.splitlines():
        words = line.split("#")[0].split()
        if len(words) < 2:
            continue
        if words[0] == "nameserver":
            servers.append(words[1])
        elif words[0] == "search":
            searches = [word.rstrip(".") or "." for word in words[1:]]
        elif words[0] == "options":
            options = words[1:]
    return Resolver(tuple(servers), tuple(searches), tuple(options))


def resolver(pod: Object, host: Resolver, cluster_dns: tuple[str, ...], domain: str) -> Resolver:
    """What the pod's dnsPolicy and dnsConfig make of the node's resolver and the cluster's."""
    spec = pod["spec"]
    policy = spec.get("dnsPolicy", "ClusterFirst")
    if policy == "ClusterFirst" and spec.get("hostNetwork"):
        policy = "Default"
    chosen = host
    if policy == "None":
        chosen = Resolver()
    elif policy in ("ClusterFirst", "ClusterFirstWithHostNet") and cluster_dns:
        namespace = pod["metadata"].get("namespace", "default")
        own = (f"{namespace}.svc.{domain}", f"svc.{domain}", domain)
        chosen = Resolver(cluster_dns, own + tuple(s for s in host.searches if s not in own), ("ndots:5",))
    extra = spec.get("dnsConfig") or {}
    servers = dict.fromkeys([*chosen.servers, *(extra.get("nameservers") or ())])
    searches = dict.fromkeys([*chosen.searches, *(extra.get("searches") or ())])
    options = {option.partition(":")[0]: option for option in chosen.options}
    for option in extra.get("options") or ():
        value = option.get("value")
        options[option["name"]] = f"{option['name']}:{value}" if value else option["name"]
    return Resolver(tuple(servers)[:MAX_NAMESERVERS], tuple(searches)[:MAX_SEARCHES], tuple(options.values()))


def hostname(pod: Object, node_host: str, domain: str) -> str:
    """What `hostname` says in the pod."""
    spec = pod["spec"]
    if spec.get("hostNetwork"):
        return node_host
    if spec.get("hostnameOverride"):
        return str(spec["hostnameOverride"])
    name = str(spec.get("hostname") or pod["metadata"]["name"])[:63].rstrip("-.")
    full = _domain(pod, domain)
    return f"{name}.{full}" if spec.get("setHostnameAsFQDN") and full else name


def _domain(pod: Object, domain: str) -> str:
    subdomain = pod["spec"].get("subdomain")
    return f"{subdomain}.{pod['metadata'].get('namespace', 'default')}.svc.{domain}" if subdomain else ""


def hosts_file(pod: Object, ips: tuple[str, ...], domain: str, node_hosts: str = "") -> str:
    """The /etc/hosts that the kubelet manages; for a pod on the node's network, the node's own with aliases."""
    spec = pod["spec"]
    if spec.get("hostNetwork"):
        text = "# Kubernetes-managed hosts file (host network).\n" + node_hosts
    else:
        name = hostname({**pod, "spec": {**spec, "setHostnameAsFQDN": False}}, "", domain)
        full = _domain(pod, domain)
        lines = [
            "# Kubernetes-managed hosts file.",
            "127.0.0.1\tlocalhost",
            "::1\tlocalhost ip6-localhost ip6-loopback",
            "fe00::0\tip6-localnet",
            "fe00::0\tip6-mcastprefix",
            "fe00::1\tip6-allnodes",
            "fe00::2\tip6-allrouters",
        ]
        lines += [f"{ip}\t{name}.{full}\t{name}" if full else f"{ip}\t{name}" for ip in ips]
        text = "\n".join(lines) + "\n"
    aliases = spec.get("hostAliases") or ()
    if aliases:
        text += "\n# Entries added by HostAliases.\n"
        text += "".join(
            f"{alias['ip']}\t" + "\t".join(alias.get("hostnames") or ()) + "\n" for alias in aliases
        )
    return text
