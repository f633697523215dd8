"""Which request to the kubelet a client's log, exec, attach or port-forward becomes. Pure.

In: the pod and the query. Out: the kubelet's path with its query, or the BadRequest that says what is wrong.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from pybernetes.api.errors import BadRequest

Object = dict[str, Any]
Query = dict[str, list[str]]

_ON = frozenset(("1", "t", "T", "true", "TRUE", "True"))
_FLAGS = ("stdin", "stdout", "stderr", "tty")
_LOG_OPTIONS = (
    "follow",
    "previous",
    "timestamps",
    "sinceSeconds",
    "sinceTime",
    "tailLines",
    "limitBytes",
    "stream",
)


def _names(pod: Object, field: str) -> list[str]:
    return [container["name"] for container in pod["spec"].get(field) or ()]


def container_of(pod: Object, wanted: str) -> str:
    """The container that is meant: the one named, or the only one."""
    name = pod["metadata"]["name"]
    containers, inits = _names(pod, "containers"), _names(pod, "initContainers")
    ephemeral = _names(pod, "ephemeralContainers")
    if wanted:
        if wanted in containers or wanted in inits or wanted in ephemeral:
            return wanted
        raise BadRequest(f"container {wanted} is not valid for pod {name}")
    if len(containers) == 1 and not inits and not ephemeral:
        return containers[0]
    text = f"a container name must be specified for pod {name}, choose one of: [{' '.join(containers)}]"
    if inits:
        text += f" or one of the init containers: [{' '.join(inits)}]"
    if ephemeral:
        text += f" or one of the ephemeral containers: [{' '.join(ephemeral)}]"
    raise BadRequest(text)


def node_of(pod: Object) -> str:
    """The node that runs the pod, "" when there is none yet."""
    return str(pod["spec"].get("nodeName") or "")


def _value(query: Query, name: str) -> str:
    values = query.get(name)
    return values[0] if values else ""


def _whole_number(query: Query, name: str, least: int) -> None:
    text = _value(query, name)
    if not text:
        return
    try:
        number = int(text)
    except ValueError:
        raise BadRequest(f'strconv.ParseInt: parsing "{text}": invalid syntax') from None
    if number < least:
        bound = "greater than 0" if least == 1 else "greater than or equal to 0"
        raise BadRequest(f'PodLogOptions "" is invalid: {name}: Invalid value: {number}: must be {bound}')


def log_target(pod: Object, query: Query) -> str:
    """The kubelet's `/containerLogs/...` for GET pods/NAME/log."""
    container = container_of(pod, _value(query, "container"))
    _whole_number(query, "tailLines", 0)
    _whole_number(query, "limitBytes", 1)
    _whole_number(query, "sinceSeconds", 1)
    if _value(query, "sinceSeconds") and _value(query, "sinceTime"):
        raise BadRequest(
            'PodLogOptions "" is invalid: sinceSeconds: Forbidden: at most one of `sinceTime` or `sinceSeconds` '
            "may be specified"
        )
    chosen = [(name, _value(query, name)) for name in _LOG_OPTIONS if _value(query, name)]
    return _target("containerLogs", pod, container, chosen)


def session_target(verb: str, pod: Object, query: Query) -> str:
    """The kubelet's `/exec/...` or `/attach/...`; `verb` is exec or attach."""
    phase = (pod.get("status") or {}).get("phase")
    if phase in ("Succeeded", "Failed"):
        word = "exec into" if verb == "exec" else "attach to"
        raise BadRequest(f"cannot {word} a container in a completed pod; current phase is {phase}")
    container = container_of(pod, _value(query, "container"))
    flags = [flag for flag in _FLAGS if _value(query, flag) in _ON]
    if not {"stdin", "stdout", "stderr"} & set(flags):
        raise BadRequest("you must specify at least one of stdin, stdout, stderr")
    if "tty" in flags and "stderr" in flags:
        flags.remove("stderr")
    # The kubelet's own API calls them input, output and error.
    kubelet_names = {"stdin": "input", "stdout": "output", "stderr": "error", "tty": "tty"}
    chosen = [(kubelet_names[flag], "1") for flag in flags]
    if verb == "exec":
        command = query.get("command") or []
        if not command:
            raise BadRequest("you must specify a command to execute")
        chosen += [("command", word) for word in command]
    return _target(verb, pod, container, chosen)


def port_forward_target(pod: Object, query: Query) -> str:
    """The kubelet's `/portForward/...`; ports come later, in the stream, except for old WebSocket clients."""
    ports = [port for values in query.get("ports") or () for port in values.split(",") if port]
    for port in ports:
        if not port.isdigit() or not 0 < int(port) < 65536:
            raise BadRequest(f'strconv.ParseUint: parsing "{port}": invalid syntax')
    return _target("portForward", pod, "", [("port", port) for port in ports])


def _target(verb: str, pod: Object, container: str, query: list[tuple[str, str]]) -> str:
    metadata = pod["metadata"]
    path = f"/{verb}/{metadata['namespace']}/{metadata['name']}"
    if container:
        path += f"/{container}"
    return f"{path}?{urlencode(query)}" if query else path
