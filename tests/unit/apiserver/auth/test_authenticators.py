"""Certificates and tokens: whose they are, and what happens to bad ones."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from pybernetes.api.errors import Unauthorized
from pybernetes.apiserver.auth.authenticators import (
    Authenticators,
    BearerTokens,
    BootstrapTokens,
    StaticTokens,
)
from pybernetes.apiserver.auth.front_proxy import FrontProxies
from pybernetes.apiserver.auth.user import ANONYMOUS_USER
from pybernetes.apiserver.auth.x509 import ClientCertificates
from pybernetes.lib.http.messages import Headers, Peer, Request

NOW = datetime(2026, 1, 1, tzinfo=UTC)


class Authority:
    def __init__(self, name: str = "ca") -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self.certificate = self._builder(self.name, self.key.public_key()).sign(self.key, hashes.SHA256())

    def _builder(self, subject: x509.Name, key: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self.name)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(NOW - timedelta(days=1))
            .not_valid_after(NOW + timedelta(days=1))
        )

    @property
    def pem(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    def issue(
        self, user: str, *groups: str, usage: x509.ObjectIdentifier | None = ExtendedKeyUsageOID.CLIENT_AUTH
    ) -> bytes:
        names = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, group) for group in groups]
        subject = x509.Name([*names, x509.NameAttribute(NameOID.COMMON_NAME, user)])
        key = ec.generate_private_key(ec.SECP256R1())
        builder = self._builder(subject, key.public_key())
        if usage is not None:
            builder = builder.add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
        return builder.sign(self.key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)


CA = Authority()


def with_certificate(der: bytes) -> Request:
    return Request("GET", "/", peer=Peer(certificate=der))


def with_token(token: str) -> Request:
    return Request("GET", "/", Headers({"Authorization": f"Bearer {token}"}))


async def test_a_certificate_that_names_no_use_may_be_used_for_all() -> None:
    request = with_certificate(CA.issue("ann", usage=None))
    user = await ClientCertificates(CA.pem, lambda: NOW).authenticate(request)
    assert user is not None
    assert user.name == "ann"


async def test_certificate_gives_user_and_groups() -> None:
    user = await ClientCertificates(CA.pem, lambda: NOW).authenticate(
        with_certificate(CA.issue("system:node:a", "system:nodes"))
    )
    assert user is not None
    assert (user.name, user.groups, user.node_name) == (
        "system:node:a",
        ("system:nodes", "system:authenticated"),
        "a",
    )


async def test_certificate_of_another_authority_is_nobody() -> None:
    other = Authority("ca").issue("admin", "system:masters")
    assert await ClientCertificates(CA.pem, lambda: NOW).authenticate(with_certificate(other)) is None


async def test_expired_certificate_is_refused_even_when_known() -> None:
    moments = [NOW, NOW + timedelta(days=2)]
    certificates = ClientCertificates(CA.pem, lambda: moments[0])
    request = with_certificate(CA.issue("ann"))
    assert await certificates.authenticate(request)
    moments.pop(0)
    with pytest.raises(Unauthorized):
        await certificates.authenticate(request)


async def test_server_certificate_is_no_client() -> None:
    der = CA.issue("ann", usage=ExtendedKeyUsageOID.SERVER_AUTH)
    with pytest.raises(Unauthorized):
        await ClientCertificates(CA.pem, lambda: NOW).authenticate(with_certificate(der))


async def test_token_file(tmp_path: Path) -> None:
    file = tmp_path / "tokens.csv"
    file.write_text('secret,ann,1,"dev,ops"\n\nother,bob,2\n')
    tokens = StaticTokens.from_file(file)
    ann = await tokens.authenticate_token("secret")
    assert ann is not None and ann.groups == ("dev", "ops", "system:authenticated")
    assert await tokens.authenticate_token("wrong") is None


def test_token_file_with_a_short_line_names_it(tmp_path: Path) -> None:
    file = tmp_path / "tokens.csv"
    file.write_text("a,ann,1\nb,bob\n")
    with pytest.raises(ValueError, match=r"tokens\.csv:2: expected token,user,uid"):
        StaticTokens.from_file(file)


@pytest.mark.parametrize(
    ("token", "change", "known"),
    [
        ("abcdef.0123456789abcdef", {}, True),
        ("abcdef.0123456789abcdeX", {}, False),
        ("abcdef.0123456789abcdef", {"usage-bootstrap-authentication": "false"}, False),
        ("abcdef.0123456789abcdef", {"expiration": "2025-12-31T00:00:00Z"}, False),
        ("abcdef.0123456789abcdef", {"expiration": "2026-12-31T00:00:00Z"}, True),
        ("missin.0123456789abcdef", {}, False),
        ("not-a-token", {}, False),
    ],
)
async def test_bootstrap_tokens(token: str, change: dict[str, str], known: bool) -> None:
    data = {
        "token-id": "abcdef",
        "token-secret": "0123456789abcdef",
        "usage-bootstrap-authentication": "true",
        "auth-extra-groups": "system:bootstrappers:kubeadm:default-node-token,system:masters",
        **change,
    }

    async def secret(namespace: str, name: str) -> dict[str, str] | None:
        return data if (namespace, name) == ("kube-system", "bootstrap-token-abcdef") else None

    user = await BootstrapTokens(secret, lambda: "2026-01-01T00:00:00Z").authenticate_token(token)
    assert (user is not None) is known
    if user is not None:
        assert user.name == "system:bootstrap:abcdef"
        assert "system:masters" not in user.groups


async def test_unknown_token_is_unauthorized_and_none_is_anonymous(tmp_path: Path) -> None:
    chain = Authenticators([BearerTokens([StaticTokens({})])])
    assert await chain.authenticate(Request("GET", "/")) == ANONYMOUS_USER
    with pytest.raises(Unauthorized):
        await chain.authenticate(with_token("guess"))


async def test_nobody_in_particular_may_be_kept_out() -> None:
    with pytest.raises(Unauthorized):
        await Authenticators([], anonymous=False).authenticate(Request("GET", "/"))


async def test_a_good_credential_counts_beside_a_bad_one(tmp_path: Path) -> None:
    file = tmp_path / "tokens.csv"
    file.write_text("secret,ann,1\n")
    certificates = ClientCertificates(CA.pem, lambda: NOW + timedelta(days=2))
    chain = Authenticators([certificates, BearerTokens([StaticTokens.from_file(file)])])
    request = Request(
        "GET", "/", Headers({"Authorization": "Bearer secret"}), peer=Peer(certificate=CA.issue("bob"))
    )
    assert (await chain.authenticate(request)).name == "ann"


PROXY_CA = Authority("front-proxy-ca")
PROXY = PROXY_CA.issue("front-proxy-client")


def through(certificate: bytes, *headers: tuple[str, str]) -> Request:
    return Request("GET", "/", Headers(headers), peer=Peer(certificate=certificate))


def front_proxies(*names: str) -> Authenticators:
    proxies = FrontProxies(ClientCertificates(PROXY_CA.pem, lambda: NOW), names)
    return Authenticators([proxies, ClientCertificates(CA.pem, lambda: NOW)])


async def test_a_proxy_says_who_asks() -> None:
    request = through(
        PROXY,
        ("X-Remote-User", "ann"),
        ("X-Remote-Uid", "7"),
        ("X-Remote-Group", "dev"),
        ("X-Remote-Group", "ops"),
        ("X-Remote-Extra-Acme.com%2Fproject", "a"),
        ("X-Remote-Extra-Acme.com%2Fproject", "b"),
    )
    user = await front_proxies("front-proxy-client").authenticate(request)
    assert (user.name, user.uid, user.groups) == ("ann", "7", ("dev", "ops", "system:authenticated"))
    assert user.extra == (("acme.com/project", ("a", "b")),)


async def test_a_proxy_that_may_not_or_says_nobody_is_refused() -> None:
    headers = ("X-Remote-User", "ann")
    with pytest.raises(Unauthorized):
        await front_proxies("another").authenticate(through(PROXY, headers))
    with pytest.raises(Unauthorized):
        await front_proxies().authenticate(through(PROXY))
    assert (await front_proxies().authenticate(through(PROXY, headers))).name == "ann"


async def test_others_are_not_believed_who_they_say_they_are() -> None:
    request = through(CA.issue("bob"), ("X-Remote-User", "ann"), ("X-Remote-Group", "system:masters"))
    user = await front_proxies("front-proxy-client").authenticate(request)
    assert (user.name, user.groups) == ("bob", ("system:authenticated",))
    bare = Request("GET", "/", Headers({"X-Remote-User": "ann"}))
    assert await front_proxies().authenticate(bare) == ANONYMOUS_USER
