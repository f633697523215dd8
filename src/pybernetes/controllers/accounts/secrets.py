"""Secrets of type `kubernetes.io/service-account-token`: filled with a token, and gone with their ServiceAccount.

In: such Secrets and ServiceAccounts. Out: the data `token`, `ca.crt` and `namespace`, or the Secret's deletion.
Source: https://kubernetes.io/docs/concepts/configuration/secret/#serviceaccount-token-secrets
"""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import msgspec

from pybernetes.api.errors import NotFound
from pybernetes.api.kinds import SECRETS, SERVICE_ACCOUNTS
from pybernetes.client.interface import Object
from pybernetes.controllers.actions import delete_of, patch_of
from pybernetes.controllers.objects import annotations_of, is_deleting, name_of, namespace_of, uid_of
from pybernetes.controllers.reconciler import Context, Reconciler

TYPE = "kubernetes.io/service-account-token"
ACCOUNT_NAME = "kubernetes.io/service-account.name"
ACCOUNT_UID = "kubernetes.io/service-account.uid"
ISSUER = "kubernetes/serviceaccount"
_CLAIM = "kubernetes.io/serviceaccount/"
_ACCOUNT_INDEX = "service account"


def claims(secret: Object, account: Object) -> dict[str, str]:
    """What a token in a Secret says; it has no end."""
    namespace = namespace_of(secret)
    return {
        "iss": ISSUER,
        f"{_CLAIM}namespace": namespace,
        f"{_CLAIM}secret.name": name_of(secret),
        f"{_CLAIM}service-account.name": name_of(account),
        f"{_CLAIM}service-account.uid": uid_of(account),
        "sub": f"system:serviceaccount:{namespace}:{name_of(account)}",
    }


def missing_data(secret: Object, account: Object, root_ca: bytes) -> dict[str, str]:
    """The plain parts of the data that are not there or not right, in base64; the token is not among them."""
    data = secret.get("data") or {}
    wanted = {"namespace": base64.b64encode(namespace_of(secret).encode()).decode()}
    if root_ca:
        wanted["ca.crt"] = base64.b64encode(root_ca).decode()
    return {key: value for key, value in wanted.items() if data.get(key) != value}


def _url_base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class TokenSigner:
    """A JWT (RFC 7519) signed with the service account key, RSA or P-256; named as the API server names its keys."""

    def __init__(self, key_file: str) -> None:
        from cryptography.hazmat.primitives.serialization import load_pem_private_key

        self._key: Any = load_pem_private_key(Path(key_file).read_bytes(), None)

    def sign(self, payload: dict[str, Any]) -> str:
        from cryptography.hazmat.primitives import hashes
        from cryptography.hazmat.primitives.asymmetric import ec, padding, utils
        from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

        public = self._key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        digest = hashes.Hash(hashes.SHA256())
        digest.update(public)
        elliptic = isinstance(self._key, ec.EllipticCurvePrivateKey)
        header = {"alg": "ES256" if elliptic else "RS256", "kid": _url_base64(digest.finalize())}
        body = ".".join(_url_base64(msgspec.json.encode(part)) for part in (header, payload))
        if elliptic:
            encoded = self._key.sign(body.encode(), ec.ECDSA(hashes.SHA256()))
            r, s = utils.decode_dss_signature(encoded)
            signature = r.to_bytes(32, "big") + s.to_bytes(32, "big")
        else:
            signature = self._key.sign(body.encode(), padding.PKCS1v15(), hashes.SHA256())
        return f"{body}.{_url_base64(signature)}"


def _index_by_account(secret: Object) -> tuple[str, ...]:
    name = annotations_of(secret).get(ACCOUNT_NAME)
    return (f"{namespace_of(secret)}/{name}",) if name else ()


class TokenController(Reconciler):
    """Keys are those of Secrets; only Secrets of this type are followed."""

    name = "serviceaccount-token-controller"
    source = "serviceaccount-token-controller"

    def __init__(self, context: Context) -> None:
        self._signer: TokenSigner | None = None
        path = context.options.root_ca_file
        self._root_ca = Path(path).read_bytes() if path else b""
        super().__init__(context)
        self.workers = context.options.concurrent_serviceaccount_token_syncs

    def watch(self) -> None:
        self.secrets = self.context.informers.informer(SECRETS, field_selector=f"type={TYPE}")
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
            if self._signer is None:
                self._signer = TokenSigner(self.options.service_account_private_key_file)
            data["token"] = base64.b64encode(self._signer.sign(claims(secret, account)).encode()).decode()
        patch: dict[str, Any] = {"data": data} if data else {}
        if uid != uid_of(account):
            patch["metadata"] = {"annotations": {ACCOUNT_UID: uid_of(account)}}
        if patch:
            await self.act(patch_of(SECRETS, secret, patch))

    async def _account(self, namespace: str, name: str) -> Object | None:
        """From the cache; an account that is not there is asked for, before a Secret is deleted for it."""
        cached = self.accounts.store.get(f"{namespace}/{name}")
        if cached is not None:
            return cached
        try:
            return await self.client.get(SERVICE_ACCOUNTS, namespace, name)
        except NotFound:
            return None
