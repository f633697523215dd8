"""Questions that are answered and never stored: who am I, may I, is this token good.

https://kubernetes.io/docs/reference/kubernetes-api/authorization-resources/
"""

from __future__ import annotations

from typing import Any

from pybernetes.api.apply.managers import UPDATE, Manager, after_create
from pybernetes.api.errors import BadRequest, Unauthorized, invalid, not_found
from pybernetes.api.fields import FieldError, status_causes
from pybernetes.api.kinds import Kind
from pybernetes.api.times import now
from pybernetes.api.validation.reviews import validate_self, validate_subject
from pybernetes.api.written import written
from pybernetes.apiserver.answers import object_response
from pybernetes.apiserver.auth.attributes import Attributes
from pybernetes.apiserver.auth.tokens import WrongAudience
from pybernetes.apiserver.auth.user import MASTERS, User
from pybernetes.apiserver.bodies import read_object
from pybernetes.apiserver.context import Context
from pybernetes.apiserver.handlers.create import settle_names
from pybernetes.apiserver.handlers.list import selection_of
from pybernetes.apiserver.parameters import list_options, write_options
from pybernetes.apiserver.resources import Resource
from pybernetes.apiserver.writes import manager_of
from pybernetes.lib.http.messages import Answer

Object = dict[str, Any]

_FIELDS = ("kind", "apiVersion", "metadata")
_EVERYTHING: list[Object] = [
    {"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]},
    {"nonResourceURLs": ["*"], "verbs": ["*"]},
]
_NO_OTHER_FORMS: frozenset[str] = frozenset()
"""What is never stored has no metadata to show in a Table."""


async def _asked(context: Context, resource: Resource) -> Object:
    """The review as sent; status is the server's to set."""
    context.server.form(context.request, _NO_OTHER_FORMS)
    options = write_options(context.request, "CreateOptions")
    obj = await read_object(context, resource, options.field_validation)
    if context.info.namespace:
        settle_names(resource, obj, context.info.namespace, "")
    manager = Manager(manager_of(context, options), UPDATE, resource.kind.api_version)
    obj = after_create(written(obj, resource.schema), resource.schema, manager, now(context.server.clock))
    return {**{field: obj[field] for field in _FIELDS if field in obj}, "spec": obj.get("spec") or {}}


def _refuse(resource: Resource, errors: list[FieldError]) -> None:
    if errors:
        raise invalid(Kind(resource.kind.group, resource.kind.version, "", ""), "", status_causes(errors))


def _answer(context: Context, obj: Object, status: Object) -> Answer:
    obj["status"] = status
    return object_response(context, obj, context.server.form(context.request, _NO_OTHER_FORMS), 201)


async def self_subject_review(context: Context, resource: Resource) -> Answer:
    obj = await _asked(context, resource)
    del obj["spec"]
    obj["metadata"] = {"creationTimestamp": now(context.server.clock)}
    return _answer(context, obj, {"userInfo": context.user.as_user_info()})


async def token_review(context: Context, resource: Resource) -> Answer:
    obj = await _asked(context, resource)
    access = context.server.access
    spec = obj["spec"]
    if not spec.get("token"):
        raise BadRequest("token is required for TokenReview in authentication")
    audiences = tuple(spec.get("audiences") or ())
    try:
        user = await access.bearer_tokens.authenticate_token(spec.get("token", ""), audiences)
        wrong = "invalid bearer token"
    except WrongAudience as error:
        user, wrong = None, f"[invalid bearer token, {error.why}]"
    except Unauthorized:
        user, wrong = None, "[invalid bearer token, Token has been invalidated]"
    known = access.tokens.audiences
    shared = [one for one in audiences if one in known]
    bound = user is not None and user.name.startswith("system:serviceaccount:")  # to audiences of its own
    if user is None or (audiences and not shared and not bound):
        return _answer(context, obj, {"user": {}, "error": wrong})
    status: Object = {"authenticated": True, "user": user.as_user_info()}
    status["audiences"] = shared or list(audiences or known)
    return _answer(context, obj, status)


def _attributes(spec: Object, namespace: str = "") -> Attributes:
    resource = spec.get("resourceAttributes")
    if resource:
        return Attributes(
            resource.get("verb", ""),
            resource.get("group", ""),
            resource.get("version", ""),
            resource.get("resource", ""),
            resource.get("subresource", ""),
            resource.get("namespace", "") or namespace,
            resource.get("name", ""),
        )
    path = spec.get("nonResourceAttributes") or {}
    return Attributes(path.get("verb", ""), path=path.get("path", ""))


async def _decide(context: Context, user: User, asked: Attributes) -> Object:
    allowed, reason = await context.server.authorizers.authorize(user, asked)
    status: Object = {"allowed": allowed}
    if reason:
        status["reason"] = reason
    return status


async def subject_access_review(context: Context, resource: Resource) -> Answer:
    """SubjectAccessReview, and LocalSubjectAccessReview in its namespace."""
    obj = await _asked(context, resource)
    spec = obj["spec"]
    _refuse(resource, validate_subject(obj, context.info.namespace))
    extra = tuple((key, tuple(values)) for key, values in (spec.get("extra") or {}).items())
    user = User(spec.get("user", ""), spec.get("uid", ""), tuple(spec.get("groups") or ()), extra)
    return _answer(context, obj, await _decide(context, user, _attributes(spec, context.info.namespace)))


async def self_subject_access_review(context: Context, resource: Resource) -> Answer:
    obj = await _asked(context, resource)
    _refuse(resource, validate_self(obj))
    return _answer(context, obj, await _decide(context, context.user, _attributes(obj["spec"])))


async def self_subject_rules_review(context: Context, resource: Resource) -> Answer:
    obj = await _asked(context, resource)
    access = context.server.access
    namespace = (obj.get("spec") or {}).get("namespace", "")
    if not namespace:
        raise BadRequest("no namespace on request")
    rules = access.rbac.rules_for(context.user, namespace)
    if context.server.options.authorization != "RBAC":
        rules = _EVERYTHING
    elif MASTERS in context.user.groups and _EVERYTHING[0] not in rules:
        rules = [*_EVERYTHING, *rules]  # cluster-admin may not be bound yet
    obj = {**obj, "metadata": {}, "spec": {}}
    status: Object = {"resourceRules": [], "nonResourceRules": [], "incomplete": False}
    for rule in rules:
        if rule.get("nonResourceURLs"):
            found = {key: rule[key] for key in ("verbs", "nonResourceURLs") if rule.get(key)}
            status["nonResourceRules"].append(found)
        if rule.get("resources"):
            names = ("verbs", "apiGroups", "resources", "resourceNames")
            status["resourceRules"].append({key: rule[key] for key in names if rule.get(key)})
    return _answer(context, obj, status)


async def component_statuses(context: Context, resource: Resource) -> Answer:
    """The store's health in the form that old clients ask for."""
    kind = resource.kind
    failing = context.server.health.failing("livez")
    condition = {"type": "Healthy", "status": "False" if failing else "True", "message": "ok"}
    item: Object = {"metadata": {"name": "etcd-0"}, "conditions": [condition]}
    if context.info.verb == "get":
        if context.info.name != "etcd-0":
            raise not_found(kind, context.info.name)
        return object_response(context, {"kind": kind.kind, "apiVersion": "v1", **item})
    asked = selection_of(resource, list_options(context.request))
    chosen = asked.labels.matches({}) and asked.fields.matches({"metadata.name": "etcd-0"})
    body = {"kind": kind.list_kind, "apiVersion": "v1", "metadata": {}, "items": [item] if chosen else []}
    return object_response(context, body)
