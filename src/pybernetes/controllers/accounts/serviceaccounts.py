"""Every namespace has the ServiceAccount `default` and the ConfigMap `kube-root-ca.crt`.

In: namespaces, and the two objects. Out: the missing or wrong ones, made again. Both controllers are of one
shape: one object by a fixed name in each namespace that is not being deleted.
Source: https://kubernetes.io/docs/reference/access-authn-authz/service-accounts-admin/
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pybernetes.api.errors import AlreadyExists, NotFound
from pybernetes.api.kinds import CONFIG_MAPS, NAMESPACES, SERVICE_ACCOUNTS, Kind
from pybernetes.client.interface import Informer, Object
from pybernetes.controllers.actions import patch_of
from pybernetes.controllers.objects import annotations_of, is_deleting, name_of, namespace_of
from pybernetes.controllers.podcontrol import namespace_is_ending
from pybernetes.controllers.reconciler import Context, Reconciler

ROOT_CA = "kube-root-ca.crt"
DESCRIPTION = "kubernetes.io/description"
_DESCRIBED = (
    "Contains a CA bundle that can be used to verify the kube-apiserver when using internal endpoints such as the "
    "internal service IP or kubernetes.default.svc. No other usage is guaranteed across distributions of Kubernetes "
    "clusters."
)


class _OnePerNamespace(Reconciler):
    """Keys are names of namespaces."""

    kind: Kind
    object_name: str

    def watch(self) -> None:
        self.namespaces = self.informer(NAMESPACES)
        self.namespaces.add_handler(
            added=self._namespace_seen, updated=lambda old, new: self._namespace_seen(new)
        )
        self.objects = self.follow()
        self.objects.add_handler(
            updated=lambda old, new: self._object_changed(new), deleted=self._object_changed
        )

    def follow(self) -> Informer:
        """Only the objects by that name: there may be many and large ones of the kind."""
        found = self.context.informers.informer(self.kind, field_selector=f"metadata.name={self.object_name}")
        self.informers.append(found)
        return found

    def _namespace_seen(self, namespace: Object) -> None:
        if not is_deleting(namespace):
            self.queue.add(name_of(namespace))

    def _object_changed(self, obj: Object) -> None:
        if name_of(obj) == self.object_name:
            self.queue.add(namespace_of(obj))

    def wanted(self, namespace: str) -> Object | None:
        """The object to create; None when there is nothing to publish."""
        raise RuntimeError(f"{self.name} makes nothing")

    def correction(self, obj: Object) -> dict[str, Any] | None:
        """The patch that sets an existing one right."""
        return None

    async def sync(self, key: str) -> None:
        namespace = self.namespaces.store.get(key)
        if namespace is None or is_deleting(namespace):
            return
        obj = self.objects.store.get(f"{key}/{self.object_name}")
        try:
            if obj is None:
                wanted = self.wanted(key)
                if wanted is not None:
                    await self.client.create(self.kind, wanted)
            else:
                patch = self.correction(obj)
                if patch is not None:
                    await self.act(patch_of(self.kind, obj, patch))
        except (AlreadyExists, NotFound):
            return
        except Exception as error:
            if not namespace_is_ending(error):
                raise


class ServiceAccountController(_OnePerNamespace):
    name = "serviceaccount-controller"
    source = "service-account-controller"
    kind = SERVICE_ACCOUNTS
    object_name = "default"

    def follow(self) -> Informer:
        """Service accounts are few, and the token controller follows them all anyway."""
        return self.informer(self.kind)

    def wanted(self, namespace: str) -> Object:
        return {
            "apiVersion": "v1",
            "kind": "ServiceAccount",
            "metadata": {"name": self.object_name, "namespace": namespace},
        }


class RootCAPublisher(_OnePerNamespace):
    name = "root-ca-certificate-publisher-controller"
    source = "root-ca-cert-publisher"
    kind = CONFIG_MAPS
    object_name = ROOT_CA

    def __init__(self, context: Context) -> None:
        path = context.options.root_ca_file
        self._data = {"ca.crt": Path(path).read_text()} if path else None
        super().__init__(context)

    def wanted(self, namespace: str) -> Object | None:
        if self._data is None:
            return None
        return {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": ROOT_CA, "namespace": namespace, "annotations": {DESCRIPTION: _DESCRIBED}},
            "data": self._data,
        }

    def correction(self, obj: Object) -> dict[str, Any] | None:
        if self._data is None or (
            obj.get("data") == self._data and annotations_of(obj).get(DESCRIPTION) == _DESCRIBED
        ):
            return None
        surplus = {key: None for key in obj.get("data") or {} if key not in self._data}
        return {"metadata": {"annotations": {DESCRIPTION: _DESCRIBED}}, "data": {**surplus, **self._data}}
