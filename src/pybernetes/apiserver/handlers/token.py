"""serviceaccounts/token: a TokenRequest in, a signed token out, bound to a pod, secret or node when asked.

https://kubernetes.io/docs/reference/kubernetes-api/authentication-resources/token-request-v1/
"""

from __future__ import annotations

from pybernetes.api.apply.managers import UPDATE, Manager, after_create
from pybernetes.api.errors import BadRequest, Conflict, invalid, not_found
from pybernetes.api.fields import invalid as invalid_field
from pybernetes.api.fields import status_causes
from pybernetes.api.kinds import NODES, PODS, SECRETS, Kind
from pybernetes.api.kinds import SERVICE_ACCOUNTS as ACCOUNTS
from pybernetes.api.schema import schema_of
from pybernetes.api.times import format_time, now
from pybernetes.apiserver.answers import object_response
from pybernetes.apiserver.auth.tokens import Bound
from pybernetes.apiserver.bodies import read_as
from pybernetes.apiserver.context import Context
from pybernetes.apiserver.negotiation import OBJECT_FORMS
from pybernetes.apiserver.parameters import write_options
from pybernetes.apiserver.resources import Resource
from pybernetes.apiserver.writes import Object, manager_of
from pybernetes.lib.http.messages import Answer

TOKEN_REQUEST = Kind("authentication.k8s.io", "v1", "TokenRequest", "tokenrequests")
DEFAULT_SECONDS = 3600
LEAST_SECONDS = 600
MOST_SECONDS = 1 << 32
KUBELET_SECONDS = 3607
"""What pods' projected tokens ask for; they live a year so that clients that never re-read them go on working."""
EXTENDED_SECONDS = 365 * 24 * 3600

_BINDABLE = {("v1", "Pod"): PODS, ("v1", "Secret"): SECRETS, ("v1", "Node"): NODES}


async def create_token(context: Context, resource: Resource) -> Answer:
    server, info = context.server, context.info
    options = write_options(context.request, "CreateOptions")
    request = await read_as(context, "authentication.k8s.io", "v1", "TokenRequest", options.field_validation)
    account = await server.lookup(ACCOUNTS, info.namespace, info.name)
    if account is None:
        raise not_found(ACCOUNTS, info.name)
    metadata = request["metadata"]
    if (metadata.get("namespace") or info.namespace) != info.namespace:
        raise BadRequest(
            "the namespace of the provided object does not match the namespace sent on the request"
        )
    if (metadata.get("name") or info.name) != info.name:
        words = "must match the service account name if specified"
        wrong = invalid_field("metadata.name", metadata["name"], words)
        raise invalid(TOKEN_REQUEST, info.name, status_causes([wrong]))
    spec = dict(request.get("spec") or {})
    seconds = spec.setdefault("expirationSeconds", DEFAULT_SECONDS)
    _check_seconds(seconds)
    manager = Manager(manager_of(context, options), UPDATE, "authentication.k8s.io/v1", "token")
    asked = {"metadata": {}, "spec": spec}
    schema = schema_of("authentication.k8s.io", "v1", "TokenRequest")
    ledger = after_create(asked, schema, manager, now(server.clock))["metadata"]["managedFields"]
    tokens = server.access.tokens
    audiences = spec.get("audiences") or list(tokens.audiences)
    spec["audiences"] = audiences
    spec.setdefault("boundObjectRef", None)
    bound = await _bound(context, spec.get("boundObjectRef"))
    warn_after = 0
    lifetime = seconds
    if (
        seconds == KUBELET_SECONDS
        and bound
        and bound[0].kind == "pod"
        and set(audiences) <= set(tokens.audiences)
    ):
        warn_after, lifetime = seconds, EXTENDED_SECONDS
    token, expires = tokens.issue(account, lifetime, audiences, bound, warn_after)
    if warn_after:
        shown = format_time(
            server.clock.now().fromtimestamp(expires.timestamp() - lifetime + seconds, expires.tzinfo)
        )
    else:
        shown = format_time(expires)
    answer: Object = {
        "kind": "TokenRequest",
        "apiVersion": "authentication.k8s.io/v1",
        "metadata": {
            "name": info.name,
            "namespace": info.namespace,
            "uid": account["metadata"]["uid"],
            "creationTimestamp": now(server.clock),
            "managedFields": ledger,
        },
        "spec": spec,
        "status": {"token": token, "expirationTimestamp": shown},
    }
    return object_response(context, answer, server.form(context.request, OBJECT_FORMS), 201)


def _check_seconds(seconds: int) -> None:
    field = "spec.expirationSeconds"
    errors = []
    if seconds < LEAST_SECONDS:
        errors.append(invalid_field(field, seconds, "may not specify a duration less than 10 minutes"))
    if seconds > MOST_SECONDS:
        errors.append(invalid_field(field, seconds, "may not specify a duration larger than 2^32 seconds"))
    if errors:
        raise invalid(TOKEN_REQUEST, "", status_causes(errors))


async def _bound(context: Context, reference: Object | None) -> list[Bound]:
    """What the token lives and dies with; a pod's node is named as well."""
    if not reference:
        return []
    info, server = context.info, context.server
    said = reference.get("kind", "")
    kind = _BINDABLE.get((reference.get("apiVersion") or "v1", said))
    if kind is None:
        group, _, version = reference.get("apiVersion", "").rpartition("/")
        raise BadRequest(f"cannot bind token to object of type {group}/{version}, Kind={said}")
    name = reference.get("name", "")
    obj = await server.lookup(kind, info.namespace if kind.namespaced else None, name)
    if obj is None:
        raise not_found(kind, name)
    uid = obj["metadata"]["uid"]
    if reference.get("uid") and reference["uid"] != uid:
        raise _conflict(kind, name, reference["uid"])
    bound = [Bound(kind.singular, name, uid)]
    if kind is PODS:
        bound.extend(await _pods_node(context, obj))
    return bound


async def _pods_node(context: Context, pod: Object) -> list[Bound]:
    account = pod["spec"].get("serviceAccountName") or "default"
    if account != context.info.name:
        raise BadRequest(
            f'cannot bind token for serviceaccount "{context.info.name}" to pod running with different '
            "serviceaccount name."
        )
    node_name = pod["spec"].get("nodeName")
    node = await context.server.lookup(NODES, None, node_name) if node_name else None
    return [Bound("node", node_name, node["metadata"]["uid"])] if node is not None else []


def _conflict(kind: Kind, name: str, asked: str) -> Conflict:
    """It is told of the kind, not of the resource."""
    return Conflict(
        f'Operation cannot be fulfilled on {kind.kind} "{name}": the UID in the bound object reference ({asked}) '
        "does not match the UID in record. The object might have been deleted and then recreated",
        details={"name": name, "kind": kind.kind},
    )
