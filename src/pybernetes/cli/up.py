"""`pybernetes up [--nodes N]`: a whole cluster on this machine."""

from __future__ import annotations

import argparse

from pybernetes.cli import flags


def configure(parser: argparse.ArgumentParser) -> None:
    flags.add_cluster(parser)
    parser.add_argument(
        "--nodes", type=int, metavar="N", help="how many nodes (default: 1, or as many as there are)"
    )
    parser.add_argument(
        "--node-cpus", type=flags.cpus, metavar="CPUS", help="each node's cpus (default: an equal share)"
    )
    parser.add_argument(
        "--node-memory",
        type=flags.size,
        metavar="SIZE",
        help="each node's memory (default: an equal share of 80 %%)",
    )
    parser.add_argument(
        "--insecure-registry",
        action="append",
        type=flags.registry,
        default=[],
        metavar="HOST:PORT",
        help="a registry that speaks plain HTTP (port 5000 of this machine, by the bridge's address, is one anyway)",
    )
    parser.add_argument(
        "--wait",
        type=flags.duration,
        default=60.0,
        metavar="TIME",
        help="how long to wait for the nodes (default: 60s)",
    )
    flags.add_server(parser)
    flags.add_kubelet(parser)
    flags.add_controllers(parser)


def run(arguments: argparse.Namespace) -> int:
    from pybernetes.cluster import local_cluster
    from pybernetes.cluster.doctor import check_essentials
    from pybernetes.cluster.up import Wishes, up

    local_cluster.require_root()
    check_essentials()
    layout = local_cluster.resolve(arguments.name, arguments.data_dir)
    wishes = Wishes(
        nodes=arguments.nodes,
        bind_address=arguments.bind_address,
        secure_port=arguments.secure_port,
        cluster_cidr=arguments.cluster_cidr,
        service_cluster_ip_range=arguments.service_cluster_ip_range,
        token_auth_file=arguments.token_auth_file,
        client_ca_file=arguments.client_ca_file,
        default_not_ready_toleration_seconds=arguments.default_not_ready_toleration_seconds,
        default_unreachable_toleration_seconds=arguments.default_unreachable_toleration_seconds,
        node_cpus=arguments.node_cpus,
        node_memory=arguments.node_memory,
        insecure_registries=tuple(arguments.insecure_registry),
        controller_flags=flags.controller_flags(arguments),
        node_flags=flags.kubelet_flags(arguments),
        wait_seconds=arguments.wait,
    )
    up(layout, wishes, say)
    print(f"\nexport KUBECONFIG={layout.admin_kubeconfig}")
    print("kubectl get nodes")
    return 0


def say(text: str) -> None:
    print(text, flush=True)
