"""TLS for a client: PEM data or files in, an `ssl.SSLContext` out.

`load_cert_chain` reads files only, so embedded key material goes through a private temporary file that
is gone before the function returns.
"""

from __future__ import annotations

import os
import ssl
import tempfile


def client_context(
    *,
    ca_data: bytes | None = None,
    ca_file: str | None = None,
    certificate_data: bytes | None = None,
    certificate_file: str | None = None,
    key_data: bytes | None = None,
    key_file: str | None = None,
    verify: bool = True,
) -> ssl.SSLContext:
    """A context that trusts the given CA (the system's when none is given) and offers the given certificate.

    Raises `ssl.SSLError` or `OSError` for material that cannot be read.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    elif ca_data is not None:
        context.load_verify_locations(cadata=ca_data.decode())
    elif ca_file is not None:
        context.load_verify_locations(cafile=ca_file)
    else:
        context.load_default_certs()
    if certificate_data is not None or certificate_file is not None:
        _load_identity(context, certificate_data, certificate_file, key_data, key_file)
    return context


def _load_identity(
    context: ssl.SSLContext,
    certificate_data: bytes | None,
    certificate_file: str | None,
    key_data: bytes | None,
    key_file: str | None,
) -> None:
    if certificate_data is None and key_data is None and certificate_file is not None:
        context.load_cert_chain(certificate_file, key_file)
        return
    with tempfile.TemporaryDirectory(prefix="pybernetes-") as directory:
        certificate_path = _file(directory, "tls.crt", certificate_data, certificate_file)
        key_path = _file(directory, "tls.key", key_data, key_file)
        context.load_cert_chain(certificate_path, key_path or None)


def _file(directory: str, name: str, data: bytes | None, path: str | None) -> str:
    if data is None:
        return path or ""
    target = os.path.join(directory, name)
    with open(target, "wb", opener=lambda file, flags: os.open(file, flags, 0o600)) as file:
        file.write(data)
    return target
