"""Removes images that no container uses when the disk gets full: the longest unused first, down to a low mark.

Source: https://kubernetes.io/docs/concepts/architecture/garbage-collection/#container-image-lifecycle
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pybernetes.kubelet.cri.client import CRIClient
from pybernetes.kubelet.cri.errors import RuntimeFailure
from pybernetes.kubelet.node.machine import Disk
from pybernetes.kubelet.options import KubeletOptions
from pybernetes.lib.clock import Clock

log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Seen:
    first: float
    last_used: float
    size: int
    pinned: bool


def choose(seen: dict[str, _Seen], used: set[str], to_free: int, now: float, minimum_age: float) -> list[str]:
    """The images to remove, in order, until `to_free` bytes are free. Pure."""
    chosen: list[str] = []
    candidates = [
        (one.last_used, one.first, name) for name, one in seen.items() if name not in used and not one.pinned
    ]
    for last_used, first, name in sorted(candidates):
        if to_free <= 0:
            break
        if last_used > now or now - first < minimum_age:
            continue
        chosen.append(name)
        to_free -= seen[name].size
    return chosen


class ImageCollector:
    def __init__(
        self,
        cri: CRIClient,
        clock: Clock,
        options: KubeletOptions,
        disk: Callable[[], Disk],
        warn: Callable[[str, str], None],
        pinned_names: tuple[str, ...] = (),
    ) -> None:
        self._cri = cri
        self._clock = clock
        self._options = options
        self._disk = disk
        self._warn = warn
        self._pinned = pinned_names
        self._seen: dict[str, _Seen] = {}

    async def _look(self, now: float) -> set[str]:
        """Bring `_seen` up to date; the ids of images in use."""
        images: list[Any] = list(await self._cri.list_images())
        containers = await self._cri.list_containers()
        used: set[str] = set()
        for container in containers:
            used.update((container.image.image, container.image_ref))
        in_use = set()
        current = {}
        for image in images:
            names = {image.id, *image.repo_tags, *image.repo_digests}
            pinned = bool(image.pinned) or any(
                "/pause:" in tag or tag in self._pinned for tag in image.repo_tags
            )
            one = self._seen.get(image.id) or _Seen(now, 0, image.size, pinned)
            if names & used:
                one.last_used = now
                in_use.add(image.id)
            current[image.id] = one
        self._seen = current
        return in_use

    async def collect(self) -> int:
        """One round; the number of images removed."""
        now = self._clock.monotonic()
        used = await self._look(now)
        disk = self._disk()
        if not disk.size:
            return 0
        percent = 100 - disk.free * 100 // disk.size
        if percent < self._options.image_gc_high:
            return 0
        to_free = disk.size * (100 - self._options.image_gc_low) // 100 - disk.free
        removed = freed = 0
        for image in choose(self._seen, used, to_free, now, self._options.image_minimum_age):
            try:
                await self._cri.remove_image(image)
            except RuntimeFailure as error:
                log.warning("image %s stays: %s", image, error)
                continue
            removed += 1
            freed += self._seen.pop(image).size
        if freed < to_free:
            text = (
                f"Failed to garbage collect required amount of images. Attempted to free {to_free} bytes, "
                f"but only found {freed} bytes eligible to free."
            )
            self._warn("FreeDiskSpaceFailed", text)
        return removed
