"""Services: cluster addresses, address families and the policy on them; what of these may change."""

from __future__ import annotations

from typing import Any

from pybernetes.api.fields import SPEC, FieldError, duplicate, invalid, not_supported, required
from pybernetes.api.names import is_ip

Object = dict[str, Any]

FAMILIES = ("IPv4", "IPv6")
POLICIES = ("PreferDualStack", "RequireDualStack", "SingleStack")
NONE = "None"

_ADDRESSES = SPEC.child("clusterIPs")
_FAMILIES = SPEC.child("ipFamilies")
_POLICY = SPEC.child("ipFamilyPolicy")


def families(spec: Object) -> list[FieldError]:
    """Whether the fields are sound and fit each other; what the cluster has is not asked here."""
    primary, addresses = spec.get("clusterIP") or "", spec.get("clusterIPs") or []
    wanted = spec.get("ipFamilies") or []
    errors: list[FieldError] = []
    if primary and not addresses:
        errors.append(required(_ADDRESSES))
    elif primary and addresses[0] != primary:
        errors.append(invalid(_ADDRESSES, addresses, "first value must match `clusterIP`"))
    elif addresses and not primary:
        errors.append(invalid(_ADDRESSES, addresses, "must be empty when `clusterIP` is not specified"))
    for position, family in enumerate(wanted):
        if family not in FAMILIES:
            errors.append(not_supported(_FAMILIES.at(position), family, FAMILIES))
        if family in wanted[:position]:
            errors.append(duplicate(_FAMILIES.at(position), family))
    policy = spec.get("ipFamilyPolicy")
    if policy is not None and policy not in POLICIES:
        errors.append(not_supported(_POLICY, policy, POLICIES))
    wrong = _unsound(addresses)
    errors += wrong
    if len(addresses) > 2:
        errors.append(invalid(_ADDRESSES, addresses, "may only hold up to 2 values"))
    if wrong:
        return errors
    if len(addresses) > 1 and len(addresses) != len({":" in address for address in addresses}):
        why = "may specify no more than one IP for each IP family"
        errors.append(invalid(_ADDRESSES, addresses, why))
    if errors or addresses == [NONE]:
        return errors
    for position, (address, family) in enumerate(zip(addresses, wanted, strict=False)):
        if (":" in address) != (family == "IPv6"):
            why = f"expected an {family} value as indicated by `ipFamilies[{position}]`"
            errors.append(invalid(_ADDRESSES.at(position), address, why))
    return errors


def _unsound(addresses: list[str]) -> list[FieldError]:
    if addresses[:1] == [NONE] and len(addresses) > 1:
        return [invalid(_ADDRESSES, addresses, "'None' must be the first and only value")]
    errors: list[FieldError] = []
    for position, address in enumerate(addresses):
        if position or address != NONE:
            errors.extend(is_ip(_ADDRESSES.at(position), address))
    return errors


def families_stay(new: Object, old: Object) -> list[FieldError]:
    """A second address and a second family may come, and go with the policy SingleStack; the first ones stay for
    as long as the type is not ExternalName."""
    if "ExternalName" in (new.get("type"), old.get("type")):
        return []
    before, after = old.get("clusterIPs") or [], new.get("clusterIPs") or []
    headless = [addresses == [NONE] for addresses in (before, after)]
    errors = [] if all(headless) else _stay(new, before, after, _ADDRESSES, "clusterIP")
    if not any(headless):
        before, after = old.get("ipFamilies") or [], new.get("ipFamilies") or []
        errors += _stay(new, before, after, _FAMILIES, "ipFamily")
    return errors


def _stay(new: Object, before: list[str], after: list[str], path: Any, what: str) -> list[FieldError]:
    addresses = new.get("clusterIPs") or []
    fixed = "may not change once set"
    if len(before) == len(after):
        # Upstream names the first of the families, whichever it is that differs.
        return [
            invalid(path.at(position if path is _ADDRESSES else 0), after, fixed)
            for position, (one, other) in enumerate(zip(before, after, strict=True))
            if one != other
        ]
    errors: list[FieldError] = []
    if len(before) > len(after) and not addresses:
        errors.append(invalid(path.at(0), after, f"primary {what} can not be unset"))
    if before and after and before[0] != after[0]:
        errors.append(invalid(path.at(0), addresses, fixed))
    policy = new.get("ipFamilyPolicy")
    if len(before) > len(after) == 1 and policy != "SingleStack":
        why = f"must be set to 'SingleStack' when releasing the secondary {what}"
        errors.append(invalid(_POLICY, policy, why))
    return errors
