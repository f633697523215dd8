"""Certificate plugins: who may approve and sign for a signer, and that nobody asks for system:masters.

https://kubernetes.io/docs/reference/access-authn-authz/certificate-signing-requests/#authorization
"""

from __future__ import annotations

import base64
import binascii
from typing import Any

from pybernetes.api.errors import forbidden
from pybernetes.api.kinds import CERTIFICATE_SIGNING_REQUESTS as REQUESTS
from pybernetes.apiserver.admission.lookups import creates
from pybernetes.apiserver.auth.attributes import Attributes
from pybernetes.apiserver.auth.user import MASTERS
from pybernetes.apiserver.writes import UPDATE, Write

_CLIENT_SIGNER = "kubernetes.io/kube-apiserver-client"


async def approval(write: Write) -> None:
    """CertificateApproval"""
    if write.resource.kind is REQUESTS and write.subresource == "approval" and write.operation == UPDATE:
        await _require(write, "approve")


async def signing(write: Write) -> None:
    """CertificateSigning"""
    if write.resource.kind is not REQUESTS or write.subresource != "status" or write.operation != UPDATE:
        return
    new, old = write.object.get("status") or {}, write.previous.get("status") or {}
    if new.get("certificate") != old.get("certificate"):
        await _require(write, "sign")


async def _require(write: Write, verb: str) -> None:
    """The right for this very signer, or for all of its domain."""
    signer = (write.previous.get("spec") or {}).get("signerName", "")
    domain = signer.partition("/")[0]
    for name in (signer, f"{domain}/*"):
        asked = Attributes(verb, REQUESTS.group, "*", "signers", name=name)
        allowed, _ = await write.server.authorizers.authorize(write.user, asked)
        if allowed:
            return
    doing = {"approve": "approve", "sign": "sign"}[verb]
    raise forbidden(
        REQUESTS, write.name, f'user not permitted to {doing} requests with signerName "{signer}"'
    )


async def subject_restriction(write: Write) -> None:
    """CertificateSubjectRestriction"""
    if not creates(write, REQUESTS):
        return
    spec = write.object.get("spec") or {}
    if spec.get("signerName") != _CLIENT_SIGNER:
        return
    if MASTERS in _organizations(spec.get("request", "")):
        raise forbidden(
            REQUESTS,
            write.name,
            f"use of {_CLIENT_SIGNER} signer with system:masters group is not allowed",
        )


def _organizations(request: str) -> list[Any]:
    """Of a request that can be read; validation says when one cannot."""
    from cryptography import x509
    from cryptography.x509.oid import NameOID

    try:
        parsed = x509.load_pem_x509_csr(base64.b64decode(request))
    except (ValueError, binascii.Error):
        return []
    return [one.value for one in parsed.subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)]
