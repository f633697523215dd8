"""The files of configMap, secret, downwardAPI and projected volumes, as values. Pure.

Sources come in through `Sources`, which the caller fills beforehand; what is missing is `SourceMissing`.
Source: https://kubernetes.io/docs/concepts/storage/projected-volumes/
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from pybernetes.kubelet.environment.fields import FieldUnknown, pod_field, resource_field
from pybernetes.kubelet.environment.variables import data_of
from pybernetes.kubelet.machine.model import Object
from pybernetes.kubelet.volumes.writer import File
from pybernetes.semantics.pods import containers_of

DEFAULT_MODE = 0o644
TOKEN_MODE = 0o600


class SourceMissing(Exception):
    """An object or a key that a volume needs is not there."""


@dataclass(slots=True)
class Sources:
    """What volumes are made from: `lookup(kind, name)`, tokens by (audience, path), and the pod's surroundings."""

    lookup: Callable[[str, str], Object | None]
    tokens: Mapping[tuple[str, str], str] = field(default_factory=dict)
    ips: tuple[str, ...] = ()
    host_ips: tuple[str, ...] = ()
    allocatable: Mapping[str, int] = field(default_factory=dict)


def references(volume: Object) -> set[tuple[str, str]]:
    """("configmap" | "secret", name) that the volume is made from."""
    found = set()
    if volume.get("configMap"):
        found.add(("configmap", volume["configMap"]["name"]))
    if volume.get("secret"):
        found.add(("secret", volume["secret"]["secretName"]))
    for source in (volume.get("projected") or {}).get("sources") or ():
        for kind in ("configMap", "secret"):
            if source.get(kind):
                found.add((kind.lower(), source[kind]["name"]))
    return found


def token_requests(volume: Object) -> list[Object]:
    """The serviceAccountToken sources of a projected volume."""
    sources = (volume.get("projected") or {}).get("sources") or ()
    return [source["serviceAccountToken"] for source in sources if source.get("serviceAccountToken")]


def payload(pod: Object, volume: Object, sources: Sources) -> dict[str, File]:
    """Path -> file of a volume of one of these kinds. Raises SourceMissing in upstream's words."""
    namespace = pod["metadata"].get("namespace", "default")
    if volume.get("configMap") is not None:
        spec = volume["configMap"]
        return _from_object("configmap", spec["name"], spec, namespace, _mode(spec), sources)
    if volume.get("secret") is not None:
        spec = volume["secret"]
        return _from_object("secret", spec["secretName"], spec, namespace, _mode(spec), sources)
    if volume.get("downwardAPI") is not None:
        return _downward(pod, volume["downwardAPI"], _mode(volume["downwardAPI"]), sources)
    projected = volume["projected"]
    mode = _mode(projected)
    files: dict[str, File] = {}
    for source in projected.get("sources") or ():
        for field_name in ("configMap", "secret"):
            spec = source.get(field_name)
            if spec:
                kind = field_name.lower()
                files.update(_from_object(kind, spec["name"], spec, namespace, mode, sources))
        if source.get("downwardAPI"):
            files.update(_downward(pod, source["downwardAPI"], mode, sources))
        token = source.get("serviceAccountToken")
        if token:
            text = sources.tokens.get((token.get("audience") or "", token["path"]))
            if text is None:
                raise SourceMissing(f"failed to fetch token for {token['path']}")
            files[token["path"]] = _token_file(pod, text, mode)
    return files


def _mode(spec: Object) -> int:
    mode = spec.get("defaultMode")
    return DEFAULT_MODE if mode is None else int(mode)


def _token_file(pod: Object, text: str, mode: int) -> File:
    """A token is readable by its one user only, where all containers share one; or by the pod's group."""
    context = pod["spec"].get("securityContext") or {}
    if context.get("fsGroup") is not None:
        return File(text.encode(), 0o640)
    users = {
        (container.get("securityContext") or {}).get("runAsUser", context.get("runAsUser"))
        for container in containers_of(pod["spec"])
    }
    if len(users) == 1 and (user := users.pop()) is not None:
        return File(text.encode(), TOKEN_MODE, owner=user)
    return File(text.encode(), mode)


def _from_object(
    kind: str, name: str, spec: Object, namespace: str, mode: int, sources: Sources
) -> dict[str, File]:
    obj = sources.lookup(kind, name)
    if obj is None:
        if spec.get("optional"):
            return {}
        raise SourceMissing(f'{kind} "{name}" not found')
    data = data_of(kind, obj)
    items = spec.get("items")
    if not items:
        return {key: File(value, mode) for key, value in data.items()}
    files = {}
    for item in items:
        if item["key"] not in data:
            if spec.get("optional"):
                continue
            raise SourceMissing(
                f"references non-existent {kind} key: {item['key']}".replace("configmap", "config")
            )
        chosen = item.get("mode")
        files[item["path"]] = File(data[item["key"]], mode if chosen is None else int(chosen))
    return files


def _downward(pod: Object, spec: Object, mode: int, sources: Sources) -> dict[str, File]:
    files = {}
    for item in spec.get("items") or ():
        try:
            if item.get("fieldRef"):
                text = pod_field(
                    pod, item["fieldRef"]["fieldPath"], ips=sources.ips, host_ips=sources.host_ips
                )
            else:
                text = resource_field(pod, item["resourceFieldRef"], "", sources.allocatable)
        except FieldUnknown as error:
            raise SourceMissing(str(error)) from error
        chosen = item.get("mode")
        files[item["path"]] = File(text.encode(), mode if chosen is None else int(chosen))
    return files
