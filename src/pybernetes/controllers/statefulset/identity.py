"""The pods and claims of a StatefulSet by their place in the row. Pure.

In: a StatefulSet, an ordinal, a revision. Out: the pod, its claims, and whether an existing pod has the
identity that it should.
Source: https://kubernetes.io/docs/concepts/workloads/controllers/statefulset/#pod-identity
"""

from __future__ import annotations

from typing import Any

from pybernetes.api.kinds import STATEFUL_SETS
from pybernetes.controllers.history import HASH_LABEL
from pybernetes.controllers.objects import Object, labels_of, name_of, namespace_of
from pybernetes.semantics.owners import has_owner, owner_ref

NAME_LABEL = "statefulset.kubernetes.io/pod-name"
INDEX_LABEL = "apps.kubernetes.io/pod-index"


def first_ordinal(stateful_set: Object) -> int:
    return int((stateful_set["spec"].get("ordinals") or {}).get("start") or 0)


def pod_name(stateful_set: Object, ordinal: int) -> str:
    return f"{name_of(stateful_set)}-{ordinal}"


def ordinal_of(stateful_set: Object, pod: Object) -> int:
    """The pod's place, -1 when its name is not of this set."""
    head, dash, tail = name_of(pod).rpartition("-")
    if not dash or head != name_of(stateful_set) or not tail.isdigit() or str(int(tail)) != tail:
        return -1
    return int(tail)


def claim_templates(stateful_set: Object) -> list[Object]:
    return stateful_set["spec"].get("volumeClaimTemplates") or []


def claim_name(stateful_set: Object, template: Object, ordinal: int) -> str:
    return f"{name_of(template)}-{name_of(stateful_set)}-{ordinal}"


def new_pod(stateful_set: Object, template: Object, ordinal: int, revision: str) -> Object:
    """`template` is the revision's; its volumes of the claims' names are replaced by the claims."""
    name = pod_name(stateful_set, ordinal)
    meta = template.get("metadata") or {}
    metadata: dict[str, Any] = {
        "name": name,
        "namespace": namespace_of(stateful_set),
        "labels": {
            **(meta.get("labels") or {}),
            NAME_LABEL: name,
            INDEX_LABEL: str(ordinal),
            HASH_LABEL: revision,
        },
        "ownerReferences": [owner_ref(stateful_set, STATEFUL_SETS)],
    }
    for field in ("annotations", "finalizers"):
        if meta.get(field):
            metadata[field] = meta[field]
    spec = dict(template.get("spec") or {})
    spec["hostname"] = name
    if stateful_set["spec"].get("serviceName"):
        spec["subdomain"] = stateful_set["spec"]["serviceName"]
    volumes = _volumes(stateful_set, spec.get("volumes") or [], ordinal)
    if volumes:
        spec["volumes"] = volumes
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}


def _volumes(stateful_set: Object, present: list[dict[str, Any]], ordinal: int) -> list[dict[str, Any]]:
    claims = {name_of(one): claim_name(stateful_set, one, ordinal) for one in claim_templates(stateful_set)}
    claimed = [
        {"name": name, "persistentVolumeClaim": {"claimName": claim}} for name, claim in claims.items()
    ]
    return [*claimed, *(one for one in present if one.get("name") not in claims)]


def new_claims(stateful_set: Object, ordinal: int) -> list[Object]:
    """The claims that the pod at this place needs."""
    selector = (stateful_set["spec"].get("selector") or {}).get("matchLabels") or {}
    found = []
    for template in claim_templates(stateful_set):
        metadata: dict[str, Any] = {
            "name": claim_name(stateful_set, template, ordinal),
            "namespace": namespace_of(stateful_set),
            "labels": {**labels_of(template), **selector},
        }
        if template["metadata"].get("annotations"):
            metadata["annotations"] = template["metadata"]["annotations"]
        claim = {
            "apiVersion": "v1",
            "kind": "PersistentVolumeClaim",
            "metadata": metadata,
            "spec": template.get("spec") or {},
        }
        if retention(stateful_set, "whenDeleted") == "Delete":
            metadata["ownerReferences"] = [owner_ref(stateful_set, STATEFUL_SETS)]
        found.append(claim)
    return found


def retention(stateful_set: Object, when: str) -> str:
    """Retain or Delete, for `whenDeleted` and `whenScaled`."""
    policy = stateful_set["spec"].get("persistentVolumeClaimRetentionPolicy") or {}
    return str(policy.get(when) or "Retain")


def claim_owners(
    stateful_set: Object, claim: Object, condemned_pod: Object | None
) -> list[dict[str, Any]] | None:
    """The owner references that the retention policy asks for; None if the claim has them.

    Whose pod is scaled away (`condemned_pod`) and whose policy says so belongs to that pod, and goes with it.
    """
    owners = list(claim["metadata"].get("ownerReferences") or ())
    others = [
        one
        for one in owners
        if one.get("uid") != stateful_set["metadata"].get("uid")
        and not (one.get("kind") == "Pod" and one.get("name", "").startswith(f"{name_of(stateful_set)}-"))
    ]
    wanted = list(others)
    if condemned_pod is not None and retention(stateful_set, "whenScaled") == "Delete":
        meta = condemned_pod["metadata"]
        wanted.append(
            {"apiVersion": "v1", "kind": "Pod", "name": meta["name"], "uid": meta["uid"], "controller": True}
        )
    elif retention(stateful_set, "whenDeleted") == "Delete":
        if has_owner(claim, stateful_set["metadata"]["uid"]):
            return (
                None if len(wanted) == len(owners) - 1 else [*wanted, owner_ref(stateful_set, STATEFUL_SETS)]
            )
        wanted.append(owner_ref(stateful_set, STATEFUL_SETS))
    return wanted if wanted != owners else None


def corrected(stateful_set: Object, pod: Object) -> dict[str, Any] | None:
    """The labels to patch into a pod that lost some of its identity; None when it has it."""
    wanted = {NAME_LABEL: name_of(pod), INDEX_LABEL: str(ordinal_of(stateful_set, pod))}
    missing = {key: value for key, value in wanted.items() if labels_of(pod).get(key) != value}
    return missing or None
