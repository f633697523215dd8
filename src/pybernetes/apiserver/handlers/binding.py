"""pods/binding: the scheduler's word on which node a pod runs, said once and for all.

Node name, PodScheduled condition, the binding's annotations and labels and the node's topology labels are one write.
"""

from __future__ import annotations

from typing import Any

from pybernetes.api.errors import BadRequest, Conflict, make_status
from pybernetes.api.kinds import NODES, PODS
from pybernetes.api.times import now
from pybernetes.apiserver.answers import object_response
from pybernetes.apiserver.bodies import read_as
from pybernetes.apiserver.commit import update
from pybernetes.apiserver.context import Context
from pybernetes.apiserver.handlers.create import settle_names
from pybernetes.apiserver.parameters import write_options
from pybernetes.apiserver.resources import Resource
from pybernetes.apiserver.writes import UPDATE, Object, Write
from pybernetes.lib.http.messages import Answer
from pybernetes.semantics.nodes import REGION, ZONE

_TOPOLOGY = (REGION, ZONE)


async def bind(context: Context, resource: Resource) -> Answer:
    """POST pods/NAME/binding."""
    options = write_options(context.request, "CreateOptions")
    binding = await read_as(context, "", "v1", "Binding", options.field_validation)
    if binding["metadata"].get("name") != context.info.name:
        raise BadRequest("name in URL does not match name in Binding object")
    settle_names(resource, binding, context.info.namespace, context.info.name)
    return await _bind(context, resource, binding, context.info.name, options.dry_run)


async def bind_by_collection(context: Context, resource: Resource) -> Answer:
    """POST bindings, with the pod's name in the body."""
    options = write_options(context.request, "CreateOptions")
    binding = await read_as(context, "", "v1", "Binding", options.field_validation)
    name = settle_names(resource, binding, context.info.namespace, "")
    pods = context.server.resources.of(PODS)
    return await _bind(context, pods, binding, name, options.dry_run)


async def _bind(context: Context, pods: Resource, binding: Object, name: str, dry_run: bool) -> Answer:
    target = binding.get("target") or {}
    if target.get("kind", "Node") not in ("", "Node"):
        raise BadRequest('target.kind: Unsupported value: supported values: "Node", "<empty>"')
    node = target.get("name")
    if not node:
        raise BadRequest("target.name: Required value")
    server = context.server
    wanted = binding["metadata"]
    labels = {**(wanted.get("labels") or {}), **await _topology_labels(context, node)}

    async def produce(old: Object) -> Object:
        _check(old, name)
        # Nobody manages what a binding says.
        write.ledger = old["metadata"].get("managedFields") or []
        metadata: dict[str, Any] = {**old["metadata"]}
        for precondition in ("uid", "resourceVersion"):
            if wanted.get(precondition):
                metadata[precondition] = wanted[precondition]
        if wanted.get("annotations"):
            metadata["annotations"] = {**(metadata.get("annotations") or {}), **wanted["annotations"]}
        if labels:
            metadata["labels"] = {**(metadata.get("labels") or {}), **labels}
        return {
            **old,
            "metadata": metadata,
            "spec": {**old["spec"], "nodeName": node},
            "status": _scheduled(old.get("status") or {}, now(server.clock)),
        }

    write = Write(
        server=server,
        user=context.user,
        resource=pods,
        operation=UPDATE,
        namespace=context.info.namespace,
        name=name,
        object={},
        warn=context.warn,
        subresource="binding",
        dry_run=dry_run,
    )
    await update(write, produce)
    return object_response(context, make_status(201, "", "", status="Success"), status=201)


async def _topology_labels(context: Context, node: str) -> dict[str, str]:
    entry = await context.server.registry.find(context.server.resources.of(NODES), "", node)
    if entry is None:
        return {}
    return {label: entry.labels[label] for label in _TOPOLOGY if label in entry.labels}


def _check(pod: Object, name: str) -> None:
    def refuse(why: str) -> Conflict:
        return Conflict(
            f'Operation cannot be fulfilled on pods/binding "{name}": {why}',
            details={"name": name, "kind": "pods/binding"},
        )

    if "deletionTimestamp" in pod["metadata"]:
        raise refuse(f"pod {name} is being deleted, cannot be assigned to a host")
    if pod["spec"].get("nodeName"):
        raise refuse(f'pod {name} is already assigned to node "{pod["spec"]["nodeName"]}"')
    if pod["spec"].get("schedulingGates"):
        raise BadRequest(f"pod {name} has non-empty .spec.schedulingGates")


def _scheduled(status: Object, moment: str) -> Object:
    condition = {
        "type": "PodScheduled",
        "status": "True",
        "lastProbeTime": None,
        "lastTransitionTime": moment,
    }
    others = [one for one in status.get("conditions") or () if one.get("type") != "PodScheduled"]
    return {**status, "conditions": [*others, condition]}
