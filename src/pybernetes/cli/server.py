"""`pybernetes server`: API server, controllers and scheduler under a supervisor, in the foreground."""

from __future__ import annotations

import argparse
import os

from pybernetes.cli import flags


def configure(parser: argparse.ArgumentParser) -> None:
    flags.add_cluster(parser)
    parser.add_argument(
        "--components",
        type=flags.names,
        metavar="LIST",
        help="run only these of apiserver,controllers,scheduler",
    )
    parser.add_argument(
        "--advertise-address",
        metavar="IP",
        help="where nodes and pods reach this server (default: the address of the default route)",
    )
    flags.add_server(parser)
    flags.add_controllers(parser)


def run(arguments: argparse.Namespace) -> int:
    from pybernetes.cluster import server, supervisor
    from pybernetes.cluster.doctor import check_space
    from pybernetes.cluster.failure import Failure
    from pybernetes.cluster.layout import Layout
    from pybernetes.cluster.local_cluster import supervisor_alive
    from pybernetes.cluster.server_settings import ServerSettings, own_address

    layout = Layout.of(arguments.name, arguments.data_dir)
    if os.geteuid() != 0:
        layout = Layout(layout.name, layout.data, layout.data / "run")
    names = (
        "bind_address",
        "secure_port",
        "advertise_address",
        "service_cluster_ip_range",
        "cluster_cidr",
        "token_auth_file",
        "client_ca_file",
        "default_not_ready_toleration_seconds",
        "default_unreachable_toleration_seconds",
        "components",
    )
    given = {name: getattr(arguments, name) for name in names if getattr(arguments, name) is not None}
    given.setdefault("advertise_address", own_address(given.get("bind_address", "0.0.0.0")))
    settings = ServerSettings(
        name=layout.name,
        data_dir=str(layout.data),
        controller_flags=flags.controller_flags(arguments),
        **given,
    )
    settings.check()
    if supervisor_alive(layout.server_record):
        raise Failure(f"a server already runs on {layout.data}: stop it first (`pybernetes status`)")
    if "apiserver" in settings.components:
        server.check_data(layout)
        server.check_port(settings)
        check_space(layout.data)
    spec = server.prepare(layout, settings)
    print(
        f"API server at {settings.local_url}, kubeconfig {layout.admin_kubeconfig}, logs in {layout.logs}",
        flush=True,
    )
    # The supervisor stays for as long as the server does: it takes this process over, without what was imported.
    supervisor.replace_this_process(spec)
