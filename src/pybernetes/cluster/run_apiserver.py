"""The API server's process: `server.json` in, a store, the server on it and a TLS listener out.

Started by the supervisor as `python -m pybernetes.cluster.run_apiserver DIR/server.json`.
"""

from __future__ import annotations

import logging
import sys
from pathlib import Path

from pybernetes.cluster import processing
from pybernetes.cluster.layout import Layout
from pybernetes.cluster.server_settings import ServerSettings

log = logging.getLogger(__name__)


async def serve(settings: ServerSettings) -> int:
    from pybernetes.apiserver.app import APIServer
    from pybernetes.apiserver.options import Options, read_pem
    from pybernetes.lib import memory
    from pybernetes.lib.clock import RealClock
    from pybernetes.lib.http.server import Server
    from pybernetes.lib.looplag import LoopLag
    from pybernetes.lib.tls import server_context
    from pybernetes.store.sqlite import SqliteStore

    memory.map_big_blocks()
    layout = Layout.of(settings.name, settings.data_dir)
    pki = layout.pki
    clock = RealClock()
    cluster_ca = read_pem(pki / "ca.crt")
    client_ca = cluster_ca + (read_pem(settings.client_ca_file) if settings.client_ca_file else b"")
    front_proxy_ca = read_pem(pki / "front-proxy-ca.crt")
    options = Options(
        service_cidr=settings.service_cluster_ip_range,
        advertise_address=settings.advertise_address,
        advertise_port=settings.secure_port,
        client_ca=client_ca,
        front_proxy_ca=front_proxy_ca,
        front_proxy_names=("front-proxy-client",),
        not_ready_toleration=settings.default_not_ready_toleration_seconds,
        unreachable_toleration=settings.default_unreachable_toleration_seconds,
        token_file=Path(settings.token_auth_file) if settings.token_auth_file else None,
        sa_signing_key=read_pem(pki / "sa.key"),
        cluster_ca=cluster_ca,
        heartbeat_gathering=0.1,
        kubelet_client_certificate=read_pem(pki / "apiserver-kubelet-client.crt"),
        kubelet_client_key=read_pem(pki / "apiserver-kubelet-client.key"),
    )
    store = await SqliteStore.open(layout.database, clock)
    server = APIServer(store, clock, options)
    server.metrics.lag = LoopLag(clock)
    server.metrics.database = layout.database
    await server.start()
    http = Server(server.handler, clock)
    tls = server_context(pki / "apiserver.crt", pki / "apiserver.key", client_ca=client_ca + front_proxy_ca)
    await http.start(settings.bind_address, settings.secure_port, tls)
    log.info("listening on %s:%d", settings.bind_address, settings.secure_port)

    def work() -> int:
        return server.metrics.served + 100 * http.accepted

    async def mind_memory() -> None:
        await server.ready()
        processing.settle_memory()
        memory.give_back()
        await memory.recycle(clock, work, enough=20_000)

    server.tasks.spawn(mind_memory(), "mind memory", eternal=True)
    try:
        return await processing.until_failed([server.failed])
    finally:
        await http.close()
        await server.close()
        await store.close()


def main() -> int:
    settings = ServerSettings.read(Path(sys.argv[1]))
    return processing.run(lambda: serve(settings))


if __name__ == "__main__":
    sys.exit(main())
