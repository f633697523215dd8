"""Probes as values: when the next one is due, what a run of results means.

Rules: https://kubernetes.io/docs/concepts/configuration/liveness-readiness-startup-probes/
A liveness probe starts out passed, a readiness and a startup probe do not.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

KINDS = {"startup": "startupProbe", "liveness": "livenessProbe", "readiness": "readinessProbe"}


@dataclass(slots=True)
class ProbeState:
    """One probe of one running container."""

    kind: str
    due: float
    period: float
    successes_needed: int
    failures_allowed: int
    passed: bool
    grace: float | None = None
    in_flight: bool = False
    held: bool = False
    """No more runs: the startup probe has passed, or the container is to be killed."""
    successes: int = 0
    failures: int = 0

    def result(self, outcome: str, now: float) -> bool:
        """Take a result in; True when `passed` turned to False or the allowed failures are used up now."""
        self.in_flight = False
        self.due = now + self.period
        if self.held or outcome == "error":
            return False
        if outcome == "success":
            self.failures = 0
            self.successes += 1
            if self.successes >= self.successes_needed:
                self.passed = True
                self.held = self.kind == "startup"
            return False
        self.successes = 0
        self.failures += 1
        if self.failures < self.failures_allowed:
            return False
        self.passed = False
        if self.kind != "readiness":
            self.held = True
        return True


def probe_states(container: dict[str, Any], started: float) -> dict[str, ProbeState]:
    """Fresh states for a container that started at `started`."""
    states = {}
    for kind, field in KINDS.items():
        spec = container.get(field)
        if not spec:
            continue
        states[kind] = ProbeState(
            kind,
            due=started + float(spec.get("initialDelaySeconds") or 0),
            period=float(spec.get("periodSeconds") or 10),
            successes_needed=int(spec.get("successThreshold") or 1),
            failures_allowed=int(spec.get("failureThreshold") or 3),
            passed=kind == "liveness",
            grace=spec.get("terminationGracePeriodSeconds"),
        )
    return states
