"""Probes and lifecycle handlers of containers."""

from __future__ import annotations

from typing import Any

from pybernetes.api.fields import FieldError, FieldPath, forbidden, invalid, not_supported, required
from pybernetes.api.names import is_http_header_name
from pybernetes.api.validation.values import not_negative, port_number, port_or_name

Object = dict[str, Any]

_COUNTS = ("initialDelaySeconds", "timeoutSeconds", "periodSeconds", "successThreshold", "failureThreshold")


def validate_probe(probe: Object, path: FieldPath) -> list[FieldError]:
    errors = _validate_handler(probe, ("exec", "httpGet", "tcpSocket", "grpc"), path)
    for field in _COUNTS:
        errors.extend(not_negative(probe, field, path))
    grace = probe.get("terminationGracePeriodSeconds")
    if grace is not None and grace <= 0:
        errors.append(invalid(path.child("terminationGracePeriodSeconds"), grace, "must be greater than 0"))
    return errors


def validate_probes(container: Object, path: FieldPath) -> list[FieldError]:
    """All three probes; liveness and startup need one success only."""
    errors: list[FieldError] = []
    for name in ("livenessProbe", "readinessProbe", "startupProbe"):
        probe = container.get(name)
        if probe is None:
            continue
        where = path.child(name)
        errors.extend(validate_probe(probe, where))
        if name != "readinessProbe" and probe.get("successThreshold", 1) != 1:
            errors.append(
                invalid(where.child("successThreshold"), probe.get("successThreshold"), "must be 1")
            )
        if name == "readinessProbe" and probe.get("terminationGracePeriodSeconds") is not None:
            value = probe["terminationGracePeriodSeconds"]
            why = "must not be set for readinessProbes"
            errors.append(invalid(where.child("terminationGracePeriodSeconds"), value, why))
    return errors


def validate_lifecycle(lifecycle: Object, path: FieldPath, grace: int | None = None) -> list[FieldError]:
    """`grace` are the seconds that the pod has to end."""
    errors: list[FieldError] = []
    for name in ("postStart", "preStop"):
        handler = lifecycle.get(name)
        if handler is not None:
            errors.extend(
                _validate_handler(handler, ("exec", "httpGet", "tcpSocket", "sleep"), path.child(name), grace)
            )
    return errors


def _validate_handler(
    handler: Object, kinds: tuple[str, ...], path: FieldPath, grace: int | None = None
) -> list[FieldError]:
    errors: list[FieldError] = []
    found = 0
    for kind in kinds:
        action = handler.get(kind)
        if action is None:
            continue
        where = path.child(kind)
        found += 1
        if found > 1:
            errors.append(forbidden(where, "may not specify more than 1 handler type"))
        elif kind == "exec":
            if not action.get("command"):
                errors.append(required(where.child("command")))
        elif kind == "httpGet":
            errors.extend(_validate_http(action, where))
        elif kind == "tcpSocket":
            errors.extend(port_or_name(action.get("port", 0), where.child("port")))
        elif kind == "grpc":
            errors.extend(port_number(action.get("port", 0), where.child("port")))
        elif kind == "sleep" and grace is not None:
            seconds = action.get("seconds") or 0
            if not 0 <= seconds <= grace:
                why = f"must be non-negative and less than terminationGracePeriodSeconds ({grace})"
                errors.append(invalid(where, seconds, why))
    if not found:
        errors.append(required(path, "must specify a handler type"))
    return errors


def _validate_http(action: Object, path: FieldPath) -> list[FieldError]:
    errors: list[FieldError] = []
    if not action.get("path"):
        errors.append(required(path.child("path")))
    errors.extend(port_or_name(action.get("port", 0), path.child("port")))
    if action.get("scheme") not in ("HTTP", "HTTPS"):
        errors.append(not_supported(path.child("scheme"), action.get("scheme") or "", ("HTTP", "HTTPS")))
    for header in action.get("httpHeaders") or ():
        # Upstream does not say which of the headers it is about.
        name = header.get("name") or ""
        errors.extend(invalid(path.child("httpHeaders"), name, why) for why in is_http_header_name(name))
    return errors
