"""How autoscalers and disruption budgets are shown."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pybernetes.api.tables.columns import AGE, NAME, Cells, Column, Printer, age_of, name_of

Object = dict[str, Any]

_MOST_TARGETS = 2


def _autoscaler(obj: Object, now: datetime) -> Cells:
    spec, status = obj.get("spec") or {}, obj.get("status") or {}
    reference = spec.get("scaleTargetRef") or {}
    least = spec.get("minReplicas")
    return [
        name_of(obj),
        f"{reference.get('kind', '')}/{reference.get('name', '')}",
        _targets(spec, status),
        "<unset>" if least is None else str(least),
        spec.get("maxReplicas", 0),
        status.get("currentReplicas", 0),
        age_of(obj, now),
    ]


def _targets(spec: Object, status: Object) -> str:
    if "targetCPUUtilizationPercentage" in spec:
        current = status.get("currentCPUUtilizationPercentage")
        shown = "<unknown>" if current is None else f"{current}%"
        return f"cpu: {shown}/{spec['targetCPUUtilizationPercentage']}%"
    current_metrics = status.get("currentMetrics") or []
    texts = [
        _target(metric, current_metrics[position] if position < len(current_metrics) else {})
        for position, metric in enumerate(spec.get("metrics") or ())
    ]
    if not texts:
        return "<none>"
    if len(texts) > _MOST_TARGETS:
        return f"{', '.join(texts[:_MOST_TARGETS])} + {len(texts) - _MOST_TARGETS} more..."
    return ", ".join(texts)


_SOURCES = {
    "ContainerResource": "containerResource",
    "External": "external",
    "Object": "object",
    "Pods": "pods",
    "Resource": "resource",
}


def _target(metric: Object, current: Object) -> str:
    kind = metric.get("type", "")
    field = _SOURCES.get(kind)
    if field is None:
        return "<unknown type>"
    source, now = metric.get(field) or {}, (current.get(field) or {}).get("current") or {}
    target = source.get("target") or {}
    prefix = f"{source.get('name', '')}: " if kind in ("Resource", "ContainerResource") else ""
    if target.get("averageUtilization") is not None:
        used = now.get("averageUtilization")
        shown = "<unknown>" if used is None else f"{used}%"
        return f"{prefix}{shown}/{target['averageUtilization']}%"
    if target.get("averageValue") is not None:
        suffix = " (avg)" if kind in ("External", "Object") else ""
        return f"{prefix}{now.get('averageValue') or '<unknown>'}/{target['averageValue']}{suffix}"
    return f"{prefix}{now.get('value') or '<unknown>'}/{target.get('value', '<auto>')}"


def _budget(obj: Object, now: datetime) -> Cells:
    spec, status = obj.get("spec") or {}, obj.get("status") or {}
    return [
        name_of(obj),
        str(spec.get("minAvailable", "N/A")),
        str(spec.get("maxUnavailable", "N/A")),
        status.get("disruptionsAllowed", 0),
        age_of(obj, now),
    ]


def _scale(obj: Object, now: datetime) -> Cells:
    replicas = (obj.get("spec") or {}).get("replicas", 0), (obj.get("status") or {}).get("replicas", 0)
    return [name_of(obj), *replicas, age_of(obj, now)]


PRINTERS = {
    "Scale": Printer(
        (
            Column("Name", description="@meta.v1.ObjectMeta.name"),
            Column("Desired", "integer", "@autoscaling.v1.ScaleSpec.replicas"),
            Column("Available", "integer", "@autoscaling.v1.ScaleStatus.replicas"),
            AGE,
        ),
        _scale,
    ),
    "HorizontalPodAutoscaler": Printer(
        (
            NAME,
            Column("Reference", description="@autoscaling.v2.HorizontalPodAutoscalerSpec.scaleTargetRef"),
            Column("Targets", description="@autoscaling.v2.HorizontalPodAutoscalerSpec.metrics"),
            Column("MinPods", description="@autoscaling.v2.HorizontalPodAutoscalerSpec.minReplicas"),
            Column("MaxPods", description="@autoscaling.v2.HorizontalPodAutoscalerSpec.maxReplicas"),
            Column("Replicas", description="@autoscaling.v2.HorizontalPodAutoscalerStatus.currentReplicas"),
            AGE,
        ),
        _autoscaler,
    ),
    "PodDisruptionBudget": Printer(
        (
            NAME,
            Column("Min Available", description="The minimum number of pods that must be available."),
            Column("Max Unavailable", description="The maximum number of pods that may be unavailable."),
            Column(
                "Allowed Disruptions",
                "integer",
                "Calculated number of pods that may be disrupted at this time.",
            ),
            AGE,
        ),
        _budget,
    ),
}
