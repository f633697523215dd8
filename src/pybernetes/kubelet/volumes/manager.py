"""The volumes of a pod: `prepare` makes all of them, `refresh` writes what changed, `tear_down` removes them.

Kinds: emptyDir, hostPath, configMap, secret, downwardAPI, projected. Failures are `VolumeFailed`, whose text
goes into a FailedMount event.
"""

from __future__ import annotations

import logging
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pybernetes.api import quantity
from pybernetes.api.errors import APIError
from pybernetes.kubelet.environment.expansion import expand
from pybernetes.kubelet.machine.model import Object
from pybernetes.kubelet.objects import References
from pybernetes.kubelet.options import Layout
from pybernetes.kubelet.volumes import hostpath, mounts, payloads, subpath, writer

log = logging.getLogger(__name__)

WRITTEN = {
    "configMap": "configmap",
    "secret": "secret",
    "downwardAPI": "downward-api",
    "projected": "projected",
}
"""Volumes that are files written by the kubelet, and the directory of each kind."""


class VolumeFailed(Exception):
    """A volume cannot be made now; the text is for the user."""


@dataclass(slots=True, frozen=True)
class Surroundings:
    """What a pod's files may say about where it is."""

    ips: tuple[str, ...] = ()
    host_ips: tuple[str, ...] = ()
    allocatable: Mapping[str, int] | None = None


@dataclass(slots=True, frozen=True)
class Mounted:
    """One mount of a container, with paths on the node."""

    container_path: str
    host_path: str
    read_only: bool = False
    propagation: str = "None"


class Volumes:
    """Keeps no state but the disk's."""

    def __init__(self, layout: Layout, references: References) -> None:
        self._layout = layout
        self._references = references

    async def prepare(self, pod: Object, around: Surroundings) -> None:
        for volume in pod["spec"].get("volumes") or ():
            try:
                await self._prepare_one(pod, volume, around)
            except (
                payloads.SourceMissing,
                hostpath.HostPathWrong,
                writer.PathRefused,
                APIError,
                OSError,
            ) as error:
                text = f'MountVolume.SetUp failed for volume "{volume["name"]}" : {error}'
                raise VolumeFailed(text) from error

    async def refresh(self, pod: Object, around: Surroundings) -> None:
        """Rewrite the volumes whose sources changed; one that cannot be is left as it was."""
        for volume in pod["spec"].get("volumes") or ():
            if not any(volume.get(kind) is not None for kind in WRITTEN):
                continue
            try:
                await self._prepare_one(pod, volume, around)
            except (payloads.SourceMissing, writer.PathRefused, APIError, OSError) as error:
                log.warning(
                    "volume %s of pod %s stays as it was: %s", volume["name"], pod["metadata"]["name"], error
                )

    async def _prepare_one(self, pod: Object, volume: Object, around: Surroundings) -> None:
        uid = pod["metadata"]["uid"]
        group = (pod["spec"].get("securityContext") or {}).get("fsGroup")
        if volume.get("hostPath") is not None:
            hostpath.prepare(volume["hostPath"]["path"], volume["hostPath"].get("type") or "")
            return
        for kind, plugin in WRITTEN.items():
            if volume.get(kind) is not None:
                sources = await self._sources(pod, volume, around)
                directory = self._layout.volume(uid, plugin, volume["name"])
                writer.write(directory, payloads.payload(pod, volume, sources), group)
                return
        if volume.get("emptyDir") is not None or set(volume) == {"name"}:
            self._empty_dir(pod, volume, group)
            return
        kind = next(key for key in volume if key != "name")
        raise payloads.SourceMissing(f"no volume plugin matched: this node has none for {kind} volumes")

    async def _sources(self, pod: Object, volume: Object, around: Surroundings) -> payloads.Sources:
        meta = pod["metadata"]
        namespace = meta.get("namespace", "default")
        wanted = payloads.references(volume)
        if wanted:
            await self._references.need(meta["uid"], namespace, wanted)
        tokens = {}
        for request in payloads.token_requests(volume):
            key = (request.get("audience") or "", request["path"])
            tokens[key] = await self._references.token(pod, request)
        return payloads.Sources(
            self._references.lookup(namespace), tokens, around.ips, around.host_ips, around.allocatable or {}
        )

    def _empty_dir(self, pod: Object, volume: Object, group: int | None) -> None:
        directory = self._layout.volume(pod["metadata"]["uid"], "empty-dir", volume["name"])
        if directory.exists():
            return
        directory.mkdir(parents=True)
        spec = volume.get("emptyDir") or {}
        if spec.get("medium") == "Memory":
            limit = spec.get("sizeLimit")
            mounts.tmpfs(str(directory), quantity.value(limit) if limit else 0)
        directory.chmod(0o777)
        if group is not None:
            os.chown(directory, -1, group)
            directory.chmod(0o2777)

    def host_path(self, pod: Object, volume: Object) -> str:
        """Where the volume is on the node."""
        if volume.get("hostPath") is not None:
            return str(volume["hostPath"]["path"])
        for kind, plugin in WRITTEN.items():
            if volume.get(kind) is not None:
                return str(self._layout.volume(pod["metadata"]["uid"], plugin, volume["name"]))
        return str(self._layout.volume(pod["metadata"]["uid"], "empty-dir", volume["name"]))

    def mounts_of(self, pod: Object, container: Object, variables: Mapping[str, str]) -> list[Mounted]:
        """The container's volumeMounts; subPaths are mounted here. Raises VolumeFailed."""
        volumes = {volume["name"]: volume for volume in pod["spec"].get("volumes") or ()}
        result = []
        for position, wanted in enumerate(container.get("volumeMounts") or ()):
            volume = volumes.get(wanted["name"])
            if volume is None:
                raise VolumeFailed(
                    f'volume "{wanted["name"]}" of container {container["name"]} is not in the pod'
                )
            host = self.host_path(pod, volume)
            part = wanted.get("subPath") or ""
            if wanted.get("subPathExpr"):
                part = expand(wanted["subPathExpr"], variables)
            if part:
                host = self._subpath(pod, container, position, wanted, Path(host), part)
            propagation = wanted.get("mountPropagation") or "None"
            result.append(Mounted(wanted["mountPath"], host, bool(wanted.get("readOnly")), propagation))
        return result

    def _subpath(
        self, pod: Object, container: Object, position: int, wanted: Object, volume: Path, part: str
    ) -> str:
        place = (
            self._layout.subpaths(pod["metadata"]["uid"]) / wanted["name"] / container["name"] / str(position)
        )
        try:
            return subpath.prepare(volume, part, place, create=not wanted.get("readOnly"))
        except subpath.SubPathRefused as error:
            text = f'failed to prepare subPath for volumeMount "{wanted["name"]}" of container "{container["name"]}"'
            raise VolumeFailed(f"{text}: {error}") from error

    def tear_down(self, uid: str) -> None:
        """Unmount everything of the pod and remove its volumes. Raises OSError; may be called again."""
        directory = self._layout.pod(uid)
        for point in mounts.mounts_below(directory):
            mounts.unmount(point)
        left = mounts.mounts_below(directory)
        if left:
            raise OSError(16, f"still mounted: {', '.join(left)}")
        for part in ("volumes", "volume-subpaths"):
            if (directory / part).exists():
                shutil.rmtree(directory / part)
