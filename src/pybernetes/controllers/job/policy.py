"""What a failed pod means for its Job by `podFailurePolicy`, and when `successPolicy` is met. Pure.

Source: https://kubernetes.io/docs/concepts/workloads/controllers/job/#pod-failure-policy and #success-policy
"""

from __future__ import annotations

from typing import Any

from pybernetes.controllers.job.indexes import parse
from pybernetes.controllers.objects import Object, condition_status, name_of, namespace_of

FAIL_JOB, FAIL_INDEX, IGNORE, COUNT = "FailJob", "FailIndex", "Ignore", "Count"


def verdict(job: Object, pod: Object) -> tuple[str, str]:
    """(action, message) of the first rule that matches a failed pod; Count and "" without one."""
    rules = (job["spec"].get("podFailurePolicy") or {}).get("rules") or ()
    for position, rule in enumerate(rules):
        action = rule.get("action", COUNT)
        message = ""
        if rule.get("onExitCodes"):
            message = _exit_codes(pod, rule["onExitCodes"], action, position)
        elif rule.get("onPodConditions"):
            message = _conditions(pod, rule["onPodConditions"], action, position)
        if message:
            return action, message
    return COUNT, ""


def _exit_codes(pod: Object, wanted: dict[str, Any], action: str, position: int) -> str:
    status = pod.get("status") or {}
    values = wanted.get("values") or ()
    for container in (*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())):
        if wanted.get("containerName") not in (None, container["name"]):
            continue
        code = ((container.get("state") or {}).get("terminated") or {}).get("exitCode", 0)
        if code and (code in values) == (wanted.get("operator") == "In"):
            return (
                f"Container {container['name']} for pod {namespace_of(pod)}/{name_of(pod)} failed with exit code "
                f"{code} matching {action} rule at index {position}"
            )
    return ""


def _conditions(pod: Object, patterns: list[dict[str, Any]], action: str, position: int) -> str:
    for pattern in patterns:
        if condition_status(pod.get("status"), pattern["type"]) == (pattern.get("status") or "True"):
            return (
                f"Pod {namespace_of(pod)}/{name_of(pod)} has condition {pattern['type']} matching {action} rule at "
                f"index {position}"
            )
    return ""


def success_rule(job: Object, succeeded: set[int]) -> str:
    """`Matched rules at index N` for the first rule of the success policy that is met, or ""."""
    for position, rule in enumerate((job["spec"].get("successPolicy") or {}).get("rules") or ()):
        chosen = rule.get("succeededIndexes")
        considered = succeeded & parse(chosen) if chosen else succeeded
        count = rule.get("succeededCount")
        if count is not None and len(considered) >= int(count):
            return f"Matched rules at index {position}"
        if count is None and chosen and considered == parse(chosen):
            return f"Matched rules at index {position}"
    return ""
