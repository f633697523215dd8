"""Requests to kubelets, from what clients ask."""

from __future__ import annotations

from typing import Any

import pytest

from pybernetes.api.errors import BadRequest
from pybernetes.apiserver.connect.backends import forwarded_headers, is_upgrade
from pybernetes.apiserver.connect.kubelets import address
from pybernetes.apiserver.connect.streams import container_of, log_target, port_forward_target, session_target
from pybernetes.lib.http.messages import Headers, Request


def pod(*containers: str, inits: tuple[str, ...] = (), phase: str = "Running") -> dict[str, Any]:
    return {
        "metadata": {"namespace": "dev", "name": "web"},
        "spec": {
            "containers": [{"name": name} for name in containers],
            "initContainers": [{"name": name} for name in inits],
        },
        "status": {"phase": phase},
    }


def test_the_only_container_is_meant() -> None:
    assert container_of(pod("app"), "") == "app"
    assert container_of(pod("app", inits=("prepare",)), "prepare") == "prepare"


@pytest.mark.parametrize(
    ("given", "wanted", "message"),
    [
        (pod("app"), "x", "container x is not valid for pod web"),
        (pod("a", "b"), "", "a container name must be specified for pod web, choose one of: [a b]"),
        (
            pod("a", inits=("i",)),
            "",
            "a container name must be specified for pod web, choose one of: [a] or one of the init containers: [i]",
        ),
    ],
)
def test_unclear_containers(given: dict[str, Any], wanted: str, message: str) -> None:
    with pytest.raises(BadRequest) as caught:
        container_of(given, wanted)
    assert caught.value.message == message


def test_log_target_passes_the_options_on() -> None:
    query = {"follow": ["true"], "tailLines": ["5"], "container": ["app"], "unknown": ["x"]}
    assert log_target(pod("app"), query) == "/containerLogs/dev/web/app?follow=true&tailLines=5"


@pytest.mark.parametrize("query", [{"tailLines": ["-1"]}, {"limitBytes": ["0"]}, {"sinceSeconds": ["x"]}])
def test_bad_log_options(query: dict[str, list[str]]) -> None:
    with pytest.raises(BadRequest):
        log_target(pod("app"), query)


def test_exec_target() -> None:
    query = {
        "command": ["sh", "-c", "echo a&b"],
        "stdin": ["true"],
        "stdout": ["1"],
        "tty": ["true"],
        "stderr": ["true"],
    }
    assert (
        session_target("exec", pod("app"), query)
        == "/exec/dev/web/app?input=1&output=1&tty=1&command=sh&command=-c&command=echo+a%26b"
    )


@pytest.mark.parametrize(
    ("given", "query", "message"),
    [
        (pod("app"), {"command": ["sh"]}, "you must specify at least one of stdin, stdout, stderr"),
        (pod("app"), {"stdout": ["true"]}, "you must specify a command to execute"),
        (
            pod("app", phase="Succeeded"),
            {"command": ["sh"], "stdout": ["true"]},
            "cannot exec into a container in a completed pod; current phase is Succeeded",
        ),
    ],
)
def test_bad_exec(given: dict[str, Any], query: dict[str, list[str]], message: str) -> None:
    with pytest.raises(BadRequest) as caught:
        session_target("exec", given, query)
    assert caught.value.message == message


def test_port_forward_target() -> None:
    assert port_forward_target(pod("app"), {}) == "/portForward/dev/web"
    assert port_forward_target(pod("app"), {"ports": ["80,443"]}) == "/portForward/dev/web?port=80&port=443"
    with pytest.raises(BadRequest):
        port_forward_target(pod("app"), {"ports": ["99999"]})


def test_kubelet_address() -> None:
    node = {
        "metadata": {"name": "a"},
        "status": {
            "addresses": [
                {"type": "Hostname", "address": "a"},
                {"type": "InternalIP", "address": "10.0.0.2"},
            ],
            "daemonEndpoints": {"kubeletEndpoint": {"Port": 10251}},
        },
    }
    assert address(node) == ("10.0.0.2", 10251)
    with pytest.raises(BadRequest):
        address({"metadata": {"name": "a"}})


def test_credentials_stay_here() -> None:
    request = Request(
        "GET",
        "/",
        Headers({"Authorization": "Bearer x", "Accept": "a", "Connection": "Upgrade", "Upgrade": "SPDY/3.1"}),
    )
    assert is_upgrade(request)
    assert forwarded_headers(request, upgrade=False).items() == [("accept", "a")]
    assert "authorization" not in forwarded_headers(request, upgrade=True)
    assert forwarded_headers(request, upgrade=True).get("upgrade") == "SPDY/3.1"
