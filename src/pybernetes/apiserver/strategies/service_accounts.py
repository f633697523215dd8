"""ServiceAccounts, which know their secrets by nothing but the name.

https://kubernetes.io/docs/concepts/security/service-accounts/
"""

from __future__ import annotations

from pybernetes.apiserver.strategies.base import Strategy
from pybernetes.apiserver.writes import Object, Write


class ServiceAccountStrategy(Strategy):
    def prepare_create(self, write: Write) -> None:
        super().prepare_create(write)
        _names_only(write.object)

    def prepare_update(self, write: Write) -> None:
        super().prepare_update(write)
        _names_only(write.object)


def _names_only(account: Object) -> None:
    secrets = account.get("secrets")
    if secrets:
        account["secrets"] = [{"name": one["name"]} if one.get("name") else {} for one in secrets]
