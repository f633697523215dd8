"""Server-side apply: a configuration in, the object with it merged in and its fields booked to its manager.

Merging, conflicts and the ledger are api/apply's; here is what HTTP says about it.
https://kubernetes.io/docs/reference/using-api/server-side-apply/
"""

from __future__ import annotations

from typing import Any

import msgspec

from pybernetes.api.apply import managers
from pybernetes.api.apply.fields import duplicate_entries
from pybernetes.api.decoding import DecodeError, check
from pybernetes.api.errors import BadRequest, invalid
from pybernetes.api.fields import IMMUTABLE, status_causes
from pybernetes.api.fields import invalid as invalid_field
from pybernetes.api.json_errors import json_word
from pybernetes.api.kinds import Kind
from pybernetes.api.schema import ObjectType
from pybernetes.api.times import now
from pybernetes.apiserver.authorization import require
from pybernetes.apiserver.bodies import Body, check_fields, finish_object, from_yaml, parse
from pybernetes.apiserver.commit import SCALE, Outcome
from pybernetes.apiserver.commit import update as commit_update
from pybernetes.apiserver.context import Context
from pybernetes.apiserver.handlers.create import settle_names
from pybernetes.apiserver.parameters import IGNORE, STRICT, WriteOptions
from pybernetes.apiserver.writes import Object, Write

APPLY_YAML = "application/apply-patch+yaml"
APPLY_TYPES = (APPLY_YAML,)
_OPTIONS = Kind("meta.k8s.io", "v1", "PatchOptions", "patchoptions")


async def apply(context: Context, write: Write, data: bytes, options: WriteOptions) -> Outcome:
    """Raises Conflict when others manage what the configuration changes, unless forced."""
    kind = write.resource.kind
    config = await configuration(context, write, data, options, kind, write.resource.schema)
    write.creates_missing = not write.subresource
    return await merge(context, write, config, options)


async def merge(context: Context, write: Write, config: Object, options: WriteOptions) -> Outcome:
    """Merge a checked configuration of the object itself into what is there."""
    resource, server = write.resource, write.server
    kind = resource.kind
    manager = managers.Manager(options.field_manager, managers.APPLY, kind.api_version, write.subresource)
    preconditions = {
        field: config["metadata"].pop(field)
        for field in ("resourceVersion", "uid")
        if field in config["metadata"]
    }

    _leave_to_others(write, config)

    async def produce(old: Object) -> Object:
        uid = preconditions.get("uid")
        if uid and uid != (old or _NEW)["metadata"].get("uid"):
            causes = status_causes([invalid_field("metadata.uid", uid, IMMUTABLE)])
            raise invalid(kind, write.name, [*causes, *causes])
        live = old or {"apiVersion": kind.api_version, "kind": kind.kind, "metadata": {}}
        if not old:
            await require(context, "create")  # applying what does not exist creates it
        moment = "" if write.subresource == SCALE else now(server.clock)
        applied = managers.apply(live, config, resource.schema, manager, moment, force=bool(options.force))
        write.ledger = applied.ledger
        new: dict[str, Any] = {**applied.obj, "metadata": {**applied.obj["metadata"], **preconditions}}
        new = finish_object(context, resource, new, [], IGNORE)
        settle_names(resource, new, context.info.namespace, context.info.name)
        return new

    return await commit_update(write, produce)


_NEW: Object = {"metadata": {}}


def _leave_to_others(write: Write, config: Object) -> None:
    """The status is applied to the status subresource, and nothing else there."""
    if write.subresource == "status":
        for field in config.keys() - {"apiVersion", "kind", "metadata", "status"}:
            del config[field]
    elif not write.subresource and write.resource.strategy.has_status:
        config.pop("status", None)


def _refuse_undeclared(config: Object, kind: Kind, schema: ObjectType) -> None:
    """What nobody could own is an error, whatever `fieldValidation` says."""
    try:
        unknown = check(msgspec.json.decode(msgspec.json.encode(config)), schema)
    except DecodeError:
        return  # told by the check that follows
    paths = [problem.split('"')[1] for problem in unknown]
    found = [f".{path}: field not declared in schema" for path in paths]
    found.extend(duplicate_entries(config, schema))
    if found:
        metadata = config.get("metadata") or {}
        shown = found[0] if len(found) == 1 else "errors:\n" + "\n".join(f"  {one}" for one in found)
        raise BadRequest(
            f"failed to create typed patch object ({metadata.get('namespace', '')}/{metadata.get('name', '')}; "
            f"{kind.group}/{kind.version}, Kind={kind.kind}): {shown}"
        )


async def _read(data: bytes, kind: Kind) -> tuple[Object, list[str]]:
    """YAML, which JSON is as well. Raises BadRequest."""
    try:
        if data.lstrip()[:1] == b"{":
            config, problems = parse(Body(data), kind.kind)
            if not problems:
                return config, problems
        body = await from_yaml(data)
    except BadRequest as error:
        raise BadRequest(f"error decoding YAML: {error}") from None
    try:
        return parse(body, kind.kind)
    except BadRequest:
        word = json_word(msgspec.json.decode(body.data))
        raise BadRequest(
            "error decoding YAML: error unmarshaling JSON: while decoding JSON: json: "
            f"cannot unmarshal {word} into Go value of type map[string]interface {{}}"
        ) from None


async def configuration(
    context: Context, write: Write, data: bytes, options: WriteOptions, kind: Kind, schema: ObjectType
) -> Object:
    """The applied configuration, checked but not defaulted: only what it says is its manager's."""
    if not options.field_manager:
        cause = {
            "reason": "FieldValueRequired",
            "message": "Required value: is required for apply patch",
            "field": "fieldManager",
        }
        raise invalid(_OPTIONS, "", [cause])
    config, problems = await _read(data, kind)
    if problems and options.field_validation == STRICT:
        raise BadRequest(f"error strict decoding YAML: error converting YAML to JSON: {problems[0]}")
    said = config.get("apiVersion") or "", config.get("kind") or ""
    if said != (kind.api_version, kind.kind):
        group, _, version = said[0].rpartition("/")
        raise BadRequest(f"invalid object type: {group}/{version}, Kind={said[1]}")
    _refuse_undeclared(config, kind, schema)
    check_fields(context, config, schema, kind, problems, options.field_validation)
    if "managedFields" in config["metadata"]:
        raise BadRequest("metadata.managedFields must be nil")
    settle_names(write.resource, config, context.info.namespace, context.info.name)
    return config
