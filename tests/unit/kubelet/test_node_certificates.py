"""Certificates for nodes: requested, waited for, written, renewed."""

from __future__ import annotations

import asyncio
import base64
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from pybernetes.api.errors import ServiceUnavailable
from pybernetes.client.interface import WatchEvent
from pybernetes.kubelet import bootstrap
from pybernetes.lib.clock import VirtualClock

NOW = datetime(2026, 1, 1, tzinfo=UTC)


class Signer:
    """An API that signs each request a little later, or denies it."""

    def __init__(self, denied=False):
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.denied = denied
        self.requests = []
        self.errors = []
        self.life = timedelta(days=100)
        self.clock = None

    def sign(self, request):
        asked = x509.load_pem_x509_csr(base64.b64decode(request))
        now = self.clock.now() if self.clock else NOW
        issuer = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "ca")])
        made = (
            x509.CertificateBuilder()
            .subject_name(asked.subject)
            .issuer_name(issuer)
            .public_key(asked.public_key())
            .serial_number(1)
            .not_valid_before(now)
            .not_valid_after(now + self.life)
            .sign(self.key, hashes.SHA256())
        )
        return made.public_bytes(serialization.Encoding.PEM)

    async def create(self, kind, obj):
        if self.errors:
            raise self.errors.pop(0)
        self.requests.append(obj)
        return obj

    async def get(self, kind, namespace, name):
        return {**self.requests[-1], "metadata": {"name": name, "resourceVersion": "1"}}

    async def watch(self, kind, **_):
        obj = self.requests[-1]
        if self.denied:
            status = {"conditions": [{"type": "Denied", "message": "never"}]}
        else:
            status = {"certificate": base64.b64encode(self.sign(obj["spec"]["request"])).decode()}
        yield WatchEvent("MODIFIED", {**obj, "status": status})

    async def close(self):
        return None


async def test_a_node_asks_for_its_own_name_and_gets_a_certificate():
    signer = Signer()
    certificate, key = await bootstrap.issue(signer, VirtualClock(NOW), bootstrap.CLIENT_SIGNER, "n1")
    names = x509.load_pem_x509_certificate(certificate).subject
    assert names.rfc4514_string() == "CN=system:node:n1,O=system:nodes"
    assert b"PRIVATE KEY" in key
    spec = signer.requests[0]["spec"]
    assert spec["usages"] == ["digital signature", "client auth"]


async def test_a_serving_request_names_its_hosts():
    signer = Signer()
    await bootstrap.issue(signer, VirtualClock(NOW), bootstrap.SERVING_SIGNER, "n1", ("n1", "10.0.0.1"))
    asked = x509.load_pem_x509_csr(base64.b64decode(signer.requests[0]["spec"]["request"]))
    found = asked.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert found.get_values_for_type(x509.DNSName) == ["n1"]
    assert [str(one) for one in found.get_values_for_type(x509.IPAddress)] == ["10.0.0.1"]


async def test_a_denial_says_what_to_do():
    with pytest.raises(bootstrap.BootstrapFailed, match="denied: never; see kubectl get csr"):
        await bootstrap.issue(Signer(denied=True), VirtualClock(NOW), bootstrap.CLIENT_SIGNER, "n1")


async def test_an_api_that_is_not_there_yet_is_asked_again():
    signer, clock = Signer(), VirtualClock(NOW)
    signer.errors = [ServiceUnavailable("not yet"), ServiceUnavailable("not yet")]
    task = asyncio.ensure_future(bootstrap.issue(signer, clock, bootstrap.CLIENT_SIGNER, "n1"))
    await clock.advance(2)
    assert task.done()


async def test_without_a_token_nothing_can_be_asked_for(tmp_path):
    with pytest.raises(bootstrap.BootstrapFailed, match="give it a token"):
        await bootstrap.ensure_client_certificate(
            server="https://x",
            ca=tmp_path / "ca",
            token="",
            node_name="n1",
            folder=tmp_path,
            kubeconfig=tmp_path / "k",
            clock=VirtualClock(NOW),
        )


async def test_the_certificate_is_renewed_when_four_fifths_of_its_life_are_over(tmp_path):
    signer, clock = Signer(), VirtualClock(NOW)
    signer.clock = clock
    ca = tmp_path / "ca.crt"
    ca.write_text("CA")
    kubeconfig = tmp_path / "kubeconfig"
    certificate, key = await bootstrap.issue(signer, clock, bootstrap.CLIENT_SIGNER, "n1")
    bootstrap.write_identity("https://x", ca, "n1", certificate, key, tmp_path, kubeconfig)
    assert kubeconfig.stat().st_mode & 0o777 == 0o600
    before = kubeconfig.read_bytes()
    renewals = []
    task = asyncio.ensure_future(
        bootstrap.keep_client_certificate(
            signer,
            server="https://x",
            ca=ca,
            node_name="n1",
            folder=tmp_path,
            kubeconfig=kubeconfig,
            clock=clock,
            renewed=lambda: renewals.append(clock.now()),
        )
    )
    await clock.advance(79 * 86400)
    assert not renewals
    await clock.advance(2 * 86400)
    assert len(renewals) == 1
    assert kubeconfig.read_bytes() != before
    task.cancel()
