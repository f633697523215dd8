"""Reading method and path."""

from __future__ import annotations

import pytest

from pybernetes.apiserver.requestinfo import parse
from pybernetes.lib.http.messages import Request

CASES = [
    ("GET", "/api/v1/pods", ("list", "", "v1", "", "pods", "", "")),
    ("GET", "/api/v1/pods?watch=true", ("watch", "", "v1", "", "pods", "", "")),
    ("GET", "/api/v1/namespaces/ns/pods/web", ("get", "", "v1", "ns", "pods", "", "web")),
    ("HEAD", "/api/v1/namespaces/ns/pods/web", ("get", "", "v1", "ns", "pods", "", "web")),
    ("GET", "/api/v1/namespaces/ns", ("get", "", "v1", "ns", "namespaces", "", "ns")),
    ("GET", "/api/v1/namespaces", ("list", "", "v1", "", "namespaces", "", "")),
    ("PUT", "/api/v1/namespaces/ns/finalize", ("update", "", "v1", "ns", "namespaces", "finalize", "ns")),
    ("PATCH", "/api/v1/namespaces/ns/status", ("patch", "", "v1", "ns", "namespaces", "status", "ns")),
    ("POST", "/api/v1/namespaces/ns/pods", ("create", "", "v1", "ns", "pods", "", "")),
    ("DELETE", "/api/v1/namespaces/ns/pods", ("deletecollection", "", "v1", "ns", "pods", "", "")),
    ("DELETE", "/api/v1/nodes/n", ("delete", "", "v1", "", "nodes", "", "n")),
    ("GET", "/apis/apps/v1/deployments", ("list", "apps", "v1", "", "deployments", "", "")),
    (
        "GET",
        "/apis/apps/v1/namespaces/ns/deployments/d/scale",
        ("get", "apps", "v1", "ns", "deployments", "scale", "d"),
    ),
    ("GET", "/api/v1/watch/namespaces/ns/pods/web", ("watch", "", "v1", "ns", "pods", "", "web")),
    ("GET", "/api/v1/pods?fieldSelector=metadata.name%3Dweb", ("list", "", "v1", "", "pods", "", "web")),
    ("POST", "/api/v1/nodes/n/proxy/a/b", ("create", "", "v1", "", "nodes", "proxy", "n")),
]


@pytest.mark.parametrize(("method", "target", "expected"), CASES)
def test_resources(method: str, target: str, expected: tuple[str, ...]) -> None:
    info = parse(Request(method, target))
    assert info.is_resource
    found = (info.verb, info.group, info.version, info.namespace, info.resource, info.subresource, info.name)
    assert found == expected


@pytest.mark.parametrize(
    "target", ["/", "/api", "/api/v1", "/apis", "/apis/apps", "/apis/apps/v1", "/healthz/ping", "/x/y/z"]
)
def test_other_paths(target: str) -> None:
    info = parse(Request("GET", target))
    assert not info.is_resource and info.verb == "get" and info.path == target


def test_what_follows_a_proxy_stays_as_it_was_sent() -> None:
    info = parse(Request("GET", "/api/v1/namespaces/ns/services/s:80/proxy/a%2Fb/c/?q=%20"))
    assert (info.name, info.rest) == ("s:80", "/a%2Fb/c/")
    assert parse(Request("GET", "/api/v1/nodes/n/proxy/")).rest == "/"
    assert parse(Request("GET", "/api/v1/nodes/n/proxy")).rest == ""


def test_what_stays_open_is_long_running() -> None:
    assert parse(Request("GET", "/api/v1/pods?watch=1")).long_running
    assert parse(Request("GET", "/api/v1/namespaces/n/pods/p/log")).long_running
    assert not parse(Request("GET", "/api/v1/pods")).long_running
    assert not parse(Request("GET", "/healthz")).long_running
