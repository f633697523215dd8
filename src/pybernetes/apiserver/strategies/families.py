"""The address families of a Service: what it asks for and what the cluster has in, what is stored out. Pure.

`synchronise` and `release` come before validation, `settle` after it and before addresses are taken.
https://kubernetes.io/docs/concepts/services-networking/dual-stack/
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pybernetes.api.fields import SPEC, FieldError, invalid

Object = dict[str, Any]

IPV4, IPV6 = "IPv4", "IPv6"
SINGLE, PREFER, REQUIRE = "SingleStack", "PreferDualStack", "RequireDualStack"
NONE = "None"
FIELDS = ("clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy")

_POLICY = SPEC.child("ipFamilyPolicy")


def family_of(address: str) -> str:
    return IPV6 if ":" in address else IPV4


def other(family: str) -> str:
    return IPV4 if family == IPV6 else IPV6


def synchronise(spec: Object, old: Object) -> None:
    """clusterIP and clusterIPs say the same; what an update leaves out stays."""
    before, plural = old.get("clusterIP"), old.get("clusterIPs")
    if before and not spec.get("clusterIP"):
        spec["clusterIP"] = before
    if not spec.get("clusterIPs"):
        if plural and spec.get("clusterIP") == before:
            spec["clusterIPs"] = [*plural]
        elif spec.get("clusterIP"):
            spec["clusterIPs"] = [spec["clusterIP"]]
    elif spec.get("clusterIP") != before and plural == spec["clusterIPs"]:
        spec["clusterIPs"] = [spec["clusterIP"]]
    for field, nothing in (("ipFamilies", ([], None)), ("ipFamilyPolicy", (None,))):
        if old.get(field) and spec.get(field) in nothing:
            spec[field] = old[field]


def release(spec: Object, old: Object) -> None:
    """A Service that becomes an ExternalName gives up what its type cannot have, unless it was changed."""
    if old.get("type", "ExternalName") == "ExternalName":
        if spec.get("clusterIP") and not spec.get("clusterIPs"):
            spec["clusterIPs"] = [spec["clusterIP"]]
        return
    if (spec.get("clusterIPs") or old.get("clusterIPs")) == old.get("clusterIPs"):
        spec.pop("clusterIP", None)
        spec.pop("clusterIPs", None)
    for field in ("ipFamilies", "ipFamilyPolicy"):
        if spec.get(field) == old.get(field):
            spec.pop(field, None)


def _trim(spec: Object, old: Object) -> None:
    """SingleStack is enough to say: what is unchanged otherwise loses its second entry."""
    if spec.get("ipFamilyPolicy") != SINGLE:
        return
    for field in ("clusterIPs", "ipFamilies"):
        if len(spec.get(field) or ()) > 1 and spec[field] == old.get(field):
            spec[field] = spec[field][:1]


def settle(spec: Object, old: Object, cluster: Sequence[str]) -> list[FieldError]:
    """Fill in ipFamilyPolicy and ipFamilies from the families that the cluster has; says what it cannot have."""
    if _still_prefers(spec, old):
        return []
    headless = spec.get("clusterIP") == NONE
    anything = headless and not spec.get("selector")
    if not spec.get("ipFamilyPolicy"):
        spec["ipFamilyPolicy"] = REQUIRE if anything else SINGLE
    policy = spec["ipFamilyPolicy"]
    if old:
        _trim(spec, old)
    errors = _contradictions(spec, old, policy)
    families = list(spec.get("ipFamilies") or ())
    addresses = [] if headless else list(spec.get("clusterIPs") or ())
    for position, address in enumerate(addresses[len(families) :], len(families)):
        family = family_of(address)
        if family not in cluster:
            why = f"{family} is not configured on this cluster"
            errors.append(invalid(SPEC.child("clusterIPs").at(position), spec["clusterIPs"], why))
        else:
            families.append(family)
    if not errors and not anything:
        errors = _unavailable(families, policy, cluster)
    if errors:
        return errors
    families = families or [cluster[0]]
    if len(families) == 1 and policy != SINGLE and (anything or len(cluster) > 1):
        families.append(other(families[0]))
    spec["ipFamilies"] = families
    return []


def _still_prefers(spec: Object, old: Object) -> bool:
    """Such a Service is left as it is, also when the cluster has got, or lost, a family since."""
    same = all(spec.get(field) == old.get(field) for field in FIELDS)
    return bool(old.get("clusterIPs")) and spec.get("ipFamilyPolicy") == PREFER and same


def _contradictions(spec: Object, old: Object, policy: str) -> list[FieldError]:
    errors: list[FieldError] = []
    for field, one, many in (
        ("clusterIPs", "cluster IP", "cluster IPs"),
        ("ipFamilies", "IP family", "IP families"),
    ):
        now, before = spec.get(field) or (), old.get(field) or ()
        if policy == SINGLE and len(now) == 2:
            why = f"must be 'RequireDualStack' or 'PreferDualStack' when multiple {many} are specified"
            errors.append(invalid(_POLICY, policy, why))
        elif policy != SINGLE and now and len(now) < len(before):
            errors.append(invalid(_POLICY, policy, f"must be 'SingleStack' to release the secondary {one}"))
    return errors


def _unavailable(families: Sequence[str], policy: str, cluster: Sequence[str]) -> list[FieldError]:
    errors = []
    if policy == REQUIRE and len(cluster) < 2:
        why = "this cluster is not configured for dual-stack services"
        errors.append(invalid(_POLICY, policy, why))
    for position, family in enumerate(families):
        if family not in cluster:
            where = SPEC.child("ipFamilies").at(position)
            errors.append(invalid(where, family, "not configured on this cluster"))
    return errors
