"""pods/log, exec, attach and portforward through the kubelet of the pod's node; pods/proxy to the pod itself.

Kubelet paths: /containerLogs/NS/POD/CONTAINER, /exec/..., /attach/..., /portForward/NS/POD.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import quote, urlencode

from pybernetes.api.errors import APIError, BadRequest, from_status
from pybernetes.api.errors import invalid as invalid_object
from pybernetes.api.kinds import Kind
from pybernetes.apiserver.authorization import require
from pybernetes.apiserver.connect.relay import forward, forward_upgrade, relay, unreachable, wants_upgrade
from pybernetes.apiserver.connect.targets import authority, split_name, target_path
from pybernetes.apiserver.connect.websocket_answer import as_messages
from pybernetes.apiserver.context import Context
from pybernetes.apiserver.requestinfo import is_true
from pybernetes.apiserver.resources import Resource
from pybernetes.apiserver.shown import decoded
from pybernetes.lib.http.messages import Answer, Headers, Response, Streaming, Writer
from pybernetes.lib.http.transport import Transport
from pybernetes.lib.websocket import is_handshake

Object = dict[str, Any]

_LOG_PARAMETERS = (
    "follow",
    "previous",
    "timestamps",
    "tailLines",
    "limitBytes",
    "sinceSeconds",
    "sinceTime",
    "stream",
)
_STREAMS = (("stdin", "input"), ("stdout", "output"), ("stderr", "error"), ("tty", "tty"))
_LOG_OPTIONS = Kind("", "v1", "PodLogOptions", "podlogoptions")


async def _pod(context: Context, resource: Resource) -> Object:
    info = context.info
    return decoded(resource, await context.server.registry.get(resource, info.namespace, info.name))


def _container(pod: Object, asked: str) -> str:
    """The container that is meant. 400 when it does not exist or there is a choice."""
    spec = pod.get("spec") or {}
    names = [one["name"] for one in spec.get("containers") or ()]
    init = [one["name"] for one in spec.get("initContainers") or ()]
    ephemeral = [one["name"] for one in spec.get("ephemeralContainers") or ()]
    pod_name = pod["metadata"]["name"]
    if asked:
        if asked not in (*names, *init, *ephemeral):
            raise BadRequest(f"container {asked} is not valid for pod {pod_name}")
        return asked
    if len(names) == 1:
        return str(names[0])
    choice = f"choose one of: [{' '.join(names)}]"
    if init:
        choice += f" or one of the init containers: [{' '.join(init)}]"
    raise BadRequest(f"a container name must be specified for pod {pod_name}, {choice}")


async def _kubelet(context: Context, pod: Object) -> Transport:
    node = (pod.get("spec") or {}).get("nodeName")
    if not node:
        raise BadRequest(f"pod {pod['metadata']['name']} does not have a host assigned")
    return await context.server.kubelets.transport(node)


def _check_log_options(context: Context) -> None:
    errors = []
    for name in ("tailLines", "limitBytes", "sinceSeconds"):
        text = context.request.query_value(name)
        if not text:
            continue
        least = 0 if name == "tailLines" else 1
        if not text.lstrip("-").isdigit():
            raise BadRequest(f'strconv.ParseInt: parsing "{text}": invalid syntax')
        if int(text) < least:
            words = "must be greater than or equal to 0" if least == 0 else "must be greater than 0"
            errors.append(
                {"reason": "FieldValueInvalid", "message": f"Invalid value: {text}: {words}", "field": name}
            )
    if errors:
        raise invalid_object(_LOG_OPTIONS, context.info.name, errors)


async def log(context: Context, resource: Resource) -> Answer:
    """Streamed as the kubelet sends it, in messages if asked so; a pod without a node has no log yet."""
    request = context.request
    _check_log_options(context)
    pod = await _pod(context, resource)
    container = _container(pod, request.query_value("container"))
    text = Headers({"content-type": "text/plain"})
    if not (pod.get("spec") or {}).get("nodeName"):
        return Response(200, text, b"")
    kubelet = await _kubelet(context, pod)
    query = {name: request.query_value(name) for name in _LOG_PARAMETERS if request.query_value(name)}
    target = f"/containerLogs/{_path(pod)}/{quote(container)}"
    try:
        answer = await kubelet.stream("GET", f"{target}?{urlencode(query)}", Headers())
    except OSError as error:
        raise unreachable(error) from None
    if answer.status != 200:
        body = b"".join([chunk async for chunk in answer])
        await answer.close()
        raise kubelet_error(answer.status, body)

    if is_handshake(request.headers):
        return await as_messages(request, answer)

    async def run(writer: Writer) -> None:
        await relay(answer, writer)

    return Streaming(run, headers=text)


def kubelet_error(status: int, body: bytes) -> APIError:
    """What a kubelet refused, as a Status with its words."""
    message = body.decode(errors="replace").strip()
    reasons = {400: "BadRequest", 401: "Unauthorized", 403: "Forbidden", 404: "NotFound"}
    return from_status({"message": message, "reason": reasons.get(status, "InternalError")}, status)


def _path(pod: Object) -> str:
    metadata = pod["metadata"]
    return f"{quote(metadata['namespace'])}/{quote(metadata['name'])}"


async def exec_(context: Context, resource: Resource) -> Answer:
    return await _stream_to(context, resource, "exec")


async def attach(context: Context, resource: Resource) -> Answer:
    return await _stream_to(context, resource, "attach")


async def _stream_to(context: Context, resource: Resource, what: str) -> Answer:
    request = context.request
    await _may_create(context)
    pod = await _pod(context, resource)
    container = _container(pod, request.query_value("container"))
    query: list[tuple[str, str]] = []
    for name, kubelets_name in _STREAMS:
        if is_true(request.query_value(name)):
            query.append((kubelets_name, "1"))
    if not any(name in ("input", "output", "error") for name, _ in query):
        raise BadRequest("you must specify at least 1 of stdin, stdout, stderr")
    if what == "exec":
        command = request.query.get("command", [])
        if not command:
            raise BadRequest("you must specify at least one command for the container")
        query.extend(("command", one) for one in command)
    _must_upgrade(context)
    kubelet = await _kubelet(context, pod)
    target = f"/{what}/{_path(pod)}/{quote(container)}?{urlencode(query)}"
    return await forward_upgrade(context, kubelet, target)


async def portforward(context: Context, resource: Resource) -> Answer:
    await _may_create(context)
    pod = await _pod(context, resource)
    _must_upgrade(context)
    kubelet = await _kubelet(context, pod)
    ports = [("port", one) for one in context.request.query.get("ports", ())]
    target = f"/portForward/{_path(pod)}"
    if ports:
        target += f"?{urlencode(ports)}"
    return await forward_upgrade(context, kubelet, target)


async def _may_create(context: Context) -> None:
    """WebSocket clients connect by GET; what they do is a create all the same."""
    if context.info.verb == "get":
        await require(context, "create")


def _must_upgrade(context: Context) -> None:
    if not wants_upgrade(context.request):
        raise BadRequest("Upgrade request required")


async def pod_proxy(context: Context, resource: Resource) -> Answer:
    """Any request to the pod's own address; `[https:]name[:port]` says how."""
    info = context.info
    scheme, name, port = split_name(info.name)
    entry = await context.server.registry.get(resource, info.namespace, name)
    pod = decoded(resource, entry)
    address = (pod.get("status") or {}).get("podIP")
    if not address:
        raise BadRequest("address not allowed: the pod has no address yet")
    if not port:
        ports = [one for container in pod["spec"]["containers"] for one in container.get("ports") or ()]
        port = str(ports[0]["containerPort"]) if ports else ""
    elif not port.isdigit():
        named = [
            one["containerPort"]
            for container in pod["spec"]["containers"]
            for one in container.get("ports") or ()
            if one.get("name") == port
        ]
        if not named:
            raise BadRequest(f'no port named "{port}" in pod {name}')
        port = str(named[0])
    transport = context.server.kubelets.reach(scheme, address, port)
    return await forward(context, transport, target_path(context), authority(address, port))
