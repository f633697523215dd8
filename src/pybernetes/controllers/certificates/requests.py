"""What a CertificateSigningRequest asks for, and whether its signer may grant it. Pure.

In: the request as in the API. Out: a `Request`, or the reason why it is not one for the signer that it names.
Source: https://kubernetes.io/docs/reference/access-authn-authz/certificate-signing-requests/#kubernetes-signers
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from pybernetes.api.times import format_time
from pybernetes.client.interface import Object

if TYPE_CHECKING:
    from cryptography import x509

KUBE_APISERVER_CLIENT = "kubernetes.io/kube-apiserver-client"
KUBELET_CLIENT = "kubernetes.io/kube-apiserver-client-kubelet"
KUBELET_SERVING = "kubernetes.io/kubelet-serving"
LEGACY_UNKNOWN = "kubernetes.io/legacy-unknown"
SIGNERS = frozenset((KUBE_APISERVER_CLIENT, KUBELET_CLIENT, KUBELET_SERVING, LEGACY_UNKNOWN))

NODES_GROUP = "system:nodes"
NODE_PREFIX = "system:node:"

SIGNATURE, ENCIPHERMENT = "digital signature", "key encipherment"
CLIENT_AUTH, SERVER_AUTH = "client auth", "server auth"

SHORTEST = timedelta(minutes=10)
BACKDATE = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Request:
    """The parts of a PKCS#10 request that matter here."""

    common_name: str
    organizations: tuple[str, ...]
    dns_names: tuple[str, ...]
    addresses: tuple[str, ...]
    emails: tuple[str, ...]
    uris: tuple[str, ...]
    parsed: x509.CertificateSigningRequest


def parse(csr: Object) -> Request:
    """Raises ValueError when `spec.request` is not a PEM-encoded, properly signed PKCS#10 request."""
    from cryptography import x509
    from cryptography.x509.oid import NameOID

    try:
        pem = base64.b64decode(csr["spec"].get("request") or "", validate=True)
    except binascii.Error as error:
        raise ValueError(f"spec.request is not base64: {error}") from error
    parsed = x509.load_pem_x509_csr(pem)
    if not parsed.is_signature_valid:
        raise ValueError("the request is not signed with its own key")

    def texts(oid: x509.ObjectIdentifier) -> tuple[str, ...]:
        return tuple(str(one.value) for one in parsed.subject.get_attributes_for_oid(oid))

    try:
        names = parsed.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        names = None
    common = texts(NameOID.COMMON_NAME)
    return Request(
        common[-1] if common else "",
        texts(NameOID.ORGANIZATION_NAME),
        tuple(names.get_values_for_type(x509.DNSName)) if names else (),
        tuple(str(one) for one in names.get_values_for_type(x509.IPAddress)) if names else (),
        tuple(names.get_values_for_type(x509.RFC822Name)) if names else (),
        tuple(names.get_values_for_type(x509.UniformResourceIdentifier)) if names else (),
        parsed,
    )


def usages_of(csr: Object) -> frozenset[str]:
    return frozenset(csr["spec"].get("usages") or ())


def _usages_are(csr: Object, purpose: str) -> bool:
    usages = usages_of(csr)
    return usages in (
        frozenset((SIGNATURE, ENCIPHERMENT, purpose)),
        frozenset((SIGNATURE, purpose)),
    )


def refusal(csr: Object, request: Request) -> str:
    """Why the named signer cannot sign this; "" when it can."""
    match csr["spec"].get("signerName"):
        case "kubernetes.io/kube-apiserver-client":
            return _client_refusal(csr)
        case "kubernetes.io/kube-apiserver-client-kubelet":
            return _kubelet_client_refusal(csr, request)
        case "kubernetes.io/kubelet-serving":
            return _kubelet_serving_refusal(csr, request)
    return ""


def _client_refusal(csr: Object) -> str:
    usages = usages_of(csr)
    if CLIENT_AUTH not in usages or usages - {SIGNATURE, ENCIPHERMENT, CLIENT_AUTH}:
        return f"invalid usage for client certificate: {', '.join(sorted(usages))}"
    return ""


def _kubelet_subject_refusal(request: Request) -> str:
    if request.organizations != (NODES_GROUP,):
        return "subject organization is not system:nodes"
    if not request.common_name.startswith(NODE_PREFIX):
        return "subject common name does not begin with system:node:"
    return ""


def _kubelet_client_refusal(csr: Object, request: Request) -> str:
    subject = _kubelet_subject_refusal(request)
    if subject:
        return subject
    for names, what in (
        (request.dns_names, "DNS"),
        (request.emails, "Email"),
        (request.addresses, "IP"),
        (request.uris, "URI"),
    ):
        if names:
            return f"{what} subjectAltNames are not allowed"
    if not _usages_are(csr, CLIENT_AUTH):
        return "usages did not match [client auth digital signature key encipherment]"
    return ""


def _kubelet_serving_refusal(csr: Object, request: Request) -> str:
    subject = _kubelet_subject_refusal(request)
    if subject:
        return subject
    if request.emails:
        return "Email subjectAltNames are not allowed"
    if request.uris:
        return "URI subjectAltNames are not allowed"
    if not request.dns_names and not request.addresses:
        return "DNS or IP subjectAltName is required"
    if not _usages_are(csr, SERVER_AUTH):
        return "usages did not match [digital signature key encipherment server auth]"
    return ""


def conditions_of(csr: Object) -> list[dict[str, Any]]:
    return list((csr.get("status") or {}).get("conditions") or ())


def has_condition(csr: Object, *types: str) -> bool:
    return any(one.get("type") in types for one in conditions_of(csr))


def is_issued(csr: Object) -> bool:
    return bool((csr.get("status") or {}).get("certificate"))


def with_condition(csr: Object, type: str, reason: str, message: str, now: datetime) -> dict[str, Any]:
    """The status with one condition more."""
    moment = format_time(now)
    added = {
        "type": type,
        "status": "True",
        "reason": reason,
        "message": message,
        "lastUpdateTime": moment,
        "lastTransitionTime": moment,
    }
    return {**(csr.get("status") or {}), "conditions": [*conditions_of(csr), added]}


def lifetime(csr: Object, longest: float) -> timedelta:
    """How long the certificate is to be valid: as asked, within limits."""
    asked = csr["spec"].get("expirationSeconds")
    limit = timedelta(seconds=longest)
    if asked is None:
        return limit
    return max(SHORTEST, min(timedelta(seconds=int(asked)), limit))


def access_review(csr: Object, subresource: str) -> Object:
    """The question whether the requester may have such a certificate without anybody looking."""
    spec = csr["spec"]
    asked: Object = {
        "resourceAttributes": {
            "group": "certificates.k8s.io",
            "resource": "certificatesigningrequests",
            "verb": "create",
            "subresource": subresource,
        }
    }
    for field in ("uid", "groups", "extra"):
        if spec.get(field):
            asked[field] = spec[field]
    if spec.get("username"):
        asked["user"] = spec["username"]
    return {"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview", "spec": asked}


def approvals(csr: Object, request: Request) -> Iterable[tuple[str, str]]:
    """(subresource to be reviewed, message of the approval) for the rules that recognise this request."""
    if csr["spec"].get("signerName") != KUBELET_CLIENT or _kubelet_client_refusal(csr, request):
        return
    if csr["spec"].get("username") == request.common_name:
        yield (
            "selfnodeclient",
            "Auto approving self kubelet client certificate after SubjectAccessReview.",
        )
    yield "nodeclient", "Auto approving kubelet client certificate after SubjectAccessReview."
