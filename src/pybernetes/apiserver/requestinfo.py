"""What a request asks for, read off its method and path: in comes a Request, out goes a `RequestInfo`.

Every later stage (authorization, limits, routing) decides on this value. The rules are those of
https://kubernetes.io/docs/reference/access-authn-authz/authorization/#determine-the-request-verb
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import unquote

from pybernetes.api.selectors import FieldSelector, SelectorError
from pybernetes.lib.http.messages import Request

_VERBS = {
    "POST": "create",
    "GET": "get",
    "HEAD": "get",
    "PUT": "update",
    "PATCH": "patch",
    "DELETE": "delete",
}
_NAMESPACE_SUBRESOURCES = frozenset(("status", "finalize"))
_OFF = frozenset(("", "0", "false"))


@dataclass(slots=True)
class RequestInfo:
    """`verb` is Kubernetes' verb for resources and the method in small letters for other paths.

    `parts` are the path's segments from the resource on; `rest` is what follows the subresource
    (`proxy/any/path`), undecoded, beginning with a slash when there is any.
    """

    path: str
    verb: str
    is_resource: bool = False
    group: str = ""
    version: str = ""
    namespace: str = ""
    resource: str = ""
    subresource: str = ""
    name: str = ""
    rest: str = ""

    @property
    def long_running(self) -> bool:
        """Neither limited in number nor in time: watches and connections that stay open."""
        return self.is_resource and (
            self.verb in ("watch", "proxy")
            or self.subresource in ("attach", "exec", "proxy", "log", "portforward")
        )

    @property
    def mutating(self) -> bool:
        return self.verb not in ("get", "list", "watch", "head", "options")


def is_true(text: str) -> bool:
    """A boolean query parameter as clients may write it: anything but nothing, 0 and false."""
    return text.lower() not in _OFF


def parse(request: Request) -> RequestInfo:
    """Never fails: what is not a resource path stays a plain path, for discovery and health."""
    path = request.path
    info = RequestInfo(path, request.method.lower())
    raw = [part for part in request.raw_path.split("/") if part]
    parts = [unquote(part) for part in raw] if "%" in request.raw_path else raw
    if len(parts) < 3 or parts[0] not in ("api", "apis"):
        return info
    if parts[0] == "api":
        start = 2
    else:
        if len(parts) < 4:
            return info
        info.group = parts[1]
        start = 3
    info.version = parts[start - 1]
    info.is_resource = True
    info.verb = _VERBS.get(request.method, request.method.lower())
    if parts[start] in ("watch", "proxy") and len(parts) > start + 1:
        info.verb = parts[start]
        start += 1
    if parts[start] == "namespaces" and len(parts) > start + 1:
        info.namespace = parts[start + 1]
        if len(parts) > start + 2 and parts[start + 2] not in _NAMESPACE_SUBRESOURCES:
            start += 2
    info.resource = parts[start]
    if len(parts) > start + 1:
        info.name = parts[start + 1]
    if len(parts) > start + 2:
        info.subresource = parts[start + 2]
    if len(parts) > start + 3:
        info.rest = "/" + "/".join(raw[start + 3 :])
        if request.raw_path.endswith("/"):
            info.rest += "/"
    elif info.subresource == "proxy" and request.raw_path.endswith("/"):
        info.rest = "/"
    if not info.name:
        if info.verb == "get":
            info.verb = "watch" if is_true(request.query_value("watch")) else "list"
        elif info.verb == "delete":
            info.verb = "deletecollection"
    if info.verb in ("list", "watch", "deletecollection") and not info.name:
        # a selection of one name is authorized as that name
        info.name = _selected_name(request.query_value("fieldSelector"))
    return info


def _selected_name(selector: str) -> str:
    if "metadata.name" not in selector:
        return ""
    try:
        return FieldSelector.parse(selector).exact("metadata.name") or ""
    except SelectorError:
        return ""
