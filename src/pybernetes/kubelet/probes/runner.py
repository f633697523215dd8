"""Carries out probes and lifecycle handlers of one container.

A probe comes to `(outcome, message)`, outcome being success, failure or error; a handler raises
`HandlerFailed`. Source: https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#types-of-probe
"""

from __future__ import annotations

import asyncio
from typing import Any

from pybernetes.kubelet.cri.client import CRIClient
from pybernetes.kubelet.cri.errors import RuntimeFailure, RuntimeTimeout
from pybernetes.kubelet.machine.model import Object
from pybernetes.kubelet.probes import http
from pybernetes.lib.clock import Clock


class HandlerFailed(Exception):
    """A postStart or preStop handler did not succeed."""


class PortUnknown(Exception):
    pass


def resolve_port(container: Object, port: Any) -> int:
    """A number, or the containerPort of that name."""
    if isinstance(port, int):
        return port
    for one in container.get("ports") or ():
        if one.get("name") == port:
            return int(one["containerPort"])
    if str(port).isdigit():
        return int(port)
    raise PortUnknown(f"couldn't find port: {port} in container {container['name']}")


class Prober:
    """Shared by all pods; dials from the node's network namespace."""

    def __init__(self, cri: CRIClient, clock: Clock) -> None:
        self._cri = cri
        self._clock = clock

    async def probe(self, container: Object, spec: Object, container_id: str, ip: str) -> tuple[str, str]:
        seconds = float(spec.get("timeoutSeconds") or 1)
        try:
            if spec.get("exec") is not None:
                return await self._exec(spec["exec"].get("command") or [], container_id, seconds)
            if spec.get("httpGet") is not None:
                return await self._http(container, spec["httpGet"], ip, seconds)
            if spec.get("tcpSocket") is not None:
                return await self._tcp(container, spec["tcpSocket"], ip, seconds)
            if spec.get("grpc") is not None:
                return await self._grpc(spec["grpc"], ip, seconds)
        except PortUnknown as error:
            return "error", str(error)
        return "error", f"missing probe handler for {container['name']}"

    async def _exec(self, command: list[str], container_id: str, seconds: float) -> tuple[str, str]:
        try:
            done = await self._cri.exec_sync(container_id, command, seconds)
        except RuntimeTimeout:
            words = " ".join(command)
            return "failure", f'command timed out: "{words}" timed out after {int(seconds)}s'
        except RuntimeFailure as error:
            return "error", str(error)
        output = (done.stdout + done.stderr).decode(errors="replace")[: http.MAX_BODY]
        return ("success" if done.exit_code == 0 else "failure"), output

    def _target(self, container: Object, spec: Object, ip: str) -> http.Target:
        path = spec.get("path") or "/"
        headers = tuple((one["name"], one.get("value", "")) for one in spec.get("httpHeaders") or ())
        return http.Target(
            str(spec.get("scheme") or "HTTP").lower(),
            spec.get("host") or ip,
            resolve_port(container, spec["port"]),
            path if path.startswith("/") else f"/{path}",
            headers,
        )

    async def _http(self, container: Object, spec: Object, ip: str, seconds: float) -> tuple[str, str]:
        try:
            status, body = await http.get(self._target(container, spec, ip), self._clock, seconds)
        except http.RequestFailed as error:
            return "failure", str(error)
        if 200 <= status < 400:
            return "success", body
        return "failure", f"HTTP probe failed with statuscode: {status}"

    async def _tcp(self, container: Object, spec: Object, ip: str, seconds: float) -> tuple[str, str]:
        host, port = spec.get("host") or ip, resolve_port(container, spec["port"])
        try:
            async with self._clock.timeout(seconds):
                _, writer = await asyncio.open_connection(host, port)
        except TimeoutError:
            return "failure", f"dial tcp {host}:{port}: i/o timeout"
        except OSError as error:
            return "failure", http.dial_error(error, f"{host}:{port}")
        writer.close()
        return "success", ""

    async def _grpc(self, spec: Object, ip: str, seconds: float) -> tuple[str, str]:
        from pybernetes.kubelet.probes import grpc_health

        return await grpc_health.check(ip, int(spec["port"]), spec.get("service") or "", self._clock, seconds)

    async def handle(
        self, container: Object, handler: Object, container_id: str, ip: str, seconds: float
    ) -> None:
        """Carry out a postStart or preStop handler within `seconds` (0: no limit). Raises HandlerFailed."""
        if handler.get("exec") is not None:
            command = handler["exec"].get("command") or []
            try:
                done = await self._cri.exec_sync(container_id, command, seconds)
            except RuntimeFailure as error:
                raise HandlerFailed(f"Exec lifecycle hook ({command}) failed - error: {error}") from error
            if done.exit_code != 0:
                output = (done.stdout + done.stderr).decode(errors="replace")[:1024]
                raise HandlerFailed(
                    f"Exec lifecycle hook ({command}) failed - error: command '{' '.join(command)}' exited "
                    f'with {done.exit_code}: {output}, message: "{output}"'
                )
        elif handler.get("httpGet") is not None:
            try:
                target = self._target(container, handler["httpGet"], ip)
                await http.get(target, self._clock, seconds or 30)
            except (http.RequestFailed, PortUnknown) as error:
                raise HandlerFailed(f"HTTP lifecycle hook failed - error: {error}") from error
        elif handler.get("sleep") is not None:
            await self._clock.sleep(min(float(handler["sleep"].get("seconds") or 0), seconds or 1e9))
