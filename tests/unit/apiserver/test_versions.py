"""Kinds in two versions: nothing is lost on the way there and back."""

from __future__ import annotations

from typing import Any

from pybernetes.apiserver.versions import (
    autoscaler_from_v2,
    autoscaler_to_v2,
    event_from_core,
    event_to_core,
)


def test_events() -> None:
    event = {
        "apiVersion": "events.k8s.io/v1",
        "kind": "Event",
        "metadata": {"name": "e"},
        "regarding": {"kind": "Pod"},
        "note": "text",
        "reportingController": "c",
        "deprecatedCount": 3,
        "reason": "Because",
    }
    core = event_to_core(event)
    assert core["apiVersion"] == "v1" and core["involvedObject"] == {"kind": "Pod"}
    assert (core["message"], core["reportingComponent"], core["count"]) == ("text", "c", 3)
    assert event_from_core(core) == event


def test_autoscalers() -> None:
    utilization = {"type": "Utilization", "averageUtilization": 50}
    average = {"type": "AverageValue", "averageValue": "1Gi"}
    spec: dict[str, Any] = {
        "maxReplicas": 5,
        "scaleTargetRef": {"kind": "Deployment", "name": "web"},
        "metrics": [
            {"type": "Resource", "resource": {"name": "memory", "target": average}},
            {"type": "Resource", "resource": {"name": "cpu", "target": utilization}},
        ],
        "behavior": {"scaleDown": {"stabilizationWindowSeconds": 10}},
    }
    stored: dict[str, Any] = {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "h", "annotations": {"a": "b"}},
        "spec": spec,
        "status": {
            "currentReplicas": 1,
            "desiredReplicas": 0,
            "conditions": [{"type": "AbleToScale", "status": "True"}],
        },
    }
    old = autoscaler_from_v2(stored)
    assert old["apiVersion"] == "autoscaling/v1"
    assert old["spec"]["targetCPUUtilizationPercentage"] == 50
    assert "metrics" not in old["spec"] and "behavior" not in old["spec"]
    assert autoscaler_to_v2(old) == stored
    bare = autoscaler_from_v2({**stored, "status": {}})
    assert bare["status"] == {"currentReplicas": 0, "desiredReplicas": 0}
    used = autoscaler_to_v2({**bare, "status": {"currentCPUUtilizationPercentage": 7}})
    assert used["status"]["currentMetrics"] == [
        {"type": "Resource", "resource": {"name": "cpu", "current": {"averageUtilization": 7}}}
    ]
