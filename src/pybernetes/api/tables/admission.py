"""How webhook configurations and admission policies are shown."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pybernetes.api.tables.columns import AGE, NAME, UNSET, Cells, Column, Printer, age_of, name_of

Object = dict[str, Any]


def _webhooks(obj: Object, now: datetime) -> Cells:
    return [name_of(obj), len(obj.get("webhooks") or ()), age_of(obj, now)]


def _policy(field: str, obj: Object, now: datetime) -> Cells:
    spec = obj.get("spec") or {}
    kind = spec.get("paramKind")
    shown = f"{kind.get('apiVersion', '')}/{kind.get('kind', '')}" if kind else UNSET
    return [name_of(obj), len(spec.get(field) or ()), shown, age_of(obj, now)]


def _validating_policy(obj: Object, now: datetime) -> Cells:
    return _policy("validations", obj, now)


def _mutating_policy(obj: Object, now: datetime) -> Cells:
    return _policy("mutations", obj, now)


def _binding(obj: Object, now: datetime) -> Cells:
    spec = obj.get("spec") or {}
    reference = spec.get("paramRef")
    shown = UNSET
    if reference:
        if reference.get("name"):
            namespace = reference.get("namespace")
            shown = f"{namespace}/{reference['name']}" if namespace else f"*/{reference['name']}"
        else:
            shown = "*"
    return [name_of(obj), spec.get("policyName", ""), shown, age_of(obj, now)]


_WEBHOOKS = (
    NAME,
    Column(
        "Webhooks", "integer", "Webhooks indicates the number of webhooks registered in this configuration"
    ),
    AGE,
)
_PARAM_KIND = Column(
    "ParamKind", description="ParamKind specifies the kind of resources used to parameterize this policy"
)
_BINDINGS = (
    NAME,
    Column(
        "PolicyName",
        description="PolicyName indicates the policy definition which the policy binding binded to",
    ),
    Column(
        "ParamRef", description="ParamRef indicates the param resource which sets the configuration param"
    ),
    AGE,
)

PRINTERS = {
    "MutatingAdmissionPolicy": Printer(
        (
            NAME,
            Column(
                "Mutations",
                "integer",
                "Mutation indicates the number of mutations rules defined in this configuration",
            ),
            _PARAM_KIND,
            AGE,
        ),
        _mutating_policy,
    ),
    "MutatingAdmissionPolicyBinding": Printer(_BINDINGS, _binding),
    "MutatingWebhookConfiguration": Printer(_WEBHOOKS, _webhooks),
    "ValidatingAdmissionPolicy": Printer(
        (
            NAME,
            Column(
                "Validations",
                "integer",
                "Validations indicates the number of validation rules defined in this configuration",
            ),
            _PARAM_KIND,
            AGE,
        ),
        _validating_policy,
    ),
    "ValidatingAdmissionPolicyBinding": Printer(_BINDINGS, _binding),
    "ValidatingWebhookConfiguration": Printer(_WEBHOOKS, _webhooks),
}
