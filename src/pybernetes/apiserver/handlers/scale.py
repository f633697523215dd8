"""The scale subresource of every kind that has one: its replicas as an autoscaling/v1 Scale, and back."""

from __future__ import annotations

from typing import Any

from pybernetes.api.decoding import DecodeError
from pybernetes.api.errors import BadRequest, invalid
from pybernetes.api.kinds import Kind
from pybernetes.api.schema import schema_of
from pybernetes.api.selectors import LabelSelector
from pybernetes.apiserver.answers import object_response
from pybernetes.apiserver.bodies import check_type, fit, read_as, read_bytes
from pybernetes.apiserver.commit import Outcome, update
from pybernetes.apiserver.context import Context
from pybernetes.apiserver.handlers.apply import APPLY_TYPES, configuration, merge
from pybernetes.apiserver.handlers.patch import PATCH_TYPES, patch_type_of, read_patch
from pybernetes.apiserver.negotiation import OBJECT_FORMS, AnswerForm
from pybernetes.apiserver.parameters import write_options
from pybernetes.apiserver.resources import Resource
from pybernetes.apiserver.shown import decoded, shown
from pybernetes.apiserver.writes import UPDATE, Object, write_of
from pybernetes.lib.http.messages import Answer, Response

SCALE = Kind("autoscaling", "v1", "Scale", "scales")


def as_scale(obj: Object) -> Object:
    """The Scale of a workload."""
    metadata = obj["metadata"]
    kept = ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")
    spec, status = obj.get("spec") or {}, obj.get("status") or {}
    scale_status: Object = {"replicas": status.get("replicas", 0)}
    selector = spec.get("selector")
    if selector:
        typed = "matchLabels" in selector or "matchExpressions" in selector
        chosen = LabelSelector.from_object(selector) if typed else LabelSelector.from_labels(selector)
        scale_status["selector"] = str(chosen)
    return {
        "kind": SCALE.kind,
        "apiVersion": SCALE.api_version,
        "metadata": {field: metadata[field] for field in kept if field in metadata},
        "spec": {"replicas": spec["replicas"]} if spec.get("replicas") else {},
        "status": scale_status,
    }


async def get_scale(context: Context, resource: Resource) -> Answer:
    info = context.info
    form = context.server.form(context.request, OBJECT_FORMS)
    entry = await context.server.registry.get(resource, info.namespace, info.name)
    return _shown(context, as_scale(decoded(resource, entry)), form)


def _shown(context: Context, scale: Object, form: AnswerForm) -> Response:
    return object_response(context, shown(context, SCALE, scale, form), form)


def _check_name(context: Context, scale: Object) -> None:
    """The Scale of another workload is not for this one."""
    own, name = scale["metadata"].get("name"), context.info.name
    if own and own != name:
        raise BadRequest(f"the name of the object ({own}) does not match the name on the URL ({name})")
    own, namespace = scale["metadata"].get("namespace"), context.info.namespace
    if own and own != namespace:
        raise BadRequest(
            "the namespace of the provided object does not match the namespace sent on the request"
        )


async def update_scale(context: Context, resource: Resource) -> Answer:
    form = context.server.form(context.request, OBJECT_FORMS)
    options = write_options(context.request, "UpdateOptions")
    wanted = await read_as(context, "autoscaling", "v1", "Scale", options.field_validation)
    _check_name(context, wanted)

    async def produce(old: Object) -> Object:
        return _scaled(old, wanted)

    return _answer(
        context, resource, form, await update(write_of(context, resource, UPDATE, options), produce)
    )


async def patch_scale(context: Context, resource: Resource) -> Answer:
    form = context.server.form(context.request, OBJECT_FORMS)
    patch_type = patch_type_of(context, PATCH_TYPES)
    options = write_options(context.request, "PatchOptions", patch_type in APPLY_TYPES)
    data = await read_bytes(context)
    schema = schema_of(SCALE.group, SCALE.version, SCALE.kind)
    if patch_type in APPLY_TYPES:
        write = write_of(context, resource, UPDATE, options)
        applied = _owned(resource, await configuration(context, write, data, options, SCALE, schema))
        return _answer(context, resource, form, await merge(context, write, applied, options))
    patch = read_patch(data, patch_type)

    async def produce(old: Object) -> Object:
        wanted = patch.apply(as_scale(old), schema)
        try:
            check_type(wanted, SCALE.group, SCALE.version, SCALE.kind)
            wanted = fit(context, wanted, schema, patch.problems, options.field_validation)
        except (BadRequest, DecodeError) as error:
            raise patch.unfit(wanted, str(error)) from None
        _check_name(context, wanted)
        return _scaled(old, wanted)

    return _answer(
        context, resource, form, await update(write_of(context, resource, UPDATE, options), produce)
    )


def _check_replicas(name: str, replicas: int) -> None:
    if replicas < 0:
        message = f"Invalid value: {replicas}: must be greater than or equal to 0"
        raise invalid(
            SCALE, name, [{"reason": "FieldValueInvalid", "message": message, "field": "spec.replicas"}]
        )


def _owned(resource: Resource, scale: Object) -> Object:
    """What an applied Scale says of its workload, and nothing else: that is what its manager comes to own."""
    kind, metadata = resource.kind, scale["metadata"]
    kept = ("name", "namespace", "uid", "resourceVersion")
    found: Object = {
        "apiVersion": kind.api_version,
        "kind": kind.kind,
        "metadata": {field: metadata[field] for field in kept if field in metadata},
    }
    replicas = (scale.get("spec") or {}).get("replicas")
    if replicas is not None:
        _check_replicas(metadata["name"], replicas)
        found["spec"] = {"replicas": replicas}
    return found


def _scaled(old: Object, scale: Object) -> Object:
    """The workload with the replicas, and the preconditions, of a Scale."""
    replicas = (scale.get("spec") or {}).get("replicas", 0)
    _check_replicas(old["metadata"]["name"], replicas)
    metadata: dict[str, Any] = dict(old["metadata"])
    for precondition in ("uid", "resourceVersion"):
        given = scale["metadata"].get(precondition)
        if given:
            metadata[precondition] = given
        elif precondition == "resourceVersion":
            metadata.pop(precondition, None)
    return {**old, "metadata": metadata, "spec": {**(old.get("spec") or {}), "replicas": replicas}}


def _answer(context: Context, resource: Resource, form: AnswerForm, outcome: Outcome) -> Answer:
    obj = context.server.registry.decode(resource, outcome.stored)
    return _shown(context, as_scale(obj), form)
