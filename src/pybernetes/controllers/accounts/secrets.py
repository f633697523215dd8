"""Secrets of type `kubernetes.io/service-account-token`: filled with a token, and gone with their ServiceAccount.

In: such Secrets and ServiceAccounts. Out: the data `token`, `ca.crt` and `namespace`, or the Secret's deletion.
Source: https://kubernetes.io/docs/concepts/configuration/secret/#serviceaccount-token-secrets
"""

from __future__ import annotations

import base64
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pybernetes.api.errors import NotFound
from pybernetes.api.kinds import SECRETS, SERVICE_ACCOUNTS
from pybernetes.client.interface import Object
from pybernetes.controllers.actions import delete_of, patch_of
from pybernetes.controllers.objects import annotations_of, is_deleting, name_of, namespace_of, uid_of
from pybernetes.controllers.reconciler import Context, Reconciler
from pybernetes.semantics.service_accounts import ACCOUNT_NAME, ACCOUNT_UID, SECRET_TYPE, SecretToken

if TYPE_CHECKING:
    from pybernetes.lib.jwt import PrivateKey

_ACCOUNT_INDEX = "service account"


def missing_data(secret: Object, account: Object, root_ca: bytes) -> dict[str, str]:
    """The plain parts of the data that are not there or not right, in base64; the token is not among them."""
    data = secret.get("data") or {}
    wanted = {"namespace": base64.b64encode(namespace_of(secret).encode()).decode()}
    if root_ca:
        wanted["ca.crt"] = base64.b64encode(root_ca).decode()
    return {key: value for key, value in wanted.items() if data.get(key) != value}


def _index_by_account(secret: Object) -> tuple[str, ...]:
    name = annotations_of(secret).get(ACCOUNT_NAME)
    return (f"{namespace_of(secret)}/{name}",) if name else ()


class TokenController(Reconciler):
    """Keys are those of Secrets; only Secrets of this type are followed."""

    name = "serviceaccount-token-controller"
    source = "serviceaccount-token-controller"

    def __init__(self, context: Context) -> None:
        self._key: PrivateKey | None = None
        path = context.options.root_ca_file
        self._root_ca = Path(path).read_bytes() if path else b""
        super().__init__(context)
        self.workers = context.options.concurrent_serviceaccount_token_syncs

    def watch(self) -> None:
        self.secrets = self.context.informers.informer(SECRETS, field_selector=f"type={SECRET_TYPE}")
        self.informers.append(self.secrets)
        self.secrets.add_index(_ACCOUNT_INDEX, _index_by_account)
        self.secrets.add_handler(added=self.enqueue, updated=lambda old, new: self.enqueue(new))
        self.accounts = self.informer(SERVICE_ACCOUNTS)
        self.accounts.add_handler(added=self._account_changed, deleted=self._account_changed)

    def _account_changed(self, account: Object) -> None:
        key = f"{namespace_of(account)}/{name_of(account)}"
        for secret in self.secrets.store.by_index(_ACCOUNT_INDEX, key):
            self.enqueue(secret)

    async def sync(self, key: str) -> None:
        secret = self.secrets.store.get(key)
        name = annotations_of(secret).get(ACCOUNT_NAME) if secret else None
        if secret is None or not name or is_deleting(secret):
            return
        account = await self._account(namespace_of(secret), name)
        uid = annotations_of(secret).get(ACCOUNT_UID)
        if account is None or (uid and uid != uid_of(account)):
            await self.act(delete_of(SECRETS, secret))
            return
        if not self.options.service_account_private_key_file:
            return
        data = missing_data(secret, account, self._root_ca)
        if not (secret.get("data") or {}).get("token"):
            data["token"] = base64.b64encode(self._token(secret, account).encode()).decode()
        patch: dict[str, Any] = {"data": data} if data else {}
        if uid != uid_of(account):
            patch["metadata"] = {"annotations": {ACCOUNT_UID: uid_of(account)}}
        if patch:
            await self.act(patch_of(SECRETS, secret, patch))

    def _token(self, secret: Object, account: Object) -> str:
        from pybernetes.lib import jwt

        if self._key is None:
            self._key = jwt.load_private_key(Path(self.options.service_account_private_key_file).read_bytes())
        said = SecretToken(namespace_of(secret), name_of(secret), name_of(account), uid_of(account))
        return jwt.sign(self._key, said.claims())

    async def _account(self, namespace: str, name: str) -> Object | None:
        """From the cache; an account that is not there is asked for, before a Secret is deleted for it."""
        cached = self.accounts.store.get(f"{namespace}/{name}")
        if cached is not None:
            return cached
        try:
            return await self.client.get(SERVICE_ACCOUNTS, namespace, name)
        except NotFound:
            return None
