"""Certificates for kubelets, service accounts and tokens, on a fake API and virtual time."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from pybernetes.api.kinds import (
    CERTIFICATE_SIGNING_REQUESTS,
    CONFIG_MAPS,
    NAMESPACES,
    SECRETS,
    SERVICE_ACCOUNTS,
    SUBJECT_ACCESS_REVIEWS,
)
from pybernetes.controllers.accounts.bootstrap import detached_signature

APPROVE = "certificatesigningrequest-approving-controller"
SIGN = "certificatesigningrequest-signing-controller"
CLEAN = "certificatesigningrequest-cleaner-controller"
CLIENT_USAGES = ["digital signature", "client auth"]


def subject(name, organization):
    return x509.Name(
        [
            x509.NameAttribute(NameOID.COMMON_NAME, name),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, organization),
        ]
    )


@pytest.fixture(scope="module")
def ca(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pki")
    key = ec.generate_private_key(ec.SECP256R1())
    name = subject("ca", "test")
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(datetime(2025, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(2035, 1, 1, tzinfo=UTC))
        .sign(key, hashes.SHA256())
    )
    (folder / "ca.crt").write_bytes(certificate.public_bytes(Encoding.PEM))
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (folder / "ca.key").write_bytes(pem)
    return folder


def signing(folder: Path):
    return {
        "cluster_signing_cert_file": str(folder / "ca.crt"),
        "cluster_signing_key_file": str(folder / "ca.key"),
    }


def request(name="system:node:n1", organization="system:nodes", dns=(), **spec):
    key = ec.generate_private_key(ec.SECP256R1())
    builder = x509.CertificateSigningRequestBuilder().subject_name(subject(name, organization))
    if dns:
        builder = builder.add_extension(
            x509.SubjectAlternativeName([x509.DNSName(one) for one in dns]), False
        )
    pem = builder.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM)
    return {
        "metadata": {"name": "csr-1"},
        "spec": {
            "request": base64.b64encode(pem).decode(),
            "signerName": "kubernetes.io/kube-apiserver-client-kubelet",
            "usages": CLIENT_USAGES,
            "username": "system:bootstrap:abcdef",
            "groups": ["system:bootstrappers"],
            **spec,
        },
    }


def allowing(api, *subresources):
    """Reviews are answered by what is asked for."""
    asked = []
    create = api.create

    async def answer(kind, obj, namespace=None, **options):
        if kind is SUBJECT_ACCESS_REVIEWS:
            asked.append(obj["spec"])
            allowed = obj["spec"]["resourceAttributes"]["subresource"] in subresources
            return {**obj, "status": {"allowed": allowed}}
        return await create(kind, obj, namespace, **options)

    api.create = answer
    return asked


def conditions(cluster):
    status = cluster.api.one(CERTIFICATE_SIGNING_REQUESTS, "csr-1").get("status") or {}
    return [(one["type"], one["reason"], one["message"]) for one in status.get("conditions", [])]


def certificate(cluster):
    text = cluster.api.one(CERTIFICATE_SIGNING_REQUESTS, "csr-1").get("status", {}).get("certificate")
    return x509.load_pem_x509_certificate(base64.b64decode(text)) if text else None


def approving(cluster):
    """The fake keeps only one status subresource: approval writes to it as well."""
    update = cluster.api.update

    async def written(kind, obj, *, subresource=""):
        return await update(kind, obj, subresource="status" if subresource == "approval" else subresource)

    cluster.api.update = written


async def test_a_new_kubelet_gets_its_certificate(run, ca):
    cluster = await run(APPROVE, SIGN, **signing(ca))
    approving(cluster)
    asked = allowing(cluster.api, "nodeclient")
    cluster.api.put(CERTIFICATE_SIGNING_REQUESTS, request())
    await cluster.settle()
    assert conditions(cluster) == [
        ("Approved", "AutoApproved", "Auto approving kubelet client certificate after SubjectAccessReview.")
    ]
    issued = certificate(cluster)
    assert issued.subject == subject("system:node:n1", "system:nodes")
    issued.verify_directly_issued_by(x509.load_pem_x509_certificate((ca / "ca.crt").read_bytes()))
    extended = issued.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert [one.dotted_string for one in extended] == ["1.3.6.1.5.5.7.3.2"]
    assert issued.not_valid_after_utc - issued.not_valid_before_utc == timedelta(days=365)
    assert asked[0]["user"] == "system:bootstrap:abcdef"


async def test_a_kubelet_renews_its_own_certificate(run, ca):
    cluster = await run(APPROVE, **signing(ca))
    approving(cluster)
    allowing(cluster.api, "selfnodeclient")
    cluster.api.put(CERTIFICATE_SIGNING_REQUESTS, request(username="system:node:n1"))
    await cluster.settle()
    assert conditions(cluster)[0][2].startswith("Auto approving self kubelet client certificate")


@pytest.mark.parametrize(
    "changes",
    [
        {"name": "admin"},
        {"organization": "system:masters"},
        {"usages": ["digital signature", "server auth"]},
        {"dns": ("n1",)},
        {"signerName": "kubernetes.io/kubelet-serving"},
    ],
)
async def test_nothing_else_is_approved(run, ca, changes):
    cluster = await run(APPROVE, **signing(ca))
    allowing(cluster.api, "nodeclient", "selfnodeclient")
    cluster.api.put(CERTIFICATE_SIGNING_REQUESTS, request(**changes))
    await cluster.settle()
    assert conditions(cluster) == []


async def test_a_rule_that_comes_later_is_noticed(run, ca):
    cluster = await run(APPROVE, **signing(ca))
    approving(cluster)
    allowing(cluster.api)
    cluster.api.put(CERTIFICATE_SIGNING_REQUESTS, request())
    await cluster.settle(1)
    assert conditions(cluster) == []
    allowing(cluster.api, "nodeclient")
    await cluster.settle(5)
    assert conditions(cluster)


def approved(obj):
    moment = "2026-01-01T00:00:00Z"
    condition = {"type": "Approved", "status": "True", "reason": "x", "message": "", "lastUpdateTime": moment}
    return {**obj, "status": {"conditions": [condition]}}


async def test_an_approved_request_that_breaks_its_signers_rules_fails(run, ca):
    cluster = await run(SIGN, **signing(ca))
    obj = approved(
        request(signerName="kubernetes.io/kubelet-serving", usages=["digital signature", "server auth"])
    )
    cluster.api.put(CERTIFICATE_SIGNING_REQUESTS, obj)
    await cluster.settle()
    assert conditions(cluster)[1] == (
        "Failed",
        "SignerValidationFailure",
        "DNS or IP subjectAltName is required",
    )


async def test_the_asked_lifetime_is_kept_within_limits(run, ca):
    cluster = await run(SIGN, **signing(ca))
    cluster.api.put(CERTIFICATE_SIGNING_REQUESTS, approved(request(expirationSeconds=3600)))
    await cluster.settle()
    issued = certificate(cluster)
    assert issued.not_valid_after_utc - issued.not_valid_before_utc == timedelta(hours=1)


async def test_other_signers_requests_are_left_alone(run, ca):
    cluster = await run(SIGN, **signing(ca))
    cluster.api.put(CERTIFICATE_SIGNING_REQUESTS, approved(request(signerName="example.com/mine")))
    await cluster.settle()
    assert certificate(cluster) is None


async def test_requests_are_cleaned_up(run):
    cluster = await run(CLEAN)
    cluster.api.put(CERTIFICATE_SIGNING_REQUESTS, request())
    await cluster.settle(23 * 3600)
    assert cluster.api.all(CERTIFICATE_SIGNING_REQUESTS)
    await cluster.settle(2 * 3600)
    assert not cluster.api.all(CERTIFICATE_SIGNING_REQUESTS)


def namespace(name, **metadata):
    return {"metadata": {"name": name, **metadata}}


async def test_every_namespace_has_a_default_account_and_the_root_ca(run, ca):
    cluster = await run(
        "serviceaccount-controller",
        "root-ca-certificate-publisher-controller",
        root_ca_file=str(ca / "ca.crt"),
    )
    cluster.api.put(NAMESPACES, namespace("a"))
    cluster.api.put(NAMESPACES, namespace("going", deletionTimestamp="2026-01-01T00:00:00Z"))
    await cluster.settle()
    assert [one["metadata"]["namespace"] for one in cluster.api.all(SERVICE_ACCOUNTS)] == ["a"]
    config = cluster.api.one(CONFIG_MAPS, "a/kube-root-ca.crt")
    assert config["data"]["ca.crt"] == (ca / "ca.crt").read_text()
    cluster.api.remove(SERVICE_ACCOUNTS, "a/default")
    cluster.api.change(CONFIG_MAPS, "a/kube-root-ca.crt", {"data": {"ca.crt": "broken", "x": "y"}})
    await cluster.settle()
    assert cluster.api.all(SERVICE_ACCOUNTS)
    assert cluster.api.one(CONFIG_MAPS, "a/kube-root-ca.crt")["data"] == {
        "ca.crt": (ca / "ca.crt").read_text()
    }


def token_secret(account="builder"):
    return {
        "metadata": {
            "name": "t",
            "namespace": "a",
            "annotations": {"kubernetes.io/service-account.name": account},
        },
        "type": "kubernetes.io/service-account-token",
    }


async def test_a_token_secret_is_filled_and_goes_with_its_account(run, ca):
    cluster = await run(
        "serviceaccount-token-controller",
        service_account_private_key_file=str(ca / "ca.key"),
        root_ca_file=str(ca / "ca.crt"),
    )
    account = cluster.api.put(SERVICE_ACCOUNTS, {"metadata": {"name": "builder", "namespace": "a"}})
    cluster.api.put(SECRETS, token_secret())
    await cluster.settle()
    secret = cluster.api.one(SECRETS, "a/t")
    assert base64.b64decode(secret["data"]["namespace"]) == b"a"
    body = base64.b64decode(secret["data"]["token"]).split(b".")[1]
    claims = msgspec.json.decode(base64.urlsafe_b64decode(body + b"=" * (-len(body) % 4)))
    assert claims["sub"] == "system:serviceaccount:a:builder"
    uid = account["metadata"]["uid"]
    assert secret["metadata"]["annotations"]["kubernetes.io/service-account.uid"] == uid
    cluster.api.remove(SERVICE_ACCOUNTS, "a/builder")
    await cluster.settle()
    assert not cluster.api.all(SECRETS)


def bootstrap_token(expires):
    data = {
        "token-id": "abcdef",
        "token-secret": "0123456789abcdef",
        "expiration": expires,
        "usage-bootstrap-signing": "true",
    }
    return {
        "metadata": {"name": "bootstrap-token-abcdef", "namespace": "kube-system"},
        "type": "bootstrap.kubernetes.io/token",
        "data": {key: base64.b64encode(value.encode()).decode() for key, value in data.items()},
    }


async def test_bootstrap_tokens_end(run):
    cluster = await run("token-cleaner-controller")
    cluster.api.put(SECRETS, bootstrap_token("2026-01-01T01:00:00Z"))
    await cluster.settle(3500)
    assert cluster.api.all(SECRETS)
    await cluster.settle(200)
    assert not cluster.api.all(SECRETS)


async def test_cluster_info_is_signed_with_tokens_that_last(run):
    cluster = await run("bootstrap-signer-controller")
    info = {"metadata": {"name": "cluster-info", "namespace": "kube-public"}, "data": {"kubeconfig": "hello"}}
    cluster.api.put(CONFIG_MAPS, info)
    cluster.api.put(SECRETS, bootstrap_token("2026-01-01T01:00:00Z"))
    await cluster.settle()
    data = cluster.api.one(CONFIG_MAPS, "kube-public/cluster-info")["data"]
    assert data["jws-kubeconfig-abcdef"] == detached_signature("hello", "abcdef", "0123456789abcdef")
    cluster.api.remove(SECRETS, "kube-system/bootstrap-token-abcdef")
    await cluster.settle()
    assert "jws-kubeconfig-abcdef" not in cluster.api.one(CONFIG_MAPS, "kube-public/cluster-info")["data"]
