"""How a node comes to its certificates: key, CertificateSigningRequest, certificate, kubeconfig.

`ensure_client_certificate` is for the start: with a bootstrap token when there is nothing yet.
`issue` is any request, `keep_client_certificate` the eternal task that renews in time. Files: FOLDER/kubelet-client.pem
(certificate and key, 0600), FOLDER/kubelet.pem for serving, and the kubeconfig.
Source: https://kubernetes.io/docs/reference/access-authn-authz/kubelet-tls-bootstrapping/
"""

from __future__ import annotations

import base64
import hashlib
import ipaddress
import logging
import os
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from pybernetes.api.errors import AlreadyExists, APIError, NotFound
from pybernetes.api.kinds import CERTIFICATE_SIGNING_REQUESTS
from pybernetes.client.interface import Client, Object
from pybernetes.lib.backoff import Backoff
from pybernetes.lib.clock import Clock

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

log = logging.getLogger(__name__)

CLIENT_SIGNER = "kubernetes.io/kube-apiserver-client-kubelet"
SERVING_SIGNER = "kubernetes.io/kubelet-serving"
RENEW_AT = 0.8
"""The part of a certificate's life after which it is renewed."""


class BootstrapFailed(Exception):
    """The node cannot join; the message says what to do."""


def _new_key() -> tuple[EllipticCurvePrivateKey, bytes]:
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return key, pem


def signing_request(node_name: str, hosts: tuple[str, ...] = ()) -> tuple[bytes, bytes]:
    """`(key, request)` as PEM: CN system:node:NAME, O system:nodes, and the hosts as alternative names."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.x509.oid import NameOID

    key, key_pem = _new_key()
    subject = x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "system:nodes"),
            x509.NameAttribute(NameOID.COMMON_NAME, f"system:node:{node_name}"),
        ]
    )
    builder = x509.CertificateSigningRequestBuilder().subject_name(subject)
    if hosts:
        names: list[x509.GeneralName] = []
        for host in hosts:
            try:
                names.append(x509.IPAddress(ipaddress.ip_address(host)))
            except ValueError:
                names.append(x509.DNSName(host))
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    request = builder.sign(key, hashes.SHA256())
    return key_pem, request.public_bytes(serialization.Encoding.PEM)


async def issue(
    client: Client, clock: Clock, signer: str, node_name: str, hosts: tuple[str, ...] = ()
) -> tuple[bytes, bytes]:
    """`(certificate, key)` as PEM, once somebody has approved and signed. Raises BootstrapFailed when denied."""
    key, request = signing_request(node_name, hosts)
    purpose = "client auth" if signer == CLIENT_SIGNER else "server auth"
    name = f"{'node-csr' if hosts == () else 'csr'}-{hashlib.sha256(request).hexdigest()[:43]}"
    wanted: Object = {
        "apiVersion": "certificates.k8s.io/v1",
        "kind": "CertificateSigningRequest",
        "metadata": {"name": name},
        "spec": {
            "request": base64.b64encode(request).decode(),
            "signerName": signer,
            "usages": ["digital signature", purpose],
        },
    }
    backoff = Backoff(0.2, 10)
    created = False
    while True:
        try:
            if not created:
                try:
                    await client.create(CERTIFICATE_SIGNING_REQUESTS, wanted)
                except AlreadyExists:
                    pass
                created = True
            found = await client.get(CERTIFICATE_SIGNING_REQUESTS, None, name)
            certificate = _outcome(found, node_name)
            if certificate is not None:
                return certificate, key
            async for event in client.watch(
                CERTIFICATE_SIGNING_REQUESTS,
                field_selector=f"metadata.name={name}",
                resource_version=found["metadata"].get("resourceVersion", ""),
            ):
                if event.type == "DELETED":
                    created = False
                    break
                certificate = _outcome(event.object, node_name)
                if certificate is not None:
                    return certificate, key
        except NotFound:
            created = False
        except APIError as error:
            delay = backoff.next("csr", clock.monotonic())
            if delay > 1:
                log.warning("certificate of node %s: %s; again in %.1f s", node_name, error, delay)
            await clock.sleep(delay)


def _outcome(csr: Object, node_name: str) -> bytes | None:
    status = csr.get("status") or {}
    for condition in status.get("conditions") or ():
        if condition.get("type") in ("Denied", "Failed"):
            raise BootstrapFailed(
                f"the certificate request {csr['metadata']['name']} of node {node_name} was "
                f"{condition['type'].lower()}: {condition.get('message', '')}; "
                "see kubectl get csr, and join with a token that is allowed to"
            )
    text = status.get("certificate")
    return base64.b64decode(text) if text else None


# files


def write_private(path: Path, data: bytes) -> None:
    """Replace a file by one that only its owner reads."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(path.name + ".tmp")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
    os.replace(temporary, path)


def read_certificate(path: Path) -> x509.Certificate | None:
    """The certificate in a PEM file; None when there is no usable one."""
    from cryptography import x509

    try:
        return x509.load_pem_x509_certificate(path.read_bytes())
    except (OSError, ValueError):
        return None


def renewal_time(certificate: x509.Certificate) -> datetime:
    """When 80 % of its life is over."""
    begin = certificate.not_valid_before_utc
    return begin + (certificate.not_valid_after_utc - begin) * RENEW_AT


def write_identity(
    server: str, ca: Path, node_name: str, certificate: bytes, key: bytes, folder: Path, kubeconfig: Path
) -> None:
    from pybernetes.client import kubeconfig as kubeconfigs

    write_private(folder / "kubelet-client.pem", certificate + key)
    text = kubeconfigs.make(
        server,
        ca_data=ca.read_bytes(),
        certificate_data=certificate,
        key_data=key,
        user=f"system:node:{node_name}",
    )
    write_private(kubeconfig, msgspec.json.format(msgspec.json.encode(text), indent=2) + b"\n")


def _has_joined(folder: Path, kubeconfig: Path, now: datetime) -> bool:
    known = read_certificate(folder / "kubelet-client.pem")
    return known is not None and kubeconfig.exists() and now < known.not_valid_after_utc


async def ensure_client_certificate(
    *, server: str, ca: Path, token: str, node_name: str, folder: Path, kubeconfig: Path, clock: Clock
) -> None:
    """Have a kubeconfig with a client certificate that is still good. Raises BootstrapFailed."""
    if _has_joined(folder, kubeconfig, clock.now()):
        return
    if not token:
        raise BootstrapFailed(
            f"node {node_name} has no certificate that is still good: give it a token from `pybernetes token create`"
        )
    from pybernetes.client.rest import RestClient
    from pybernetes.client.transport import Credentials, HttpTransport
    from pybernetes.lib.tls import client_context

    transport = HttpTransport(server, context=client_context(ca=ca), credentials=Credentials(token=token))
    client = RestClient(transport, clock=clock)
    try:
        certificate, key = await issue(client, clock, CLIENT_SIGNER, node_name)
    finally:
        await client.close()
    write_identity(server, ca, node_name, certificate, key, folder, kubeconfig)
    log.info("node %s has its client certificate", node_name)


async def keep_client_certificate(
    client: Client,
    *,
    server: str,
    ca: Path,
    node_name: str,
    folder: Path,
    kubeconfig: Path,
    clock: Clock,
    renewed: Callable[[], None],
) -> None:
    """An eternal task: renew the client certificate in time, write it, and say so with `renewed`."""
    while True:
        known = read_certificate(folder / "kubelet-client.pem")
        due = renewal_time(known) if known is not None else clock.now()
        await clock.sleep(min(max((due - clock.now()).total_seconds(), 1), 86400))
        if clock.now() < due:
            continue
        try:
            certificate, key = await issue(client, clock, CLIENT_SIGNER, node_name)
        except BootstrapFailed as error:
            log.error("%s", error)
            await clock.sleep(3600)
            continue
        write_identity(server, ca, node_name, certificate, key, folder, kubeconfig)
        log.info("node %s has renewed its client certificate", node_name)
        renewed()
