"""Pods: what status begins as, what each subresource may change, and graceful deletion.

https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/
"""

from __future__ import annotations

from pybernetes.api.fields import SPEC, FieldError, invalid
from pybernetes.api.times import now
from pybernetes.apiserver.strategies.base import USERS_METADATA, Strategy, keep
from pybernetes.apiserver.strategies.pod_selectors import settle_selectors
from pybernetes.apiserver.writes import Object, Write
from pybernetes.semantics.pods import is_terminal
from pybernetes.semantics.resources import qos_class

_DEFAULT_GRACE = 30


class PodStrategy(Strategy):
    """Status comes from the kubelet, the node from binding; a pod on a node goes away when its kubelet says so."""

    counts_generation = True
    status_keeps = USERS_METADATA

    def prepare_create(self, write: Write) -> None:
        pod = write.object
        status: Object = {"phase": "Pending"}
        if pod["spec"].get("schedulingGates"):
            status["conditions"] = [_gated(write)]
        status["qosClass"] = qos_class(pod)
        pod["status"] = status
        spec = pod["spec"]
        if (spec.get("terminationGracePeriodSeconds") or 0) < 0:
            spec["terminationGracePeriodSeconds"] = 1
        if spec.get("affinity") or spec.get("topologySpreadConstraints"):
            settle_selectors(spec, pod["metadata"].get("labels") or {})

    def prepare_update(self, write: Write) -> None:
        new, old = write.object, write.previous
        door = write.subresource
        if door == "binding":
            return
        if door == "status":
            self.prepare_status(write)
            had = (old.get("status") or {}).get("qosClass")
            if had and not (new.get("status") or {}).get("qosClass"):
                new.setdefault("status", {})["qosClass"] = had
        elif door == "ephemeralcontainers":
            added = (new.get("spec") or {}).get("ephemeralContainers") or []
            write.object = {**old, "metadata": new["metadata"], "spec": {**old["spec"]}}
            write.object["spec"].pop("ephemeralContainers", None)
            if added:
                write.object["spec"]["ephemeralContainers"] = added
        elif door == "resize":
            write.object = {**old, "metadata": new["metadata"], "spec": _resized(new["spec"], old["spec"])}
        else:
            keep(new, old, "status")
            if old["spec"].get("schedulingGates") and not new["spec"].get("schedulingGates"):
                _ungate(new)

    def spec_changed(self, write: Write) -> bool:
        return write.subresource not in ("binding", "status") and super().spec_changed(write)

    def validate_update(self, write: Write) -> list[FieldError]:
        if write.subresource == "binding":
            return []
        errors = super().validate_update(write)
        return _class_moved(write) + errors if write.subresource == "resize" else errors

    def grace_period(self, obj: Object, asked: int | None) -> int | None:
        spec = obj.get("spec") or {}
        if not spec.get("nodeName") or is_terminal(obj):
            return 0
        seconds = asked if asked is not None else spec.get("terminationGracePeriodSeconds", _DEFAULT_GRACE)
        return 1 if seconds < 0 else int(seconds)


def _class_moved(write: Write) -> list[FieldError]:
    old = write.previous
    had = (old.get("status") or {}).get("qosClass") or qos_class(old)
    if had == qos_class(write.object):
        return []
    return [invalid(SPEC, had, "Pod QOS Class may not change as a result of resizing")]


def _gated(write: Write) -> Object:
    return {
        "type": "PodScheduled",
        "status": "False",
        "reason": "SchedulingGated",
        "message": "Scheduling is blocked due to non-empty scheduling gates",
        "lastProbeTime": None,
        "lastTransitionTime": now(write.server.clock),
    }


def _ungate(pod: Object) -> None:
    """The last gate has been lifted: the condition that said so goes."""
    status = pod.get("status") or {}
    conditions = [one for one in status.get("conditions") or () if one.get("reason") != "SchedulingGated"]
    pod["status"] = {**status, "conditions": conditions}
    if not conditions:
        del pod["status"]["conditions"]


def _resized(new: Object, old: Object) -> Object:
    """The old spec with the resources of the new one, and of its containers."""
    result = dict(old)
    keep(result, new, "resources")
    for field in ("containers", "initContainers"):
        if field not in new:
            result.pop(field, None)
            continue
        before = {one.get("name"): one for one in old.get(field) or ()}
        containers = []
        for container in new[field]:
            changed = dict(before.get(container.get("name"), container))
            keep(changed, container, "resources", "resizePolicy")
            containers.append(changed)
        result[field] = containers
    return result
