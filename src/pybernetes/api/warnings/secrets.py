"""Secrets: a certificate and key that do not serve."""

from __future__ import annotations

import base64
from typing import Any

Object = dict[str, Any]


def secret(new: Object, old: Object | None) -> list[str]:
    if new.get("type") != "kubernetes.io/tls":
        return []
    data = new.get("data") or {}
    certificate, key = (base64.b64decode(data.get(field) or "") for field in ("tls.crt", "tls.key"))
    why = _pair_fault(certificate, key)
    return [why] if why else []


def _pair_fault(certificate: bytes, key: bytes) -> str:
    """What keeps the two from serving TLS, in the words of Go's library; "" when nothing does."""
    if b"-----BEGIN" not in certificate:
        return "tls: failed to find any PEM data in certificate input"
    if b"-----BEGIN CERTIFICATE-----" not in certificate:
        if b"PRIVATE KEY-----" in certificate and b"-----BEGIN CERTIFICATE-----" in key:
            return (
                "tls: failed to find certificate PEM data in certificate input, but did find a private key; PEM "
                "inputs may have been switched"
            )
        return "tls: failed to find certificate PEM data in certificate input"
    if b"-----BEGIN" not in key:
        return "tls: failed to find any PEM data in key input"
    if b"PRIVATE KEY-----" not in key:
        if b"-----BEGIN CERTIFICATE-----" in key:
            return "tls: found a certificate rather than a key in the PEM for the private key"
        return 'tls: failed to find PEM block with type ending in "PRIVATE KEY" in key input'
    return _mismatch(certificate, key)


def _mismatch(certificate: bytes, key: bytes) -> str:
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

    try:
        public = x509.load_pem_x509_certificates(certificate)[0].public_key()
        private = load_pem_private_key(key, None).public_key()
    except (ValueError, TypeError):
        return ""
    form = Encoding.DER, PublicFormat.SubjectPublicKeyInfo
    if public.public_bytes(*form) == private.public_bytes(*form):
        return ""
    if type(public) is not type(private):
        return "tls: private key type does not match public key type"
    return "tls: private key does not match public key"
