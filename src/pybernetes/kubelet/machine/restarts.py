"""Whether a container that has ended runs again: restartPolicy of the pod, of the container, and its rules.

Source: https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#restart-policy
"""

from __future__ import annotations

from pybernetes.kubelet.machine.model import EPHEMERAL, INIT, SIDECAR, Container, Object, PodState, Record


def _rule_restarts(rule: Object, exit_code: int) -> bool:
    codes = rule.get("exitCodes") or {}
    listed = exit_code in (codes.get("values") or ())
    matches = listed if codes.get("operator") == "In" else not listed
    return bool(matches and rule.get("action") == "Restart")


def restarts(state: PodState, record: Record, ended: Container) -> bool:
    """True if the container is to run again after this end."""
    if record.kind == EPHEMERAL:
        return False
    if record.kind == SIDECAR:
        return True
    spec = record.spec
    if any(_rule_restarts(rule, ended.exit_code) for rule in spec.get("restartPolicyRules") or ()):
        return True
    policy = spec.get("restartPolicy") or state.policy
    if record.kind == INIT:
        return bool(ended.exit_code != 0 and policy != "Never")
    if policy == "OnFailure":
        return ended.exit_code != 0
    return bool(policy == "Always")


def init_failed(state: PodState) -> bool:
    """An init container failed for good."""
    for record in state.of_kind(INIT):
        current = record.current
        failed = record.exited and not record.operation and current is not None and current.exit_code != 0
        if failed and current is not None and not restarts(state, record, current):
            return True
    return False


def has_initialized(state: PodState) -> bool:
    """All init containers of the present sandbox have done their work."""
    for record in state.of_kind("regular"):
        if state.in_sandbox(record) is not None:
            return True
    for record in state.of_kind(INIT, SIDECAR):
        current = state.in_sandbox(record)
        if current is None:
            return False
        if record.kind == SIDECAR:
            if not record.started:
                return False
        elif not (record.exited and current.exit_code == 0):
            return False
    return True


def completed(state: PodState) -> bool:
    """Nothing of the pod will run again by itself: a failed init container, or all regular ones ended."""
    if init_failed(state):
        return True
    regular = state.of_kind("regular")
    for record in regular:
        if not record.exited or record.operation or record.current is None:
            return False
        if restarts(state, record, record.current):
            return False
    return bool(regular)
