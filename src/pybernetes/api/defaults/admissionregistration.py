"""Defaults of webhook configurations and admission policies."""

from __future__ import annotations

from typing import Any

Object = dict[str, Any]


def _webhooks(configuration: Object) -> None:
    for webhook in configuration.get("webhooks") or ():
        webhook.setdefault("failurePolicy", "Fail")
        webhook.setdefault("timeoutSeconds", 10)
        _match(webhook, "rules")
        service = (webhook.get("clientConfig") or {}).get("service")
        if service is not None:
            service.setdefault("port", 443)


def _mutating_webhooks(configuration: Object) -> None:
    _webhooks(configuration)
    for webhook in configuration.get("webhooks") or ():
        webhook.setdefault("reinvocationPolicy", "Never")


def _match(holder: Object, *rule_fields: str) -> None:
    holder.setdefault("matchPolicy", "Equivalent")
    holder.setdefault("namespaceSelector", {})
    holder.setdefault("objectSelector", {})
    for field in rule_fields:
        for rule in holder.get(field) or ():
            rule.setdefault("scope", "*")


def _policy(policy: Object) -> None:
    spec = policy.setdefault("spec", {})
    spec.setdefault("failurePolicy", "Fail")
    constraints = spec.get("matchConstraints")
    if constraints is not None:
        _match(constraints, "resourceRules", "excludeResourceRules")


def _binding(binding: Object) -> None:
    resources = binding.setdefault("spec", {}).get("matchResources")
    if resources is not None:
        _match(resources, "resourceRules", "excludeResourceRules")


DEFAULTS = {
    "MutatingAdmissionPolicy": _policy,
    "MutatingAdmissionPolicyBinding": _binding,
    "MutatingWebhookConfiguration": _mutating_webhooks,
    "ValidatingAdmissionPolicy": _policy,
    "ValidatingAdmissionPolicyBinding": _binding,
    "ValidatingWebhookConfiguration": _webhooks,
}
