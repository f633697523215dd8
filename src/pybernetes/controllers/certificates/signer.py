"""The signing controller: approved requests for Kubernetes' own signers get their certificate."""

from __future__ import annotations

import base64

from pybernetes.api.kinds import CERTIFICATE_SIGNING_REQUESTS
from pybernetes.client.interface import Object
from pybernetes.controllers.actions import status_of
from pybernetes.controllers.certificates.authority import Authority
from pybernetes.controllers.certificates.requests import (
    SIGNERS,
    has_condition,
    is_issued,
    lifetime,
    parse,
    refusal,
    usages_of,
    with_condition,
)
from pybernetes.controllers.objects import with_kind
from pybernetes.controllers.reconciler import Context, Reconciler


def is_due(csr: Object) -> bool:
    """Approved, for a signer of ours, and not yet answered."""
    return (
        csr["spec"].get("signerName") in SIGNERS
        and has_condition(csr, "Approved")
        and not has_condition(csr, "Denied", "Failed")
        and not is_issued(csr)
    )


class CertificateSigner(Reconciler):
    name = "certificatesigningrequest-signing-controller"
    source = "certificate-controller"

    def __init__(self, context: Context) -> None:
        options = context.options
        self.authority = Authority(options.cluster_signing_cert_file, options.cluster_signing_key_file)
        super().__init__(context)

    def watch(self) -> None:
        self.requests = self.informer(CERTIFICATE_SIGNING_REQUESTS)
        self.requests.add_handler(added=self._seen, updated=lambda old, new: self._seen(new))

    def _seen(self, csr: Object) -> None:
        if is_due(csr):
            self.enqueue(csr)

    async def sync(self, key: str) -> None:
        cached = self.requests.store.get(key)
        if cached is None or not is_due(cached):
            return
        if not self.options.cluster_signing_cert_file or not self.options.cluster_signing_key_file:
            self.log.warning("%s is not signed: give --cluster-signing-cert-file and -key-file", key)
            return
        csr = with_kind(cached, CERTIFICATE_SIGNING_REQUESTS)
        try:
            request = parse(csr)
            why = refusal(csr, request)
        except ValueError as error:
            why = f"unable to parse csr {key!r}: {error}"
        now = self.clock.now()
        if why:
            status = with_condition(csr, "Failed", "SignerValidationFailure", why, now)
        else:
            valid = lifetime(csr, self.options.cluster_signing_duration)
            pem = self.authority.sign(request, usages_of(csr), valid, now)
            status = {**(csr.get("status") or {}), "certificate": base64.b64encode(pem).decode()}
        await self.act(status_of(CERTIFICATE_SIGNING_REQUESTS, csr, status))
