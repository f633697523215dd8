"""Requests for certificates: signer, usages, and who may write which condition through which door."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable
from typing import Any

from pybernetes.api.fields import (
    ROOT,
    SPEC,
    STATUS,
    FieldError,
    duplicate,
    forbidden,
    go_quote,
    invalid,
    not_supported,
    required,
    too_long,
)
from pybernetes.api.names import is_dns1123_label, is_dns1123_subdomain

Object = dict[str, Any]

LEGACY_SIGNER = "kubernetes.io/legacy-unknown"
_SHORTEST = 600
_USAGES = (
    "any",
    "cert sign",
    "client auth",
    "code signing",
    "content commitment",
    "crl sign",
    "data encipherment",
    "decipher only",
    "digital signature",
    "email protection",
    "encipher only",
    "ipsec end system",
    "ipsec tunnel",
    "ipsec user",
    "key agreement",
    "key encipherment",
    "microsoft sgc",
    "netscape sgc",
    "ocsp signing",
    "s/mime",
    "server auth",
    "signing",
    "timestamping",
)
_DECISIONS = ("Approved", "Denied")
_ONLY_TRUE = frozenset(("Approved", "Denied", "Failed"))
_PEM_BLOCK = re.compile(rb"-----BEGIN ([^-\n]+)-----")
_LONGEST_DOMAIN = 253


def signing_request(obj: Object) -> list[FieldError]:
    spec = obj.get("spec") or {}
    errors: list[FieldError] = []
    usages, where = spec.get("usages") or [], SPEC.child("usages")
    if not usages:
        errors.append(required(where))
    errors.extend(
        not_supported(where.at(at), one, _USAGES) for at, one in enumerate(usages) if one not in _USAGES
    )
    errors.extend(duplicate(where.at(at), one) for at, one in enumerate(usages) if one in usages[:at])
    errors.extend(_signer(spec.get("signerName") or ""))
    seconds = spec.get("expirationSeconds")
    if seconds is not None and seconds < _SHORTEST:
        why = "may not specify a duration less than 600 seconds (10 minutes)"
        errors.append(invalid(SPEC.child("expirationSeconds"), seconds, why))
    why = _request_fault(spec.get("request") or "")
    if why:
        errors.append(invalid(SPEC.child("request"), spec.get("request"), why))
    return errors


def _signer(signer: str) -> list[FieldError]:
    where = SPEC.child("signerName")
    if not signer:
        return [required(where)]
    if signer == LEGACY_SIGNER:
        return [invalid(where, signer, "the legacy signerName is not allowed via this API version")]
    if signer.count("/") != 1:
        why = "must be a fully qualified domain and path of the form 'example.com/signer-name'"
        return [invalid(where, signer, why)]
    domain, _, name = signer.partition("/")
    errors = [too_long(where, _LONGEST_DOMAIN)] if len(domain) > _LONGEST_DOMAIN else []
    errors.extend(_labels(domain, is_dns1123_label))
    if "." not in domain:
        errors.append(
            invalid(where, domain, "should be a domain with at least two segments separated by dots")
        )
    return errors + _labels(name, is_dns1123_subdomain)


def _labels(text: str, rule: Callable[[str], list[str]]) -> list[FieldError]:
    """What is wrong with the first bad part of a dotted name."""
    for label in text.split("."):
        wrong = rule(label)
        if wrong:
            where = SPEC.child("signerName")
            return [invalid(where, text, f"validating label {go_quote(label)}: {why}") for why in wrong]
    return []


def _request_fault(text: str) -> str:
    from cryptography import x509

    try:
        data = base64.b64decode(text)
        if b"-----BEGIN CERTIFICATE REQUEST-----" in data:
            x509.load_pem_x509_csr(data)
            return ""
    except (binascii.Error, ValueError) as error:
        return f"asn1: structure error: {error}"
    return "PEM block type must be CERTIFICATE REQUEST"


def update_signing_request(new: Object, old: Object, subresource: str) -> list[FieldError]:
    after, before = new.get("status") or {}, old.get("status") or {}
    conditions, earlier = after.get("conditions") or [], before.get("conditions") or []
    errors = _conditions(conditions, earlier)
    where = STATUS.child("conditions")
    for kind in ("Approved", "Denied", "Failed"):
        if len(_of(kind, conditions)) < len(_of(kind, earlier)):
            errors.append(forbidden(where, f'updates may not remove a condition of type "{kind}"'))
    if subresource != "approval":
        for kind in _DECISIONS:
            now, then = _of(kind, conditions), _of(kind, earlier)
            if len(now) > len(then):
                errors.append(forbidden(where, f'updates may not add a condition of type "{kind}"'))
            elif len(now) == len(then) and now != then:
                errors.append(forbidden(where, f'updates may not modify a condition of type "{kind}"'))
    return errors + _certificate(after, before, subresource)


def _of(kind: str, conditions: list[Object]) -> list[Object]:
    return [one for one in conditions if one.get("type") == kind]


def _conditions(conditions: list[Object], earlier: list[Object]) -> list[FieldError]:
    errors: list[FieldError] = []
    where = ROOT.child("status", "conditions")
    kinds = [one.get("type") or "" for one in conditions]
    before = [one.get("type") or "" for one in earlier]
    for at, condition in enumerate(conditions):
        kind, status = kinds[at], condition.get("status") or ""
        if not kind:
            errors.append(required(where.at(at).child("type")))
        allowed = ("True",) if kind in _ONLY_TRUE else ("False", "True", "Unknown")
        if not status:
            errors.append(required(where.at(at).child("status")))
        elif status not in allowed:
            errors.append(not_supported(where.at(at).child("status"), status, allowed))
        if (
            kind in _DECISIONS
            and set(_DECISIONS) <= set(kinds[: at + 1])
            and not set(_DECISIONS) <= set(before)
        ):
            why = "Approved and Denied conditions are mutually exclusive"
            errors.append(invalid(where, kind, why))
        if kind in kinds[:at] and len(set(before)) == len(before):
            errors.append(duplicate(where.at(at).child("type"), kind))
    return errors


def _certificate(after: Object, before: Object, subresource: str) -> list[FieldError]:
    new, old = after.get("certificate") or "", before.get("certificate") or ""
    where = STATUS.child("certificate")
    if new == old:
        return []
    if subresource != "status":
        return [forbidden(where, "updates may not set certificate content")]
    if old:
        return [forbidden(where, "updates may not modify existing certificate content")]
    why = _certificate_fault(base64.b64decode(new))
    return [invalid(where, "<certificate data>", why)] if why else []


def _certificate_fault(data: bytes) -> str:
    from cryptography import x509

    kinds = [one.decode("latin-1") for one in _PEM_BLOCK.findall(data)]
    if not kinds:
        return "must contain at least one CERTIFICATE PEM block"
    for kind in kinds:
        if kind != "CERTIFICATE":
            return f"only CERTIFICATE PEM blocks are allowed, found {go_quote(kind)}"
    try:
        x509.load_pem_x509_certificates(data)
    except ValueError as error:
        return str(error)
    return ""


CREATE = {"CertificateSigningRequest": signing_request}
UPDATE = {"CertificateSigningRequest": update_signing_request}
