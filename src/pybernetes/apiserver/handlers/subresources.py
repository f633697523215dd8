"""Which handler serves which subresource, and the kinds that are answered but never stored.

Keys are (group, resource, subresource); `*` stands for every kind that has the subresource.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from pybernetes.apiserver.connect.nodes import node_proxy
from pybernetes.apiserver.connect.pods import attach, exec_, log, pod_proxy, portforward
from pybernetes.apiserver.connect.services import service_proxy
from pybernetes.apiserver.context import Context
from pybernetes.apiserver.handlers import reviews
from pybernetes.apiserver.handlers.binding import bind, bind_by_collection
from pybernetes.apiserver.handlers.eviction import evict
from pybernetes.apiserver.handlers.get import get
from pybernetes.apiserver.handlers.patch import patch
from pybernetes.apiserver.handlers.scale import get_scale, patch_scale, update_scale
from pybernetes.apiserver.handlers.token import create_token
from pybernetes.apiserver.handlers.update import update
from pybernetes.apiserver.resources import Resource
from pybernetes.lib.http.messages import Answer

Operation = Callable[[Context, Resource], Awaitable[Answer]]

_PART: dict[str, Operation] = {"get": get, "update": update, "patch": patch}


def _all(operation: Operation) -> dict[str, Operation]:
    return dict.fromkeys(("get", "create", "update", "patch", "delete"), operation)


def _any(operation: Operation) -> dict[str, Operation]:
    """Also what no other resource is asked for, and discovery does not list."""
    return {**_all(operation), "options": operation}


SUBRESOURCES: dict[tuple[str, str, str], dict[str, Operation]] = {
    ("*", "*", "status"): _PART,
    ("*", "*", "scale"): {"get": get_scale, "update": update_scale, "patch": patch_scale},
    ("", "namespaces", "finalize"): {"update": update},
    ("", "nodes", "proxy"): _any(node_proxy),
    ("", "pods", "attach"): _all(attach),
    ("", "pods", "binding"): {"create": bind},
    ("", "pods", "ephemeralcontainers"): _PART,
    ("", "pods", "eviction"): {"create": evict},
    ("", "pods", "exec"): _all(exec_),
    ("", "pods", "log"): {"get": log},
    ("", "pods", "portforward"): _all(portforward),
    ("", "pods", "proxy"): _any(pod_proxy),
    ("", "pods", "resize"): _PART,
    ("", "serviceaccounts", "token"): {"create": create_token},
    ("", "services", "proxy"): _any(service_proxy),
    ("certificates.k8s.io", "certificatesigningrequests", "approval"): _PART,
}

UNSTORED: dict[tuple[str, str], Operation] = {
    ("", "bindings"): bind_by_collection,
    ("", "componentstatuses"): reviews.component_statuses,
    ("authentication.k8s.io", "selfsubjectreviews"): reviews.self_subject_review,
    ("authentication.k8s.io", "tokenreviews"): reviews.token_review,
    ("authorization.k8s.io", "localsubjectaccessreviews"): reviews.subject_access_review,
    ("authorization.k8s.io", "selfsubjectaccessreviews"): reviews.self_subject_access_review,
    ("authorization.k8s.io", "selfsubjectrulesreviews"): reviews.self_subject_rules_review,
    ("authorization.k8s.io", "subjectaccessreviews"): reviews.subject_access_review,
}
