"""Probes as values: when the next one is due, what a run of results means.

Rules: https://kubernetes.io/docs/concepts/configuration/liveness-readiness-startup-probes/
A liveness probe starts out passed, a readiness and a startup probe do not. A process needs a moment before
it listens: readiness and startup probes that fail in the first second are made again soon, without being
counted, and a liveness probe begins a second after the start at the earliest.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

EARLY = 1.0
EARLY_FIRST = 0.1

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
    early_until: float = 0
    early_delay: float = EARLY_FIRST
    quiet: bool = False
    """The last failure came too early to be worth an event."""

    def result(self, outcome: str, now: float) -> bool:
        """Take a result in; True when `passed` turned to False or the allowed failures are used up now."""
        self.in_flight = False
        self.due = now + self.period
        self.quiet = outcome == "failure" and not self.passed and now < self.early_until
        if self.quiet:
            self.due = now + min(self.early_delay, self.period)
            self.early_delay *= 2
            return False
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
        delay = float(spec.get("initialDelaySeconds") or 0)
        states[kind] = ProbeState(
            kind,
            due=started + (max(delay, EARLY) if kind == "liveness" else delay),
            period=float(spec.get("periodSeconds") or 10),
            successes_needed=int(spec.get("successThreshold") or 1),
            failures_allowed=int(spec.get("failureThreshold") or 3),
            passed=kind == "liveness",
            grace=spec.get("terminationGracePeriodSeconds"),
            early_until=started + delay + EARLY,
        )
    return states
