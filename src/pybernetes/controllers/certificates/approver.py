"""The approving controller: kubelets that may ask for their client certificate get it without anybody looking."""

from __future__ import annotations

from pybernetes.api.errors import NotFound
from pybernetes.api.kinds import CERTIFICATE_SIGNING_REQUESTS, NODES, SUBJECT_ACCESS_REVIEWS
from pybernetes.client.interface import Object
from pybernetes.controllers.actions import Update
from pybernetes.controllers.certificates.requests import (
    KUBELET_SERVING,
    NODE_PREFIX,
    NODES_GROUP,
    Request,
    access_review,
    approvals,
    has_condition,
    is_issued,
    parse,
    refusal,
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
        if await self._is_own_serving(csr, request):
            message = "Auto approving kubelet serving certificate for the addresses of its Node."
            await self._approve(csr, message)
            return
        recognised = False
        for subresource, message in approvals(csr, request):
            recognised = True
            if await self._may(csr, subresource):
                await self._approve(csr, message)
                return
        if recognised:
            self.log.info("%s: its requester may not have a node's certificate (yet)", key)
            self.queue.add_rate_limited(key)

    async def _approve(self, csr: Object, message: str) -> None:
        status = with_condition(csr, "Approved", "AutoApproved", message, self.clock.now())
        approved = {**with_kind(csr, CERTIFICATE_SIGNING_REQUESTS), "status": status}
        await self.act(Update(CERTIFICATE_SIGNING_REQUESTS, approved, "approval"))

    async def _is_own_serving(self, csr: Object, request: Request) -> bool:
        """A node asks for itself, and only for names that its Node has: nobody has to look at that either."""
        spec = csr["spec"]
        if spec.get("signerName") != KUBELET_SERVING or spec.get("username") != request.common_name:
            return False
        if NODES_GROUP not in (spec.get("groups") or ()) or refusal(csr, request):
            return False
        name = request.common_name.removeprefix(NODE_PREFIX)
        try:
            node = await self.client.get(NODES, None, name)
        except NotFound:
            self.log.info("%s: node %s is not registered yet", csr["metadata"]["name"], name)
            self.queue.add_rate_limited(csr["metadata"]["name"])
            return False
        addresses = {one.get("address") for one in (node.get("status") or {}).get("addresses") or ()}
        return {*request.dns_names, *request.addresses} <= addresses

    async def _may(self, csr: Object, subresource: str) -> bool:
        answer = await self.client.create(SUBJECT_ACCESS_REVIEWS, access_review(csr, subresource))
        return bool((answer.get("status") or {}).get("allowed"))
