"""How roles, bindings and certificate requests are shown."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pybernetes.api.tables.columns import (
    AGE,
    CREATED_AT,
    NAME,
    NONE,
    Cells,
    Column,
    Printer,
    age_of,
    created_at,
    name_of,
    wide,
)
from pybernetes.api.times import human_duration

Object = dict[str, Any]


def _role(obj: Object, now: datetime) -> Cells:
    return [name_of(obj), created_at(obj)]


def _binding(obj: Object, now: datetime) -> Cells:
    reference = obj.get("roleRef") or {}
    users: list[str] = []
    groups: list[str] = []
    accounts: list[str] = []
    for subject in obj.get("subjects") or ():
        kind, name = subject.get("kind"), subject.get("name", "")
        if kind == "ServiceAccount":
            accounts.append(f"{subject.get('namespace', '')}/{name}")
        else:
            (groups if kind == "Group" else users).append(name)
    return [
        name_of(obj),
        f"{reference.get('kind', '')}/{reference.get('name', '')}",
        age_of(obj, now),
        ", ".join(users),
        ", ".join(groups),
        ", ".join(accounts),
    ]


def _signing_request(obj: Object, now: datetime) -> Cells:
    spec, status = obj.get("spec") or {}, obj.get("status") or {}
    seconds = spec.get("expirationSeconds")
    return [
        name_of(obj),
        age_of(obj, now),
        spec.get("signerName") or NONE,
        spec.get("username", ""),
        NONE if seconds is None else human_duration(seconds),
        _condition(status),
    ]


def _condition(status: Object) -> str:
    kinds = {one.get("type") for one in status.get("conditions") or ()}
    words = [kind for kind in ("Denied", "Approved") if kind in kinds][:1] or ["Pending"]
    if words == ["Pending"] and "Failed" not in kinds:
        return "Pending"
    if words == ["Pending"]:
        words = []
    if "Failed" in kinds:
        words.append("Failed")
    if status.get("certificate"):
        words.append("Issued")
    return ",".join(words)


_ROLE_COLUMNS = (NAME, CREATED_AT)
_MUST = "If the RoleRef cannot be resolved, the Authorizer must return an error."


def _binding_columns(kind: str, reference: str) -> tuple[Column, ...]:
    return (
        NAME,
        Column("Role", description=f"RoleRef can {reference} in the global namespace. {_MUST}"),
        AGE,
        *(wide(what, f"{what} in the {kind}") for what in ("Users", "Groups", "ServiceAccounts")),
    )


_ROLE_BINDING = _binding_columns("roleBinding", "reference a Role in the current namespace or a ClusterRole")
_CLUSTER_ROLE_BINDING = _binding_columns("clusterRoleBinding", "only reference a ClusterRole")

PRINTERS = {
    "CertificateSigningRequest": Printer(
        (
            NAME,
            AGE,
            Column("SignerName", description="@certificates.v1.CertificateSigningRequestSpec.signerName"),
            Column("Requestor", description="Base64-encoded PKCS#10 CSR data"),
            Column(
                "RequestedDuration",
                description="@certificates.v1.CertificateSigningRequestSpec.expirationSeconds",
            ),
            Column("Condition", description="Conditions applied to the request, such as approval or denial."),
        ),
        _signing_request,
    ),
    "ClusterRole": Printer(_ROLE_COLUMNS, _role),
    "ClusterRoleBinding": Printer(_CLUSTER_ROLE_BINDING, _binding),
    "Role": Printer(_ROLE_COLUMNS, _role),
    "RoleBinding": Printer(_ROLE_BINDING, _binding),
}
