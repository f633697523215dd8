"""The cluster's CA as a signer: a request and a duration in, a PEM certificate out."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pybernetes.controllers.certificates.requests import BACKDATE, Request

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cryptography import x509

_KEY_USAGES = {
    "digital signature": "digital_signature",
    "signing": "digital_signature",
    "content commitment": "content_commitment",
    "key encipherment": "key_encipherment",
    "data encipherment": "data_encipherment",
    "key agreement": "key_agreement",
    "cert sign": "key_cert_sign",
    "crl sign": "crl_sign",
    "encipher only": "encipher_only",
    "decipher only": "decipher_only",
}
_PURPOSES = {
    "any": "2.5.29.37.0",
    "server auth": "1.3.6.1.5.5.7.3.1",
    "client auth": "1.3.6.1.5.5.7.3.2",
    "code signing": "1.3.6.1.5.5.7.3.3",
    "email protection": "1.3.6.1.5.5.7.3.4",
    "s/mime": "1.3.6.1.5.5.7.3.4",
    "ipsec end system": "1.3.6.1.5.5.7.3.5",
    "ipsec tunnel": "1.3.6.1.5.5.7.3.6",
    "ipsec user": "1.3.6.1.5.5.7.3.7",
    "timestamping": "1.3.6.1.5.5.7.3.8",
    "ocsp signing": "1.3.6.1.5.5.7.3.9",
}


class Authority:
    """Reads certificate and key anew when the files change, so that a rotated CA is used at once."""

    def __init__(self, certificate_file: str, key_file: str) -> None:
        self._files = (Path(certificate_file), Path(key_file))
        self._stamp: tuple[int, ...] = ()
        self._loaded: tuple[x509.Certificate, Any] | None = None

    def _load(self) -> tuple[x509.Certificate, Any]:
        from cryptography import x509
        from cryptography.hazmat.primitives.serialization import load_pem_private_key

        stamp = tuple(one.stat().st_mtime_ns for one in self._files)
        if self._loaded is None or stamp != self._stamp:
            certificate = x509.load_pem_x509_certificate(self._files[0].read_bytes())
            key = load_pem_private_key(self._files[1].read_bytes(), None)
            self._loaded, self._stamp = (certificate, key), stamp
        return self._loaded

    def sign(self, request: Request, usages: Iterable[str], lifetime: timedelta, now: datetime) -> bytes:
        """Subject, names and key are the request's; no certificate outlives the CA. Raises OSError, ValueError."""
        from cryptography import x509
        from cryptography.hazmat.primitives import hashes
        from cryptography.hazmat.primitives.serialization import Encoding

        authority, key = self._load()
        parsed = request.parsed
        wanted = frozenset(usages)
        builder = (
            x509.CertificateBuilder()
            .subject_name(parsed.subject)
            .issuer_name(authority.subject)
            .public_key(parsed.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - BACKDATE)
            .not_valid_after(min(now - BACKDATE + lifetime, authority.not_valid_after_utc))
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_key_usage(wanted), critical=True)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key()), critical=False
            )
        )
        purposes = [_PURPOSES[one] for one in sorted(wanted) if one in _PURPOSES]
        if purposes:
            extended = x509.ExtendedKeyUsage([x509.ObjectIdentifier(one) for one in purposes])
            builder = builder.add_extension(extended, critical=False)
        if request.dns_names or request.addresses or request.emails or request.uris:
            names = parsed.extensions.get_extension_for_class(x509.SubjectAlternativeName)
            builder = builder.add_extension(names.value, critical=names.critical)
        return builder.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM)


def _key_usage(usages: frozenset[str]) -> x509.KeyUsage:
    from cryptography import x509

    flags = dict.fromkeys(_KEY_USAGES.values(), False)
    for usage in usages:
        if usage in _KEY_USAGES:
            flags[_KEY_USAGES[usage]] = True
    if not flags["key_agreement"]:
        flags["encipher_only"] = flags["decipher_only"] = False
    return x509.KeyUsage(**flags)
