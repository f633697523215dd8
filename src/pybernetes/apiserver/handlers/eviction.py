"""pods/eviction: a deletion that asks the pod's disruption budget first.

A budget that allows it is charged for the pod (compare-and-swap on its status), and the pod is marked as a
DisruptionTarget, before it is deleted.
https://kubernetes.io/docs/concepts/scheduling-eviction/api-eviction/
"""

from __future__ import annotations

from pybernetes.api.errors import BadRequest, Conflict, InternalError, NotFound, TooManyRequests, make_status
from pybernetes.api.kinds import POD_DISRUPTION_BUDGETS
from pybernetes.api.selectors import LabelSelector
from pybernetes.api.times import now
from pybernetes.apiserver.answers import object_response
from pybernetes.apiserver.bodies import read_as
from pybernetes.apiserver.commit import update
from pybernetes.apiserver.context import Context
from pybernetes.apiserver.deletion import check_options, delete
from pybernetes.apiserver.parameters import write_options
from pybernetes.apiserver.resources import Resource
from pybernetes.apiserver.shown import decoded
from pybernetes.apiserver.writes import UPDATE, Object, Write, deletion_of
from pybernetes.lib.http.messages import Answer
from pybernetes.semantics.pods import get_condition, is_ready

VIOLATES = "Cannot evict pod as it would violate the pod's disruption budget."
_MAX_DISRUPTED = 2000
_TRIES = 20


async def evict(context: Context, resource: Resource) -> Answer:
    info = context.info
    options = write_options(context.request, "CreateOptions")
    eviction = await read_as(context, "policy", "v1", "Eviction", options.field_validation)
    if eviction["metadata"].get("name") != info.name:
        raise BadRequest("name in URL does not match name in Eviction object")
    asked = dict(eviction.get("deleteOptions") or {})
    check_options(asked)
    dry_run = options.dry_run or bool(asked.get("dryRun"))
    for _ in range(_TRIES):
        entry = await context.server.registry.get(resource, info.namespace, info.name)
        pod = decoded(resource, entry)
        if not _unprotected(pod):
            await _charge_budget(context, pod, dry_run)
        preconditions = {"uid": pod["metadata"].get("uid"), **(asked.get("preconditions") or {})}
        if _unprotected(pod):
            preconditions["resourceVersion"] = str(entry.revision)
        try:
            if not dry_run:
                revision = await _mark(context, resource, preconditions)
                if preconditions.get("resourceVersion"):
                    preconditions["resourceVersion"] = str(revision)
            wanted = {**asked, "preconditions": preconditions}
            write = deletion_of(context, resource, info.namespace, info.name, wanted)
            write.dry_run = dry_run
            await delete(write)
        except Conflict:
            stated = asked.get("preconditions") or {}
            if (
                stated.get("resourceVersion")
                or stated.get("uid", pod["metadata"]["uid"]) != pod["metadata"]["uid"]
            ):
                raise
            continue
        return object_response(context, make_status(201, "", "", status="Success"), status=201)
    raise TooManyRequests("the pod changes too often to be evicted now, try again")


async def _mark(context: Context, resource: Resource, preconditions: Object) -> int:
    """Say on the pod that it did not fail but was made to go. Answers the new revision; raises Conflict."""
    server = context.server
    condition = {
        "type": "DisruptionTarget",
        "status": "True",
        "reason": "EvictionByEvictionAPI",
        "message": "Eviction API: evicting",
    }

    async def produce(old: Object) -> Object:
        status = old.get("status") or {}
        known = get_condition(status, condition["type"]) or {}
        others = [one for one in status.get("conditions") or () if one["type"] != condition["type"]]
        since = known.get("lastTransitionTime") if known.get("status") == "True" else None
        new = {**condition, "lastProbeTime": None, "lastTransitionTime": since or now(server.clock)}
        asked = {field: value for field, value in preconditions.items() if value}
        return {
            **old,
            "metadata": {**old["metadata"], **asked},
            "status": {**status, "conditions": [*others, new]},
        }

    write = Write(
        server=server,
        user=context.user,
        resource=resource,
        operation=UPDATE,
        namespace=context.info.namespace,
        name=context.info.name,
        object={},
        warn=context.warn,
        subresource="status",
    )
    return (await update(write, produce)).stored.revision


def _unprotected(pod: Object) -> bool:
    phase = (pod.get("status") or {}).get("phase")
    return phase in ("Succeeded", "Failed", "Pending") or "deletionTimestamp" in pod["metadata"]


async def _charge_budget(context: Context, pod: Object, dry_run: bool) -> None:
    """Raises TooManyRequests when the budget does not allow another disruption."""
    server = context.server
    budgets = server.resources.of(POD_DISRUPTION_BUDGETS)
    cache = await server.registry.cache(budgets)
    page = await cache.list(namespace=pod["metadata"]["namespace"])
    labels = pod["metadata"].get("labels") or {}
    matching = []
    for entry in page.entries:
        budget = decoded(budgets, entry)
        if LabelSelector.from_object((budget.get("spec") or {}).get("selector")).matches(labels):
            matching.append(budget)
    if not matching:
        return
    if len(matching) > 1:
        raise InternalError(
            "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support."
        )
    budget = matching[0]
    if not is_ready(pod) and _unhealthy_may_go(budget):
        return
    name = pod["metadata"]["name"]

    async def produce(old: Object) -> Object:
        status = dict(old.get("status") or {})
        _check(old, status)
        status["disruptionsAllowed"] = status.get("disruptionsAllowed", 0) - 1
        status["disruptedPods"] = {**(status.get("disruptedPods") or {}), name: now(server.clock)}
        return {**old, "status": status}

    write = Write(
        server=server,
        user=context.user,
        resource=budgets,
        operation=UPDATE,
        namespace=budget["metadata"]["namespace"],
        name=budget["metadata"]["name"],
        object={},
        warn=context.warn,
        subresource="status",
        dry_run=dry_run,
    )
    try:
        await update(write, produce)
    except NotFound:
        return


def _unhealthy_may_go(budget: Object) -> bool:
    spec, status = budget.get("spec") or {}, budget.get("status") or {}
    if spec.get("unhealthyPodEvictionPolicy") == "AlwaysAllow":
        return True
    desired = status.get("desiredHealthy", 0)
    return bool(desired > 0 and status.get("currentHealthy", 0) >= desired)


def _check(budget: Object, status: Object) -> None:
    name = budget["metadata"]["name"]
    if status.get("observedGeneration", 0) < budget["metadata"].get("generation", 0):
        raise _violates(f"The disruption budget {name} is still being processed by the server.", 10)
    if len(status.get("disruptedPods") or {}) > _MAX_DISRUPTED:
        raise _violates("DisruptedPods map too big - too many evictions not confirmed by PDB controller", 0)
    if status.get("disruptionsAllowed", 0) <= 0:
        desired, current = status.get("desiredHealthy", 0), status.get("currentHealthy", 0)
        raise _violates(
            f"The disruption budget {name} needs {desired} healthy pods and has {current} currently", 0
        )


def _violates(why: str, seconds: int) -> TooManyRequests:
    details: Object = {"causes": [{"reason": "DisruptionBudget", "message": why}]}
    if seconds:
        details["retryAfterSeconds"] = seconds
    return TooManyRequests(VIOLATES, details=details)
