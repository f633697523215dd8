"""`pybernetes node --server URL --token T --name N`: a node on this machine, in the foreground."""

from __future__ import annotations

import argparse

from pybernetes.cli import flags


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--server", required=True, metavar="URL", help="the API server, such as https://192.0.2.1:6443"
    )
    parser.add_argument(
        "--token", default="", metavar="T", help="a bootstrap token; only needed the first time"
    )
    parser.add_argument("--name", metavar="N", help="the node's name (default: this machine's)")
    parser.add_argument(
        "--node-ip", metavar="IP[,IPV6]", help="the node's address (default: the one towards the server)"
    )
    parser.add_argument(
        "--ca-file", default="", metavar="FILE", help="the cluster's CA (default: asked of the server)"
    )
    parser.add_argument(
        "--ca-cert-hash", default="", metavar="HASH", help="what the server's CA must be: sha256:..."
    )
    parser.add_argument(
        "--cluster-cidr", default="10.244.0.0/16", metavar="CIDR", help="addresses of all pods"
    )
    parser.add_argument(
        "--service-cluster-ip-range", default="10.96.0.0/16", metavar="CIDR", help="addresses of services"
    )
    parser.add_argument(
        "--load-balancer-pool",
        type=flags.names,
        default=(),
        metavar="RANGE,...",
        help="addresses of load balancers that nodes take, as the controllers' flag of that name says",
    )
    parser.add_argument(
        "--vxlan-port",
        type=int,
        default=8472,
        metavar="PORT",
        help="UDP port of the way to nodes in other subnets, the same on all (default: 8472)",
    )
    parser.add_argument(
        "--data-dir", metavar="DIR", help="where its data is (default: /var/lib/pybernetes-node/NAME)"
    )
    parser.add_argument(
        "--node-labels", type=flags.names, default=(), metavar="K=V,...", help="labels of the Node"
    )
    parser.add_argument(
        "--cgroup-root", default="", metavar="GROUP", help="the control group of all pods' groups"
    )
    flags.add_kubelet(parser)


def run(arguments: argparse.Namespace) -> int:
    import socket
    from urllib.parse import urlsplit

    from pybernetes.cluster import supervisor
    from pybernetes.cluster.doctor import check_essentials
    from pybernetes.cluster.failure import Failure
    from pybernetes.cluster.local_cluster import require_root
    from pybernetes.cluster.machine_node import Joining, node_addresses, prepare

    require_root()
    check_essentials()
    url = urlsplit(arguments.server)
    if url.scheme != "https" or not url.hostname:
        raise Failure(f"--server {arguments.server} is not a URL such as https://192.0.2.1:6443")
    address, further_address = node_addresses(arguments.node_ip, arguments.cluster_cidr, url.hostname)
    labels = dict(pair.partition("=")[::2] for pair in arguments.node_labels)
    spec = prepare(
        Joining(
            server=arguments.server,
            token=arguments.token,
            name=arguments.name or socket.gethostname().partition(".")[0].lower(),
            address=address,
            further_address=further_address,
            data_dir=arguments.data_dir,
            ca_file=arguments.ca_file,
            ca_hash=arguments.ca_cert_hash,
            cluster_cidr=arguments.cluster_cidr,
            service_cluster_ip_range=arguments.service_cluster_ip_range,
            load_balancer_pool=arguments.load_balancer_pool,
            vxlan_port=arguments.vxlan_port,
            cgroup_root=arguments.cgroup_root,
            labels=labels,
            kubelet_flags=flags.kubelet_flags(arguments),
        )
    )
    supervisor.replace_this_process(spec)
