"""The cleaning controller: requests that are done with, or that nobody answered, go after a while."""

from __future__ import annotations

import base64
from datetime import datetime, timedelta

from pybernetes.api.kinds import CERTIFICATE_SIGNING_REQUESTS
from pybernetes.api.times import parse_time
from pybernetes.client.interface import Object
from pybernetes.controllers.actions import delete_of
from pybernetes.controllers.certificates.requests import conditions_of, is_issued
from pybernetes.controllers.objects import created_at
from pybernetes.controllers.reconciler import Reconciler

ANSWERED = timedelta(hours=1)
PENDING = timedelta(hours=24)


def due(csr: Object) -> datetime | None:
    """When the request may go; None when that cannot be told."""
    moments = []
    created = created_at(csr)
    conditions = conditions_of(csr)
    if created is not None and not conditions:
        moments.append(created + PENDING)
    for one in conditions:
        type = one.get("type")
        since = one.get("lastUpdateTime") or one.get("lastTransitionTime")
        if since and (type in ("Denied", "Failed") or (type == "Approved" and is_issued(csr))):
            moments.append(parse_time(since) + ANSWERED)
        elif created is not None and type == "Approved":
            moments.append(created + PENDING)
    expiry = expires(csr)
    if expiry is not None:
        moments.append(expiry)
    return min(moments) if moments else None


def expires(csr: Object) -> datetime | None:
    """When the issued certificate ends."""
    text = (csr.get("status") or {}).get("certificate")
    if not text:
        return None
    from cryptography import x509

    try:
        return x509.load_pem_x509_certificate(base64.b64decode(text)).not_valid_after_utc
    except ValueError:
        return None


class CertificateCleaner(Reconciler):
    name = "certificatesigningrequest-cleaner-controller"
    source = "certificate-controller"
    workers = 1

    def watch(self) -> None:
        self.requests = self.informer(CERTIFICATE_SIGNING_REQUESTS)
        self.enqueue_changes(self.requests)

    async def sync(self, key: str) -> None:
        csr = self.requests.store.get(key)
        moment = due(csr) if csr is not None else None
        if csr is None or moment is None:
            return
        left = (moment - self.clock.now()).total_seconds()
        if left > 0:
            self.queue.add_after(key, left)
        else:
            await self.act(delete_of(CERTIFICATE_SIGNING_REQUESTS, csr))
