"""Defaults of HorizontalPodAutoscaler, v1 and v2."""

from __future__ import annotations

from typing import Any

Object = dict[str, Any]

_SHARE = 80
_METRICS = "autoscaling.alpha.kubernetes.io/metrics"


def _horizontal_pod_autoscaler(scaler: Object) -> None:
    spec = scaler.setdefault("spec", {})
    spec.setdefault("minReplicas", 1)
    if not spec.get("metrics"):
        target = {"type": "Utilization", "averageUtilization": _SHARE}
        spec["metrics"] = [{"type": "Resource", "resource": {"name": "cpu", "target": target}}]
    behavior = spec.get("behavior")
    if behavior is not None:
        _default_behavior(behavior)
    scaler.setdefault("status", {}).setdefault("desiredReplicas", 0)


def _horizontal_pod_autoscaler_v1(scaler: Object) -> None:
    spec = scaler.setdefault("spec", {})
    spec.setdefault("minReplicas", 1)
    if _METRICS not in (scaler["metadata"].get("annotations") or {}):
        spec.setdefault("targetCPUUtilizationPercentage", _SHARE)
    status = scaler.setdefault("status", {})
    status.setdefault("currentReplicas", 0)
    status.setdefault("desiredReplicas", 0)


def _default_behavior(behavior: Object) -> None:
    up = behavior.setdefault("scaleUp", {})
    up.setdefault("stabilizationWindowSeconds", 0)
    up.setdefault("selectPolicy", "Max")
    if up.get("policies") is None:
        up["policies"] = [
            {"type": "Pods", "value": 4, "periodSeconds": 15},
            {"type": "Percent", "value": 100, "periodSeconds": 15},
        ]
    down = behavior.setdefault("scaleDown", {})
    down.setdefault("selectPolicy", "Max")
    if down.get("policies") is None:
        down["policies"] = [{"type": "Percent", "value": 100, "periodSeconds": 15}]


DEFAULTS = {
    "HorizontalPodAutoscaler": _horizontal_pod_autoscaler,
    "HorizontalPodAutoscaler/v1": _horizontal_pod_autoscaler_v1,
}
