"""The kubelet's HTTPS server: who asks is checked, then the path decides.

`KubeletServer(kubelet)`; `start` answers the port that it listens on, `close` ends it. Paths as upstream's:
/healthz, /pods, /containerLogs/NS/POD/CONTAINER, /exec, /attach, /portForward, /stats/summary, /metrics.
"""

from __future__ import annotations

import logging
from pathlib import Path

import msgspec

from pybernetes.kubelet.cri.errors import RuntimeFailure
from pybernetes.kubelet.kubelet import Kubelet
from pybernetes.kubelet.pod_worker import PodWorker
from pybernetes.kubelet.server import logs, statistics, streaming
from pybernetes.kubelet.server.access import Access, Refused
from pybernetes.kubelet.server.certificate import ServingCertificate
from pybernetes.lib.channels import NegotiationError
from pybernetes.lib.http.messages import Answer, Headers, Request, Response, Streaming, Writer
from pybernetes.lib.http.server import Server
from pybernetes.lib.tasks import Tasks

log = logging.getLogger(__name__)

_PULLING = {
    "ErrImagePull": "image can't be pulled",
    "ImagePullBackOff": "trying and failing to pull image",
}


class Problem(Exception):
    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


def _text(status: int, text: str, content_type: str = "text/plain; charset=utf-8") -> Response:
    return Response(status, Headers({"content-type": content_type}), text.encode())


def _json(value: object) -> Response:
    return Response(200, Headers({"content-type": "application/json"}), msgspec.json.encode(value))


TRUST_PATIENCE = 10.0
"""Seconds that a new node waits for its serving certificate before it is Ready without one."""


class KubeletServer:
    def __init__(self, kubelet: Kubelet) -> None:
        self._kubelet = kubelet
        self._access = Access(kubelet.client, kubelet.clock, kubelet.options.node_name)
        self._server = Server(self.handle, kubelet.clock)
        self._tasks = Tasks("kubelet-server")

    async def start(self) -> int:
        """Listen; the kubelet is told the port, which the Node then shows. OSError when it is taken."""
        options = self._kubelet.options
        tls = None
        if options.server_tls:
            certificate = ServingCertificate(self._kubelet.client, options, self._kubelet.clock)
            tls = certificate.context
            self._tasks.spawn(certificate.keep(), "serving-certificate")
            if not certificate.signed:
                self._tasks.spawn(self._until_trusted(certificate), "until-trusted")
        self._kubelet.port = await self._server.start(options.server_address, options.server_port, tls)
        return self._kubelet.port

    async def _until_trusted(self, certificate: ServingCertificate) -> None:
        """Ready means that logs and exec work: they do once the API server can check this server's certificate."""
        self._kubelet.agent.hold_back("kubelet server has no certificate signed by the cluster yet")
        try:
            await self._kubelet.clock.wait_for(certificate.installed.wait(), TRUST_PATIENCE)
        except TimeoutError:
            log.warning(
                "the request for a serving certificate is not approved: logs and exec will fail until it is"
            )
        self._kubelet.agent.hold_back("")

    async def close(self) -> None:
        await self._tasks.close()
        await self._server.close(self._kubelet.options.shutdown_grace)

    async def handle(self, request: Request) -> Answer:
        try:
            if request.path in ("/healthz", "/healthz/ping"):
                return _text(200, "ok")
            await self._access.check(request)
            return await self._route(request)
        except Refused as refused:
            return _text(refused.status, f"{refused}\n")
        except Problem as problem:
            return _text(problem.status, f"{problem}\n")
        except logs.OptionsWrong as error:
            return _text(400, f"{error}\n")
        except NegotiationError as error:
            answer = _text(error.status, f"{error}\n")
            for name, value in error.headers.items():
                answer.headers.set(name, value)
            return answer
        except RuntimeFailure as error:
            return _text(500, f"{error.description}\n")

    async def _route(self, request: Request) -> Answer:
        parts = request.path.strip("/").split("/")
        kubelet = self._kubelet
        match parts:
            case ["pods"] | ["runningpods"]:
                return _json(self._pods())
            case ["containerLogs", namespace, name, container]:
                return self._logs(request, self._worker(namespace, name), container)
            case ["exec" | "attach" as what, namespace, name, container]:
                id = self._running(self._worker(namespace, name), container)
                act = streaming.exec_ if what == "exec" else streaming.attach
                return await act(request, kubelet.cri, id, kubelet.clock)
            case ["exec" | "attach" as what, namespace, name, uid, container]:
                id = self._running(self._worker(namespace, name, uid), container)
                act = streaming.exec_ if what == "exec" else streaming.attach
                return await act(request, kubelet.cri, id, kubelet.clock)
            case ["portForward", namespace, name]:
                return await self._port_forward(request, self._worker(namespace, name))
            case ["portForward", namespace, name, uid]:
                return await self._port_forward(request, self._worker(namespace, name, uid))
            case ["stats", "summary"] | ["stats"]:
                return _json(await statistics.summary(kubelet))
            case ["metrics"]:
                return _text(200, statistics.metrics(kubelet), "text/plain; version=0.0.4; charset=utf-8")
            case ["metrics", "resource"]:
                text = await statistics.resource_metrics(kubelet)
                return _text(200, text, "text/plain; version=0.0.4; charset=utf-8")
        raise Problem(404, "404 page not found")

    def _pods(self) -> dict[str, object]:
        items = [
            {**worker.pod, "status": {**(worker.pod.get("status") or {}), **(worker.machine.status or {})}}
            for worker in self._kubelet.workers.values()
        ]
        return {"kind": "PodList", "apiVersion": "v1", "metadata": {}, "items": items}

    def _worker(self, namespace: str, name: str, uid: str = "") -> PodWorker:
        worker = self._kubelet.find(namespace, name, uid)
        if worker is None:
            raise Problem(404, f'pod "{name}" does not exist')
        return worker

    def _running(self, worker: PodWorker, container: str) -> str:
        record = worker.machine.state.records.get(container)
        if record is None or not record.running or record.current is None:
            raise Problem(500, f'container not found ("{container}")')
        return record.current.id

    async def _port_forward(self, request: Request, worker: PodWorker) -> Answer:
        sandbox = worker.machine.state.ready_sandbox
        if sandbox is None:
            raise Problem(
                500, f'pod not found ("{worker.pod["metadata"]["name"]}"): it has no running sandbox'
            )
        return await streaming.port_forward(request, self._kubelet.cri, sandbox.id, self._kubelet.clock)

    def _logs(self, request: Request, worker: PodWorker, container: str) -> Answer:
        kubelet = self._kubelet
        options = logs.parse_options(request, kubelet.clock.now())
        path = self._log_path(worker, container, options.previous)
        record = worker.machine.state.records[container]
        shown = record.current

        def running() -> bool:
            return record.running and record.current is shown and not worker.done

        async def run(writer: Writer) -> None:
            try:
                await logs.send(path, options, writer, kubelet.clock, running, worker.listeners)
            except OSError as error:
                writer.write(f"failed to read the log: {error.strerror}\n".encode())

        return Streaming(run, headers=Headers({"content-type": "text/plain"}))

    def _log_path(self, worker: PodWorker, container: str, previous: bool) -> Path:
        """The file, or a Problem that says why there is none yet."""
        state = worker.machine.state
        record = state.records.get(container)
        name = worker.pod["metadata"]["name"]
        if record is None:
            raise Problem(404, f'container "{container}" not found in pod "{name}"')
        where = f'container "{container}" in pod "{name}"'
        chosen = record.current
        if previous:
            chosen = record.last
            if record.exited and record.waiting is not None:
                chosen = record.current
            if chosen is None:
                raise Problem(400, f"previous terminated {where} not found")
        if chosen is None:
            reason = record.waiting[0] if record.waiting is not None else "ContainerCreating"
            raise Problem(400, f"{where} is waiting to start: {_PULLING.get(reason, reason)}")
        path = self._kubelet.layout.container_log(worker.pod["metadata"], container, chosen.attempt)
        if not path.exists():
            raise Problem(400, f"the log of {where} is no longer (or not yet) on the node")
        return path
