"""The cluster's keys and certificates: a folder and the server's names in, PEM files (0600) out.

What exists and is still good is kept, so that a restart continues the same cluster; the server's
certificate is made anew when it lacks one of its names, and any leaf certificate 30 days before it
expires. Keys are ECDSA P-256: made in a tenth of a millisecond, and cheap for every handshake.
Files and subjects are those that kubeadm makes: https://kubernetes.io/docs/setup/best-practices/certificates/
"""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from pybernetes.cluster.failure import Failure

AUTHORITY_LIFE = timedelta(days=3650)
LEAF_LIFE = timedelta(days=365)
RENEW_BEFORE = timedelta(days=30)

SERVER = (ExtendedKeyUsageOID.SERVER_AUTH,)
CLIENT = (ExtendedKeyUsageOID.CLIENT_AUTH,)


@dataclass(frozen=True)
class Leaf:
    """One certificate to have: its file's name, who signs it, its subject and its names."""

    file: str
    common_name: str
    organizations: Sequence[str] = ()
    usages: Sequence[x509.ObjectIdentifier] = CLIENT
    hosts: Sequence[str] = ()
    authority: str = "ca"


def server_names(service_address: str, hosts: Iterable[str]) -> list[str]:
    """Every name and address under which clients know the API server."""
    names = [
        "kubernetes",
        "kubernetes.default",
        "kubernetes.default.svc",
        "kubernetes.default.svc.cluster.local",
    ]
    return list(dict.fromkeys([*names, "localhost", "127.0.0.1", "::1", service_address, *hosts]))


def leaves(names: Sequence[str]) -> list[Leaf]:
    """All leaf certificates of a server."""
    return [
        Leaf("apiserver", "kube-apiserver", usages=SERVER, hosts=names),
        Leaf(
            "apiserver-kubelet-client",
            "kube-apiserver-kubelet-client",
            ["kubeadm:cluster-admins", "system:masters"],
        ),
        Leaf("front-proxy-client", "front-proxy-client", authority="front-proxy-ca"),
        Leaf("admin", "kubernetes-admin", ["system:masters"]),
        Leaf("controller-manager", "system:kube-controller-manager"),
        Leaf("scheduler", "system:kube-scheduler"),
    ]


@dataclass(frozen=True)
class Authority:
    """A certificate authority that can sign."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey


def ensure(folder: Path, names: Sequence[str], now: datetime) -> None:
    """Have every file of a server in `folder`. Raises Failure when an authority is there but unreadable."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    authorities = {
        "ca": ensure_authority(folder, "ca", "kubernetes", now),
        "front-proxy-ca": ensure_authority(folder, "front-proxy-ca", "front-proxy-ca", now),
    }
    for leaf in leaves(names):
        ensure_leaf(folder, leaf, authorities[leaf.authority], now)
    if not (folder / "sa.key").exists():
        key = ec.generate_private_key(ec.SECP256R1())
        write_private(folder / "sa.pub", public_pem(key))
        write_private(folder / "sa.key", private_pem(key))


def ensure_authority(folder: Path, file: str, common_name: str, now: datetime) -> Authority:
    certificate_path, key_path = folder / f"{file}.crt", folder / f"{file}.key"
    if certificate_path.exists() and key_path.exists():
        try:
            return _read_authority(certificate_path, key_path)
        except (ValueError, TypeError):
            raise Failure(
                f"{certificate_path} and {file}.key are damaged: put them back from a backup, or start anew with "
                f"`pybernetes down --purge`"
            )
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
    builder = _builder(subject, subject, key.public_key(), now, AUTHORITY_LIFE)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    builder = builder.add_extension(_key_usage(authority=True), critical=True)
    certificate = builder.sign(key, hashes.SHA256())
    write_private(key_path, private_pem(key))
    write_private(certificate_path, certificate.public_bytes(serialization.Encoding.PEM))
    return Authority(certificate, key)


def _read_authority(certificate_path: Path, key_path: Path) -> Authority:
    key = serialization.load_pem_private_key(key_path.read_bytes(), None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise TypeError("not an ECDSA key")
    return Authority(x509.load_pem_x509_certificate(certificate_path.read_bytes()), key)


def ensure_leaf(folder: Path, leaf: Leaf, authority: Authority, now: datetime) -> None:
    certificate_path, key_path = folder / f"{leaf.file}.crt", folder / f"{leaf.file}.key"
    if key_path.exists() and _good(certificate_path, leaf, authority, now):
        return
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = issue(authority, leaf, key.public_key(), now)
    write_private(key_path, private_pem(key))
    write_private(certificate_path, certificate.public_bytes(serialization.Encoding.PEM))


def _good(path: Path, leaf: Leaf, authority: Authority, now: datetime) -> bool:
    """Whether the certificate is there, signed by the authority, has all names and is not about to expire."""
    try:
        certificate = x509.load_pem_x509_certificate(path.read_bytes())
        certificate.verify_directly_issued_by(authority.certificate)
    except Exception:  # whatever is wrong with it, a new one mends it
        return False
    if certificate.not_valid_after_utc - now < RENEW_BEFORE:
        return False
    wanted = {str(_general_name(host).value) for host in leaf.hosts}
    return wanted <= _names_of(certificate)


def _names_of(certificate: x509.Certificate) -> set[str]:
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return set()
    return {str(name.value) for name in names}


def issue(
    authority: Authority, leaf: Leaf, key: ec.EllipticCurvePublicKey, now: datetime
) -> x509.Certificate:
    """Sign one leaf certificate."""
    subject = x509.Name(
        [
            *(x509.NameAttribute(NameOID.ORGANIZATION_NAME, name) for name in leaf.organizations),
            x509.NameAttribute(NameOID.COMMON_NAME, leaf.common_name),
        ]
    )
    builder = _builder(subject, authority.certificate.subject, key, now, LEAF_LIFE)
    builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    builder = builder.add_extension(_key_usage(authority=False), critical=True)
    builder = builder.add_extension(x509.ExtendedKeyUsage(leaf.usages), critical=False)
    builder = builder.add_extension(
        x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.key.public_key()), critical=False
    )
    if leaf.hosts:
        builder = builder.add_extension(
            x509.SubjectAlternativeName([_general_name(host) for host in leaf.hosts]), critical=False
        )
    return builder.sign(authority.key, hashes.SHA256())


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, now: datetime, life: timedelta
) -> x509.CertificateBuilder:
    # An hour back, for machines whose clocks differ a little.
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + life)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def _key_usage(*, authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        key_encipherment=not authority,
        key_cert_sign=authority,
        crl_sign=authority,
        content_commitment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _general_name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def private_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def public_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def ca_hash(certificate: bytes) -> str:
    """`sha256:HEX` of the public key of a PEM certificate, as kubeadm's --discovery-token-ca-cert-hash has it."""
    loaded = x509.load_pem_x509_certificate(certificate)
    public = loaded.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    digest = hashes.Hash(hashes.SHA256())
    digest.update(public)
    return "sha256:" + digest.finalize().hex()


def write_private(path: Path, content: bytes) -> None:
    """Write a file that only its owner may read; it appears whole or not at all."""
    partial = path.with_name(path.name + ".partial")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with open(descriptor, "wb") as file:
        file.write(content)
    os.replace(partial, path)
