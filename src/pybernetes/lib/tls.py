"""TLS contexts for both ends, from PEM text or PEM files.

Servers may ask for a client certificate without requiring one; a certificate that no given CA signed is
refused in the handshake. ALPN offers http/1.1 only.
"""

from __future__ import annotations

import os
import ssl
import tempfile
from pathlib import Path

Pem = str | bytes | Path
"""PEM text, or the path of a file of it: a `Path`, or a `str` without a BEGIN line."""


def server_context(certificate: Pem, key: Pem, *, client_ca: Pem | None = None) -> ssl.SSLContext:
    """For a listener. With `client_ca` (one or more CA certificates), clients may offer a certificate of theirs."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    _harden(context)
    _load_pair(context, certificate, key)
    if client_ca is not None:
        context.load_verify_locations(cadata=pem_text(client_ca))
        context.verify_mode = ssl.CERT_OPTIONAL
    # Resuming a session would not check the client's certificate again: no tickets, no resumption.
    context.num_tickets = 0
    context.options |= ssl.OP_NO_TICKET
    return context


def client_context(
    *,
    ca: Pem | None = None,
    certificate: Pem | None = None,
    key: Pem | None = None,
    verify: bool = True,
    check_hostname: bool = True,
) -> ssl.SSLContext:
    """For a dialled connection. Without `ca` the system's CAs are trusted; `verify=False` trusts anybody."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    _harden(context)
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    elif ca is not None:
        context.check_hostname = check_hostname
        context.load_verify_locations(cadata=pem_text(ca))
    else:
        context.check_hostname = check_hostname
        context.load_default_certs()
    if certificate is not None and key is not None:
        _load_pair(context, certificate, key)
    return context


def pem_text(pem: Pem) -> str:
    """The text of a PEM that is given in any form."""
    if isinstance(pem, Path):
        return pem.read_text()
    text = pem.decode("ascii") if isinstance(pem, bytes) else pem
    return text if "-----BEGIN" in text else Path(text).read_text()


def _harden(context: ssl.SSLContext) -> None:
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])


def _load_pair(context: ssl.SSLContext, certificate: Pem, key: Pem) -> None:
    """OpenSSL's binding reads a key from a file only: PEM text goes through one that only we can read."""
    with tempfile.TemporaryDirectory(prefix="tls-") as folder:
        names = []
        for name, pem in (("certificate", certificate), ("key", key)):
            path = os.path.join(folder, name)
            with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
                file.write(pem_text(pem))
            names.append(path)
        context.load_cert_chain(*names)
