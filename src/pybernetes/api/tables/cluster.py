"""How leases, priorities, runtime classes, request fairness and device claims are shown."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pybernetes.api.tables.columns import AGE, NAME, NONE, Cells, Column, Printer, age_of, name_of

Object = dict[str, Any]


def _lease(obj: Object, now: datetime) -> Cells:
    return [name_of(obj), (obj.get("spec") or {}).get("holderIdentity", ""), age_of(obj, now)]


def _priority_class(obj: Object, now: datetime) -> Cells:
    return [
        name_of(obj),
        obj.get("value", 0),
        bool(obj.get("globalDefault")),
        age_of(obj, now),
        obj.get("preemptionPolicy", ""),
    ]


def _runtime_class(obj: Object, now: datetime) -> Cells:
    return [name_of(obj), obj.get("handler", ""), age_of(obj, now)]


def _flow_schema(obj: Object, now: datetime) -> Cells:
    spec = obj.get("spec") or {}
    conditions = (obj.get("status") or {}).get("conditions") or ()
    dangling = next((one.get("status") for one in conditions if one.get("type") == "Dangling"), "?")
    return [
        name_of(obj),
        (spec.get("priorityLevelConfiguration") or {}).get("name", ""),
        spec.get("matchingPrecedence", 0),
        (spec.get("distinguisherMethod") or {}).get("type") or NONE,
        age_of(obj, now),
        dangling,
    ]


def _priority_level(obj: Object, now: datetime) -> Cells:
    spec = obj.get("spec") or {}
    limited = spec.get("limited") or {}
    queuing = (limited.get("limitResponse") or {}).get("queuing") or {}
    shares = limited.get(
        "nominalConcurrencyShares", (spec.get("exempt") or {}).get("nominalConcurrencyShares")
    )
    return [
        name_of(obj),
        spec.get("type", ""),
        NONE if shares is None else shares,
        queuing.get("queues", NONE),
        queuing.get("handSize", NONE),
        queuing.get("queueLengthLimit", NONE),
        age_of(obj, now),
    ]


def _claim(obj: Object, now: datetime) -> Cells:
    status = obj.get("status") or {}
    states = []
    if obj["metadata"].get("deletionTimestamp"):
        states.append("deleted")
    if status.get("allocation") is None:
        states.append("pending")
    else:
        states.append("allocated")
        states.append("reserved" if status.get("reservedFor") else "")
    return [name_of(obj), ",".join(one for one in states if one), age_of(obj, now)]


def _aged(obj: Object, now: datetime) -> Cells:
    return [name_of(obj), age_of(obj, now)]


def _slice(obj: Object, now: datetime) -> Cells:
    spec = obj.get("spec") or {}
    node = spec.get("nodeName") or ""
    return [
        name_of(obj),
        node,
        spec.get("driver", ""),
        (spec.get("pool") or {}).get("name", ""),
        age_of(obj, now),
    ]


PRINTERS = {
    "DeviceClass": Printer((NAME, AGE), _aged),
    "FlowSchema": Printer(
        (
            NAME,
            Column("PriorityLevel", description="@flowcontrol.v1.PriorityLevelConfigurationReference.name"),
            Column("MatchingPrecedence", "string", "@flowcontrol.v1.FlowSchemaSpec.matchingPrecedence"),
            Column("DistinguisherMethod", description="@flowcontrol.v1.FlowSchemaSpec.distinguisherMethod"),
            AGE,
            Column("MissingPL", description="references a broken or non-existent PriorityLevelConfiguration"),
        ),
        _flow_schema,
    ),
    "Lease": Printer(
        (NAME, Column("Holder", description="@coordination.v1.LeaseSpec.holderIdentity"), AGE), _lease
    ),
    "PriorityClass": Printer(
        (
            NAME,
            Column("Value", "integer", "@scheduling.v1.PriorityClass.value"),
            Column("Global-Default", "boolean", "@scheduling.v1.PriorityClass.globalDefault"),
            AGE,
            Column("PreemptionPolicy", description="@scheduling.v1.PriorityClass.preemptionPolicy"),
        ),
        _priority_class,
    ),
    "PriorityLevelConfiguration": Printer(
        (
            NAME,
            Column("Type", description="@flowcontrol.v1.PriorityLevelConfigurationSpec.type"),
            Column(
                "NominalConcurrencyShares",
                description="@flowcontrol.v1.LimitedPriorityLevelConfiguration.nominalConcurrencyShares",
            ),
            Column("Queues", description="@flowcontrol.v1.QueuingConfiguration.queues"),
            Column("HandSize", description="@flowcontrol.v1.QueuingConfiguration.handSize"),
            Column("QueueLengthLimit", description="@flowcontrol.v1.QueuingConfiguration.queueLengthLimit"),
            AGE,
        ),
        _priority_level,
    ),
    "ResourceClaim": Printer(
        (
            NAME,
            Column(
                "State", description="A summary of the current state (allocated, pending, reserved, etc.)."
            ),
            AGE,
        ),
        _claim,
    ),
    "ResourceClaimTemplate": Printer((NAME, AGE), _aged),
    "ResourceSlice": Printer(
        (
            NAME,
            Column("Node", description="@resource.v1.ResourceSliceSpec.nodeName"),
            Column("Driver", description="@resource.v1.ResourceSliceSpec.driver"),
            Column("Pool", description="@resource.v1.ResourcePool.name"),
            AGE,
        ),
        _slice,
    ),
    "RuntimeClass": Printer((NAME, Column("Handler"), AGE), _runtime_class),
}
