"""`pybernetes token create`: a bootstrap token, and the command that joins another machine with it."""

from __future__ import annotations

import argparse
from datetime import timedelta

from pybernetes.cli import flags


def configure(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True, metavar="create")
    create = actions.add_parser("create", help="make a token and print how to join with it")
    create.add_argument(
        "--ttl",
        type=flags.duration,
        default=86400.0,
        help="how long it is good for (default: 24h; 0 is for ever)",
    )
    create.add_argument("--description", default="made by `pybernetes token create`", help="what it is for")
    create.add_argument("--print-join-command", action="store_true", help="print only the command")
    flags.add_cluster(create)


def run(arguments: argparse.Namespace) -> int:
    from pybernetes.cluster import bootstrap, local_cluster, pki
    from pybernetes.cluster.admin import Admin
    from pybernetes.cluster.failure import Failure
    from pybernetes.cluster.server_settings import ServerSettings

    layout = local_cluster.resolve(arguments.name, arguments.data_dir)
    if not layout.server_config.exists():
        raise Failure(
            f"there is no server in {layout.data}: start one with `pybernetes up` or `pybernetes server`"
        )
    settings = ServerSettings.read(layout.server_config)
    admin = Admin(layout.pki, settings.secure_port)
    token = bootstrap.new_token()
    life = timedelta(seconds=arguments.ttl) if arguments.ttl else None
    bootstrap.allow_joining(admin, token, life, arguments.description)
    ca = layout.ca_certificate.read_bytes()
    server = settings.joining_url
    bootstrap.publish_cluster_info(admin, server, ca, token)
    ranges = f"--cluster-cidr {settings.cluster_cidr} --service-cluster-ip-range {settings.service_cluster_ip_range}"
    join = f"pybernetes node --server {server} --token {token} {ranges} --ca-cert-hash {pki.ca_hash(ca)}"
    if not arguments.print_join_command:
        print(f"{token}\n\nJoin another machine with:")
    print(join)
    return 0
