"""The kubelet's server: logs, exec, attach, port-forward, statistics, on a real containerd."""

from __future__ import annotations

import json

import pytest
from containerd_node import BUSYBOX as IMAGE

from pybernetes.api.kinds import PODS
from pybernetes.client.transport import HttpTransport
from pybernetes.lib.channels import Wanted, connect_channels, spdy_headers
from pybernetes.lib.forwarding import PROTOCOL, open_forward
from pybernetes.lib.http.messages import Headers
from pybernetes.lib.spdy import SpdyConnection

pytestmark = pytest.mark.node


async def read_all(stream):
    data = b""
    while chunk := await stream.read():
        data += chunk
    return data


async def test_logs_with_tail_timestamps_and_limit(node):
    await node.run("log", command=["sh", "-c", "for i in 1 2 3 4; do echo line $i; done; sleep 1000"])
    await node.ready("log")
    lines = "line 1\nline 2\nline 3\nline 4\n"
    # A container runs before it has written anything: this one waits for as many bytes.
    assert await node.get(f"/containerLogs/default/log/main?follow=true&limitBytes={len(lines)}") == (
        200,
        lines,
    )
    assert await node.get("/containerLogs/default/log/main") == (200, lines)
    assert await node.get("/containerLogs/default/log/main?tailLines=2") == (200, "line 3\nline 4\n")
    assert await node.get("/containerLogs/default/log/main?limitBytes=4") == (200, "line")
    _, text = await node.get("/containerLogs/default/log/main?tailLines=1&timestamps=true")
    assert text.endswith("Z line 4\n")
    assert (await node.get("/containerLogs/default/log/nope"))[0] == 404
    assert (await node.get("/containerLogs/default/nope/main"))[0] == 404
    status, text = await node.get("/containerLogs/default/log/main?previous=true")
    assert (status, text) == (400, 'previous terminated container "main" in pod "log" not found\n')


async def test_a_followed_log_ends_with_its_container(node):
    script = "echo one; sleep 0.5; echo two; sleep 0.5; echo three"
    await node.run("follow", command=["sh", "-c", script], restartPolicy="Never")
    await node.phase("follow", "Running")
    assert await node.get("/containerLogs/default/follow/main?follow=true") == (200, "one\ntwo\nthree\n")


async def test_exec_runs_a_command_with_stdin_and_tells_its_exit_code(node):
    await node.run("exec", command=["sleep", "1000"])
    await node.ready("exec")
    query = "command=sh&command=-c&command=cat;echo%20problem%20%3E%262;exit%207&input=1&output=1&error=1"
    answer = await node.http.upgrade("POST", f"/exec/default/exec/main?{query}", spdy_headers())
    assert answer.status == 101, answer.body
    channels = await connect_channels(answer.stream, Wanted(True, True, True))
    channels.stdin.write(b"hello\n")
    channels.stdin.write_eof()
    assert await read_all(channels.stdout) == b"hello\n"
    assert await read_all(channels.stderr) == b"problem\n"
    status = json.loads(await read_all(channels.error))
    assert status["details"]["causes"][0] == {"reason": "ExitCode", "message": "7"}
    channels.abort()


async def test_port_forward_reaches_a_port_of_the_pod(node):
    main = {
        "name": "main",
        "image": IMAGE,
        "command": ["sh", "-c", "echo hello > /tmp/index.html; httpd -f -p 8080 -h /tmp"],
        "readinessProbe": {"tcpSocket": {"port": 8080}},
    }
    await node.run("web", containers=[main])
    await node.ready("web")
    answer = await node.http.upgrade("POST", "/portForward/default/web", spdy_headers(PROTOCOL))
    assert answer.status == 101, answer.body
    connection = SpdyConnection(answer.stream, client=True)
    forward = await open_forward(connection, 8080, 0)
    forward.data.write(b"GET /index.html HTTP/1.0\r\n\r\n")
    assert (await read_all(forward.data)).endswith(b"hello\n")
    connection.abort()


async def test_only_those_who_may_are_answered(node):
    stranger = HttpTransport(f"http://127.0.0.1:{node.kubelet.port}")
    assert (await stranger.request("GET", "/pods", Headers())).status == 401
    assert (await stranger.request("GET", "/healthz", Headers())).status == 200
    await stranger.close()
    await node.run("one", command=["sleep", "1000"])
    await node.ready("one")
    _, text = await node.get("/pods")
    assert json.loads(text)["items"][0]["status"]["phase"] == "Running"
    _, text = await node.get("/stats/summary")
    assert json.loads(text)["pods"][0]["containers"][0]["name"] == "main"
    assert "kubelet_running_pods 1" in (await node.get("/metrics"))[1]
    await node.api.delete(PODS, "default", "one")
