"""The approving controller: kubelets that may ask for their client certificate get it without anybody looking."""

from __future__ import annotations

from pybernetes.api.kinds import CERTIFICATE_SIGNING_REQUESTS, SUBJECT_ACCESS_REVIEWS
from pybernetes.client.interface import Object
from pybernetes.controllers.actions import Update
from pybernetes.controllers.certificates.requests import (
    access_review,
    approvals,
    has_condition,
    is_issued,
    parse,
    with_condition,
)
from pybernetes.controllers.objects import with_kind
from pybernetes.controllers.reconciler import Reconciler


class CertificateApprover(Reconciler):
    name = "certificatesigningrequest-approving-controller"
    source = "certificate-controller"

    def watch(self) -> None:
        self.requests = self.informer(CERTIFICATE_SIGNING_REQUESTS)
        self.requests.add_handler(added=self._seen, updated=lambda old, new: self._seen(new))

    def _seen(self, csr: Object) -> None:
        if not has_condition(csr, "Approved", "Denied") and not is_issued(csr):
            self.enqueue(csr)

    async def sync(self, key: str) -> None:
        csr = self.requests.store.get(key)
        if csr is None or has_condition(csr, "Approved", "Denied") or is_issued(csr):
            return
        try:
            request = parse(csr)
        except ValueError as error:
            self.log.warning("the request %s cannot be read: %s", key, error)
            return
        recognised = False
        for subresource, message in approvals(csr, request):
            recognised = True
            if await self._may(csr, subresource):
                status = with_condition(csr, "Approved", "AutoApproved", message, self.clock.now())
                approved = {**with_kind(csr, CERTIFICATE_SIGNING_REQUESTS), "status": status}
                await self.act(Update(CERTIFICATE_SIGNING_REQUESTS, approved, "approval"))
                return
        if recognised:
            self.log.info("%s: its requester may not have a node's certificate (yet)", key)
            self.queue.add_rate_limited(key)

    async def _may(self, csr: Object, subresource: str) -> bool:
        answer = await self.client.create(SUBJECT_ACCESS_REVIEWS, access_review(csr, subresource))
        return bool((answer.get("status") or {}).get("allowed"))
