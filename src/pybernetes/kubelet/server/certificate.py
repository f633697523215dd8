"""The certificate that the kubelet's server shows: signed by the cluster, with a stop-gap until that comes.

The request needs an approver, which needs the Node: so the server starts with a certificate of its own
making, asks beside that, and changes over without a new listener. Renewed when 80 % of its life is over.
"""

from __future__ import annotations

import asyncio
import logging
from datetime import timedelta
from pathlib import Path

from pybernetes.client.interface import Client
from pybernetes.kubelet import bootstrap
from pybernetes.kubelet.options import KubeletOptions
from pybernetes.lib.clock import Clock
from pybernetes.lib.tls import server_context

log = logging.getLogger(__name__)


class ServingCertificate:
    """`context` is what the listener uses; `keep` is the eternal task."""

    def __init__(self, client: Client, options: KubeletOptions, clock: Clock) -> None:
        self._client = client
        self._options = options
        self._clock = clock
        self._path = options.root / "pki" / "kubelet.pem"
        self._hosts = tuple(dict.fromkeys([options.host, *options.node_ips]))
        self.installed = asyncio.Event()
        """Set once a certificate that was asked for is in use."""
        ca = Path(options.client_ca) if options.client_ca else None
        if options.serving_certificate:
            self.signed = True
            self.context = server_context(
                Path(options.serving_certificate), Path(options.serving_key), client_ca=ca
            )
            return
        self.signed = self._good()
        if not self.signed:
            self._write_stop_gap()
        self.context = server_context(self._path, self._path, client_ca=ca)

    def _good(self) -> bool:
        known = bootstrap.read_certificate(self._path)
        return (
            known is not None
            and known.issuer != known.subject
            and self._clock.now() < known.not_valid_after_utc
            and set(self._hosts) <= _names(known)
        )

    def _write_stop_gap(self) -> None:
        from cryptography import x509
        from cryptography.hazmat.primitives import hashes, serialization
        from cryptography.hazmat.primitives.asymmetric import ec
        from cryptography.x509.oid import NameOID

        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"{self._options.node_name}@stop-gap")])
        now = self._clock.now()
        certificate = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(minutes=5))
            .not_valid_after(now + timedelta(days=365))
            .sign(key, hashes.SHA256())
        )
        pem = certificate.public_bytes(serialization.Encoding.PEM)
        key_pem = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        bootstrap.write_private(self._path, pem + key_pem)

    async def keep(self) -> None:
        """Ask for a signed certificate, use it, and ask again in time."""
        if self._options.serving_certificate:
            return
        while True:
            known = bootstrap.read_certificate(self._path)
            if self.signed and known is not None:
                due = bootstrap.renewal_time(known)
                await self._clock.sleep(min(max((due - self._clock.now()).total_seconds(), 1), 86400))
                if self._clock.now() < due:
                    continue
            try:
                certificate, key = await bootstrap.issue(
                    self._client, self._clock, bootstrap.SERVING_SIGNER, self._options.node_name, self._hosts
                )
            except bootstrap.BootstrapFailed as error:
                log.error("%s", error)
                await self._clock.sleep(300)
                continue
            bootstrap.write_private(self._path, certificate + key)
            self.context.load_cert_chain(self._path)
            self.signed = True
            self.installed.set()
            log.info("node %s has its serving certificate", self._options.node_name)


def _names(certificate: object) -> set[str]:
    from cryptography import x509

    assert isinstance(certificate, x509.Certificate)
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return set()
    found = set(names.get_values_for_type(x509.DNSName))
    return found | {str(one) for one in names.get_values_for_type(x509.IPAddress)}
