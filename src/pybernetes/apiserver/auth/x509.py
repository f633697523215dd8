"""Client certificates: the common name is the user, each organisation a group.

TLS has already checked that the peer owns the certificate and that some CA of the bundle signed it; here
it is tied to one of those CAs in particular: the client CA, or the front-proxy CA (`front_proxy.py`).
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from pybernetes.api.errors import Unauthorized
from pybernetes.apiserver.auth.user import AUTHENTICATED, User
from pybernetes.lib.http.messages import Request

CACHED = 4096
"""Certificates whose checks are remembered; a connection's certificate is looked at once, not at each request."""


class ClientCertificates:
    """Users by certificates of one CA bundle (PEM)."""

    def __init__(self, ca_pem: bytes, now: Callable[[], datetime]) -> None:
        self._authorities = x509.load_pem_x509_certificates(ca_pem)
        self._now = now
        self._known: dict[bytes, tuple[User, datetime] | None] = {}

    async def authenticate(self, request: Request) -> User | None:
        """None when there is no certificate, or another CA's. Raises Unauthorized for one that is no good."""
        der = request.peer.certificate
        if der is None:
            return None
        if der not in self._known:
            if len(self._known) >= CACHED:
                self._known.clear()
            self._known[der] = self._examine(der)
        known = self._known[der]
        if known is None:
            return None
        user, not_after = known
        if self._now() > not_after:
            raise Unauthorized("Unauthorized")
        return user

    def _examine(self, der: bytes) -> tuple[User, datetime] | None:
        """The certificate's user and its end; None when another CA signed it."""
        certificate = x509.load_der_x509_certificate(der)
        if not any(_signed_by(certificate, authority) for authority in self._authorities):
            return None
        if not _for_clients(certificate):
            raise Unauthorized("Unauthorized")
        names = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
        if not names:
            raise Unauthorized("Unauthorized")
        organisations = certificate.subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)
        groups = tuple(str(attribute.value) for attribute in organisations)
        return User(str(names[0].value), groups=(*groups, AUTHENTICATED)), certificate.not_valid_after_utc


def _signed_by(certificate: x509.Certificate, authority: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(authority)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


def _for_clients(certificate: x509.Certificate) -> bool:
    """Whether it says so, or says nothing about its use, which allows any (RFC 5280, 4.2.1.12)."""
    try:
        usage = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except x509.ExtensionNotFound:
        return True
    return any(
        use in (ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE) for use in usage
    )
