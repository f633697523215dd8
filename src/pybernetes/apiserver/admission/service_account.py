"""ServiceAccount: every pod has an account, and its containers get a token for it, the CA and the namespace.

https://kubernetes.io/docs/reference/access-authn-authz/service-accounts-admin/
"""

from __future__ import annotations

from typing import Any, cast

from pybernetes.api.errors import forbidden
from pybernetes.api.kinds import PODS, SERVICE_ACCOUNTS
from pybernetes.api.names import is_path_segment
from pybernetes.apiserver.admission.lookups import creates
from pybernetes.apiserver.cache.caches import WatchEvent
from pybernetes.apiserver.generated_names import random_suffix
from pybernetes.apiserver.writes import Write
from pybernetes.semantics.pods import containers_of, is_mirror

Object = dict[str, Any]

MOUNT_PATH = "/var/run/secrets/kubernetes.io/serviceaccount"
TOKEN_SECONDS = 3607
DEFAULT = "default"
PATIENCE = 1.0
"""Seconds that the `default` account of a new namespace is waited for: its controller is about to create it."""


async def mutate(write: Write) -> None:
    if not creates(write, PODS):
        return
    pod = write.object
    spec = pod.get("spec")
    if not isinstance(spec, dict) or is_mirror(pod):
        return
    name = spec.get("serviceAccountName") or spec.get("serviceAccount") or DEFAULT
    spec["serviceAccountName"] = spec["serviceAccount"] = name
    account = await _account(write, name)
    if account is None:
        faults = " ".join(is_path_segment(name))
        why = (
            f'invalid resource name "{name}": [{faults}]' if faults else f'serviceaccount "{name}" not found'
        )
        raise forbidden(PODS, write.name, f"error looking up service account {write.namespace}/{name}: {why}")
    if _mounts_token(spec, account):
        _mount_token(spec)
    if not spec.get("imagePullSecrets") and account.get("imagePullSecrets"):
        spec["imagePullSecrets"] = [dict(one) for one in account["imagePullSecrets"]]


async def validate(write: Write) -> None:
    """A mirror pod stands for what a node runs by itself: it cannot have an account."""
    if creates(write, PODS) and is_mirror(write.object) and write.object["spec"].get("serviceAccountName"):
        raise forbidden(PODS, write.name, "a mirror pod may not reference service accounts")


async def _account(write: Write, name: str) -> Object | None:
    server = write.server
    found = await server.lookup(SERVICE_ACCOUNTS, write.namespace, name)
    if found is not None or name != DEFAULT:
        return found
    cache = await server.registry.cache(server.resources.of(SERVICE_ACCOUNTS))
    subscription = await cache.watch(namespace=write.namespace, name=name, initial=True)
    try:
        async with server.clock.timeout(PATIENCE):
            async for batch in subscription:
                for event in cast("list[WatchEvent]", batch):
                    if event.entry is not None and event.type != "DELETED":
                        return event.entry.object()
    except TimeoutError:
        return None
    finally:
        subscription.close()
    return None


def _mounts_token(spec: Object, account: Object) -> bool:
    own = spec.get("automountServiceAccountToken")
    if own is not None:
        return bool(own)
    return account.get("automountServiceAccountToken") is not False


def _mount_token(spec: Object) -> None:
    volumes: list[Object] = spec.get("volumes") or []
    name = next((one["name"] for one in volumes if one.get("name", "").startswith("kube-api-access-")), "")
    missing = not name
    name = name or f"kube-api-access-{random_suffix()}"
    mounted = False
    for container in containers_of(spec):
        mounts = container.get("volumeMounts") or []
        if any(one.get("mountPath") == MOUNT_PATH for one in mounts):
            continue
        container["volumeMounts"] = [*mounts, {"name": name, "readOnly": True, "mountPath": MOUNT_PATH}]
        mounted = True
    if mounted and missing:
        spec["volumes"] = [*volumes, {"name": name, "projected": _projection()}]


def _projection() -> Object:
    return {
        "sources": [
            {"serviceAccountToken": {"expirationSeconds": TOKEN_SECONDS, "path": "token"}},
            {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
            {
                "downwardAPI": {
                    "items": [
                        {
                            "path": "namespace",
                            "fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.namespace"},
                        }
                    ]
                }
            },
        ],
        "defaultMode": 420,
    }
