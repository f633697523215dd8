"""A server on this machine: settings in; certificates, kubeconfigs and the supervisor's spec out.

`prepare` may be called any number of times and keeps what is there; the processes themselves are
wired in `run_apiserver` and `run_controllers`.
"""

from __future__ import annotations

import errno
import os
import socket
import sys
from pathlib import Path

from pybernetes.cluster.failure import Failure
from pybernetes.cluster.layout import Layout
from pybernetes.cluster.server_settings import ServerSettings
from pybernetes.cluster.supervisor import Process, Spec


def prepare(layout: Layout, settings: ServerSettings) -> Path:
    """Write everything that the server's processes need; answers the path of the supervisor's spec."""
    from pybernetes.cluster import kubeconfig, pki
    from pybernetes.lib.clock import RealClock

    settings.check()
    for folder in (layout.data, layout.run, layout.logs):
        folder.mkdir(parents=True, exist_ok=True)
    os.chmod(layout.data, 0o700)
    hosts = [socket.gethostname(), *([settings.advertise_address] if settings.advertise_address else [])]
    if settings.bind_address not in ("0.0.0.0", "::"):
        hosts.append(settings.bind_address)
    pki.ensure(layout.pki, pki.server_names(settings.service_address, hosts), RealClock().now())
    kubeconfig.write_all(
        layout.pki, layout.kubeconfigs, layout.admin_kubeconfig, layout.name, settings.local_url
    )
    settings.write(layout.server_config)
    path = layout.data / "server.spec.json"
    spec(layout, settings).write(path)
    return path


def spec(layout: Layout, settings: ServerSettings) -> Spec:
    """One process for the API server with its store, one for controllers and scheduler."""
    processes = []
    config = str(layout.server_config)
    if "apiserver" in settings.components:
        processes.append(
            Process("apiserver", [sys.executable, "-m", "pybernetes.cluster.run_apiserver", config])
        )
    if {"controllers", "scheduler"} & set(settings.components):
        processes.append(
            Process("controllers", [sys.executable, "-m", "pybernetes.cluster.run_controllers", config])
        )
    return Spec("server", str(layout.logs), str(layout.server_record), processes)


def port_is_free(address: str, port: int) -> bool:
    """Whether the API server could listen there now."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
            probe.listen(1)
        except PermissionError:
            raise Failure(f"port {port} is for root only: choose one above 1023 with --secure-port")
        except socket.gaierror:
            raise Failure(
                f"--bind-address {address} is not an IP address: give one of this machine's, or 0.0.0.0"
            )
        except OSError as error:
            if error.errno == errno.EADDRNOTAVAIL:
                raise Failure(
                    f"--bind-address {address} is no address of this machine: choose one that `ip -brief address` "
                    f"lists, or 0.0.0.0"
                )
            return False
    return True


def check_data(layout: Layout) -> None:
    """Raise Failure if another server, of whatever name, works on the data directory."""
    from pybernetes.store.sqlite_file import user_of

    user = user_of(layout.database)
    if user:
        raise Failure(
            f"a server already runs on {layout.data} (process {user}): stop it first, or choose another --data-dir"
        )


def check_port(settings: ServerSettings) -> None:
    """Raise Failure unless the server's port is free."""
    if not port_is_free(settings.bind_address, settings.secure_port):
        raise Failure(
            f"port {settings.secure_port} is taken: choose another with --secure-port, or see who has it with "
            f"`ss -ltnp 'sport = :{settings.secure_port}'`"
        )
