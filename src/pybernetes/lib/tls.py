"""TLS contexts for both ends, from PEM data or PEM files.

Servers may ask for a client certificate without requiring one; a certificate that no given CA signed is
refused in the handshake. ALPN offers http/1.1 only. What cannot be read or is no PEM is an `OSError`
(`ssl.SSLError` is one) or a `ValueError`.
"""

from __future__ import annotations

import os
import ssl
import tempfile
from pathlib import Path

Pem = str | bytes | Path
"""PEM text, or the path of a file of it."""


def server_context(certificate: Pem, key: Pem, *, client_ca: Pem | None = None) -> ssl.SSLContext:
    """For a listener. With `client_ca` (one or more CA certificates), clients may offer a certificate of theirs."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    _harden(context)
    _load_pair(context, certificate, key)
    if client_ca is not None:
        _trust(context, client_ca)
        context.verify_mode = ssl.CERT_OPTIONAL
    # Resuming a session would not check the client's certificate again: no tickets, no resumption.
    context.num_tickets = 0
    context.options |= ssl.OP_NO_TICKET
    return context


def client_context(
    *, ca: Pem | None = None, certificate: Pem | None = None, key: Pem | None = None, verify: bool = True
) -> ssl.SSLContext:
    """For a dialled connection. Without `ca` the system's CAs are trusted; `verify=False` trusts anybody.

    Without `key` the certificate's own file or text has to hold it.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    _harden(context)
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    elif ca is not None:
        _trust(context, ca)
    else:
        context.load_default_certs()
    if certificate is not None:
        _load_pair(context, certificate, key)
    return context


def _harden(context: ssl.SSLContext) -> None:
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])


def _trust(context: ssl.SSLContext, ca: Pem) -> None:
    if isinstance(ca, Path):
        context.load_verify_locations(cafile=ca)
    else:
        context.load_verify_locations(cadata=ca.decode("ascii") if isinstance(ca, bytes) else ca)


def _load_pair(context: ssl.SSLContext, certificate: Pem, key: Pem | None) -> None:
    """OpenSSL's binding reads a key from a file only: PEM text goes through one that only we can read."""
    if isinstance(certificate, Path) and (key is None or isinstance(key, Path)):
        context.load_cert_chain(certificate, key)
        return
    with tempfile.TemporaryDirectory(prefix="tls-") as folder:
        certificate_file = _file(folder, "certificate", certificate)
        context.load_cert_chain(certificate_file, _file(folder, "key", key) if key is not None else None)


def _file(folder: str, name: str, pem: Pem) -> str | Path:
    if isinstance(pem, Path):
        return pem
    path = os.path.join(folder, name)
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(pem.encode() if isinstance(pem, str) else pem)
    return path
