"""Logs, exec, attach, port-forward and proxies: what reaches the kubelet, and what comes back."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from api_harness import Api

from pybernetes.lib.http.inprocess import InProcessTransport
from pybernetes.lib.http.messages import (
    Answer,
    Headers,
    Request,
    Response,
    Streaming,
    Upgrade,
    Writer,
)
from pybernetes.lib.streams import ByteStream
from pybernetes.lib.websocket import WebSocket, check_answer, client_handshake

PODS = "/api/v1/namespaces/default/pods"
UPGRADE = Headers(
    {"connection": "Upgrade", "upgrade": "websocket", "sec-websocket-protocol": "v5.channel.k8s.io"}
)


class Kubelet:
    """Answers in place of a node's kubelet (or a pod) and remembers what it was asked."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.log = [b"one\n", b"two\n"]
        self.transport_ = InProcessTransport(self.handle)

    async def handle(self, request: Request) -> Answer:
        self.requests.append(request)
        if request.path.startswith("/containerLogs/default/web/broken"):
            return Response(
                400, Headers(), b'container "broken" in pod "web" is waiting to start: PodInitializing'
            )
        if request.path.startswith("/containerLogs/"):

            async def lines(writer: Writer) -> None:
                for part in self.log:
                    writer.write(part)
                    await writer.drain()

            return Streaming(lines)
        if "upgrade" in request.headers:

            async def echo(stream: ByteStream) -> None:
                while data := await stream.read():
                    stream.write(data.upper())
                    await stream.drain()

            return Upgrade(
                echo, Headers({"upgrade": "websocket", "sec-websocket-protocol": "v5.channel.k8s.io"})
            )
        if request.path.endswith("/page"):
            page = b'<a href="/next">on</a> <img src="https://elsewhere/x">'
            return Response(200, Headers({"content-type": "text/html; charset=utf-8"}), page)
        if request.path.endswith("/moved"):
            return Response(302, Headers({"location": "http://10.244.0.5:8080/there"}))
        return Response(200, Headers({"content-type": "text/plain", "x-test": "1"}), request.target.encode())

    async def transport(self, node: str) -> InProcessTransport:
        assert node == "n1"
        return self.transport_

    def at(self, address: str) -> InProcessTransport:
        return self.transport_

    def reach(self, scheme: str, address: str, port: str) -> InProcessTransport:
        self.reached = (scheme, address, port)
        return self.transport_

    async def close(self) -> None:
        await self.transport_.close()


@pytest.fixture
async def kubelet(api: Api) -> AsyncIterator[Kubelet]:
    kubelet = Kubelet()
    api.server.kubelets = kubelet
    containers = [{"name": "main", "image": "x", "ports": [{"name": "http", "containerPort": 8080}]}]
    await api.pod(containers=containers)
    await api.bind("web", "n1")
    await api.patch(PODS + "/web/status", {"status": {"phase": "Running", "podIP": "10.244.0.5"}})
    yield kubelet


async def test_logs_are_streamed(api: Api, kubelet: Kubelet) -> None:
    reply = await api.get(PODS + "/web/log?follow=true&tailLines=5&pretty=1")
    assert reply.status == 200 and reply.body == b"one\ntwo\n"
    assert reply.headers.get("content-type") == "text/plain"
    request = kubelet.requests[0]
    assert request.path == "/containerLogs/default/web/main"
    assert request.query == {"follow": ["true"], "tailLines": ["5"]}
    assert "authorization" not in request.headers


@pytest.mark.parametrize(
    ("offered", "messages"),
    [([], [b"", b"one\ntwo\n"]), (["binary.k8s.io"], [b"", b"one\ntwo\n"]),
     (["base64.binary.k8s.io"], ["", "b25lCnR3bwo="])],
)  # fmt: skip
async def test_logs_come_in_messages_to_a_websocket(
    api: Api, kubelet: Kubelet, offered: list[str], messages: list[bytes | str]
) -> None:
    kubelet.log = [b"one\ntwo\n"]
    headers, key = client_handshake(offered)
    reply = await api.transport.upgrade("GET", PODS + "/web/log", api._headers(dict(headers.items())))
    assert reply.stream is not None
    assert check_answer(reply.status, reply.headers, key) == "".join(offered)
    socket = WebSocket(reply.stream, client=True)
    assert [await socket.receive() for _ in messages] == messages
    assert await socket.receive() is None and socket.close_code == 1000


async def test_logs_in_messages_need_a_known_form(api: Api, kubelet: Kubelet) -> None:
    headers, _ = client_handshake(["v5.channel.k8s.io"])
    reply = await api.transport.upgrade("GET", PODS + "/web/log", api._headers(dict(headers.items())))
    assert reply.status == 400 and b"v5.channel.k8s.io" in reply.body


async def test_what_the_kubelet_refuses_is_a_status(api: Api, kubelet: Kubelet) -> None:
    containers = [{"name": "main", "image": "x"}, {"name": "broken", "image": "x"}]
    await api.delete(PODS + "/web?gracePeriodSeconds=0")
    await api.pod(containers=containers)
    await api.bind("web", "n1")
    choice = await api.get(PODS + "/web/log")
    assert choice.message == "a container name must be specified for pod web, choose one of: [main broken]"
    missing = await api.get(PODS + "/web/log?container=none")
    assert missing.message == "container none is not valid for pod web"
    refused = await api.get(PODS + "/web/log?container=broken")
    assert (refused.status, refused.reason) == (400, "BadRequest")
    assert refused.message == 'container "broken" in pod "web" is waiting to start: PodInitializing'
    assert (await api.get(PODS + "/web/log?container=main&tailLines=-1")).status == 422


async def test_a_pod_without_a_node(api: Api, kubelet: Kubelet) -> None:
    await api.pod("waiting")
    assert (await api.get(PODS + "/waiting/log")).body == b""
    reply = await api.transport.upgrade(
        "GET", PODS + "/waiting/exec?command=ls&stdout=1", api._headers(dict(UPGRADE.items()))
    )
    assert reply.status == 400 and b"pod waiting does not have a host assigned" in reply.body


async def test_exec_joins_both_ends(api: Api, kubelet: Kubelet) -> None:
    target = PODS + "/web/exec?command=sh&command=-c&stdin=true&stdout=true&tty=1&container=main"
    reply = await api.transport.upgrade("GET", target, api._headers(dict(UPGRADE.items())))
    assert reply.status == 101 and reply.stream is not None
    assert reply.headers.get("sec-websocket-protocol") == "v5.channel.k8s.io"
    reply.stream.write(b"hello")
    assert await reply.stream.read() == b"HELLO"
    reply.stream.close()
    request = kubelet.requests[0]
    assert request.path == "/exec/default/web/main"
    assert request.query == {"input": ["1"], "output": ["1"], "tty": ["1"], "command": ["sh", "-c"]}
    assert request.headers.get("sec-websocket-protocol") == "v5.channel.k8s.io"


async def test_exec_needs_a_command_a_stream_and_an_upgrade(api: Api, kubelet: Kubelet) -> None:
    assert "at least 1 of stdin, stdout, stderr" in (await api.post(PODS + "/web/exec", {})).message
    no_command = await api.post(PODS + "/web/exec?stdout=1", {})
    assert "at least one command" in no_command.message
    assert (await api.post(PODS + "/web/exec?stdout=1&command=ls", {})).message == "Upgrade request required"


async def test_attach_and_portforward(api: Api, kubelet: Kubelet) -> None:
    for target in ("attach?stdout=1", "portforward"):
        reply = await api.transport.upgrade(
            "GET", f"{PODS}/web/{target}", api._headers(dict(UPGRADE.items()))
        )
        assert reply.status == 101 and reply.stream is not None
        reply.stream.close()
    assert [one.path for one in kubelet.requests] == ["/attach/default/web/main", "/portForward/default/web"]


async def test_pods_are_proxied_to(api: Api, kubelet: Kubelet) -> None:
    reply = await api.get(PODS + "/https:web:http/proxy/a%2Fb/c/?x=1")
    assert reply.status == 200 and reply.body == b"/a%2Fb/c/?x=1"
    assert reply.headers.get("x-test") == "1"
    assert kubelet.reached == ("https", "10.244.0.5", "8080")
    posted = await api.post(PODS + "/web/proxy/form", {"a": 1})
    assert posted.status == 200 and kubelet.requests[-1].method == "POST"
    assert await kubelet.requests[-1].body.read(100) == b'{"a": 1}'


async def test_links_of_a_proxied_page_lead_through_the_proxy(api: Api, kubelet: Kubelet) -> None:
    prefix = PODS + "/web:8080/proxy"
    reply = await api.get(prefix + "/page")
    assert reply.body == f'<a href="{prefix}/next">on</a> <img src="https://elsewhere/x">'.encode()
    assert kubelet.requests[-1].headers.get("x-forwarded-uri") == prefix + "/page"
    moved = await api.get(prefix + "/moved")
    assert (moved.status, moved.headers.get("location")) == (302, prefix + "/there")


async def test_the_root_of_a_proxied_server_ends_in_a_slash(api: Api, kubelet: Kubelet) -> None:
    reply = await api.get(PODS + "/web/proxy?x=1")
    assert (reply.status, reply.headers.get("location")) == (301, PODS + "/web/proxy/?x=1")
    assert (await api.post(PODS + "/web/proxy", {})).body == b"/"
    assert (await api.call("OPTIONS", PODS + "/web/proxy")).status == 200
    assert kubelet.requests[-1].method == "OPTIONS"
    assert (await api.call("OPTIONS", PODS + "/web/log")).status == 405


async def test_services_are_proxied_to_a_ready_endpoint(api: Api, kubelet: Kubelet) -> None:
    spec = {"selector": {"app": "web"}, "ports": [{"name": "http", "port": 80}]}
    await api.made("/api/v1/namespaces/default/services", {"metadata": {"name": "web"}, "spec": spec})
    none = await api.get("/api/v1/namespaces/default/services/web/proxy/")
    assert none.status == 503 and "no endpoints available" in none.message
    slice_ = {
        "metadata": {"name": "web-1", "labels": {"kubernetes.io/service-name": "web"}},
        "addressType": "IPv4",
        "endpoints": [
            {"addresses": ["10.244.0.5"], "conditions": {"ready": True}},
            {"addresses": ["10.244.0.6"], "conditions": {"ready": False}},
        ],
        "ports": [{"name": "http", "port": 8080, "protocol": "TCP"}],
    }
    await api.made("/apis/discovery.k8s.io/v1/namespaces/default/endpointslices", slice_)
    for name in ("web", "web:80", "http:web:http"):
        reply = await api.get(f"/api/v1/namespaces/default/services/{name}/proxy/x")
        assert reply.body == b"/x"
        assert kubelet.reached == ("http", "10.244.0.5", "8080")


async def test_nodes_are_proxied_to(api: Api, kubelet: Kubelet) -> None:
    await api.node()
    status = {"addresses": [{"type": "InternalIP", "address": "10.0.0.1"}]}
    await api.patch("/api/v1/nodes/n1/status", {"status": status})
    assert (await api.get("/api/v1/nodes/n1/proxy/healthz")).body == b"/healthz"


async def test_no_word_on_who_asks_reaches_a_pod(api: Api, kubelet: Kubelet) -> None:
    await api.get(PODS + "/web/proxy/", x_remote_user="ann", x_remote_extra_a="b", x_mine="c")
    headers = kubelet.requests[0].headers
    assert "x-mine" in headers
    assert not {name for name, _ in headers.items() if name.startswith("x-remote") or name == "authorization"}
