"""Which tokens in Secrets are still used: the day of the last use is a label of the Secret, written once a day.

`ensure` says in a ConfigMap since when that is so; `LastUse` is told of every use. The clean-up of such tokens goes by
both. https://kubernetes.io/docs/reference/access-authn-authz/service-accounts-admin/#legacy-serviceaccount-token-cleaner
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from pybernetes.api.errors import APIError
from pybernetes.api.kinds import CONFIG_MAPS, SECRETS
from pybernetes.apiserver.housekeeping.ensuring import ensure as ensure_object

if TYPE_CHECKING:
    from pybernetes.apiserver.app import APIServer

log = logging.getLogger(__name__)

Object = dict[str, Any]

LAST_USED = "kubernetes.io/legacy-token-last-used"
SINCE = "kube-apiserver-legacy-service-account-token-tracking"


async def ensure(server: APIServer) -> None:
    """The ConfigMap with the day on which a server first wrote such labels."""
    metadata = {"name": SINCE, "namespace": "kube-system"}
    wanted = {"metadata": metadata, "data": {"since": _today(server)}}
    await ensure_object(server.client, CONFIG_MAPS, wanted)


def _today(server: APIServer) -> str:
    return server.clock.now().strftime("%Y-%m-%d")


class LastUse:
    """Called with the Secret of each token that lets somebody in."""

    def __init__(self, server: APIServer) -> None:
        self._server = server
        self._writing: set[str] = set()

    def __call__(self, secret: Object) -> None:
        metadata, today = secret["metadata"], _today(self._server)
        uid = metadata["uid"]
        if (metadata.get("labels") or {}).get(LAST_USED) == today or uid in self._writing:
            return
        self._writing.add(uid)
        self._server.tasks.spawn(self._write(metadata, today), "note the use of a token")

    async def _write(self, metadata: Object, today: str) -> None:
        name = metadata["name"]
        patch = {"metadata": {"uid": metadata["uid"], "labels": {LAST_USED: today}}}
        try:
            await self._server.client.patch(SECRETS, metadata["namespace"], name, patch)
        except APIError as error:
            log.warning("the use of the token in the secret %s cannot be noted: %s", name, error)
        finally:
            self._writing.discard(metadata["uid"])
