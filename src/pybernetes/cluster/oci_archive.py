"""Images assembled from files of this machine: in go paths and a command, out comes an OCI archive.

Such an archive is what `pybernetes image load` and `ctr images import` take, so a cluster needs no
registry for its pause image (catatonit) nor a test for its programs (busybox).
The same input gives the same bytes, hence the same image ID, on every machine.
Format: https://github.com/opencontainers/image-spec
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import platform
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

ARCHITECTURES = {
    "x86_64": "amd64",
    "aarch64": "arm64",
    "armv7l": "arm",
    "ppc64le": "ppc64le",
    "s390x": "s390x",
}

CONFIG_TYPE = "application/vnd.oci.image.config.v1+json"
LAYER_TYPE = "application/vnd.oci.image.layer.v1.tar"
MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"
INDEX_TYPE = "application/vnd.oci.image.index.v1+json"


@dataclass(frozen=True)
class Image:
    """What an image holds. `files` maps a path inside to its bytes, or to a path on this machine to read;
    `links` maps a path inside to what it points to; modes are 0755."""

    name: str
    files: Mapping[str, bytes | Path]
    links: Mapping[str, str] = field(default_factory=dict)
    entrypoint: Sequence[str] = ()
    command: Sequence[str] = ()
    environment: Sequence[str] = ("PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",)
    directory: str = "/"
    user: str = ""
    ports: Sequence[int] = ()


def layer(image: Image) -> bytes:
    """The one layer, an uncompressed tar with every parent directory, owned by root and dated 1970."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for directory in _directories([*image.files, *image.links]):
            entry = tarfile.TarInfo(directory)
            entry.type = tarfile.DIRTYPE
            entry.mode = 0o1777 if directory == "tmp" else 0o755
            archive.addfile(entry)
        for name in sorted(image.files):
            source = image.files[name]
            content = source if isinstance(source, bytes) else source.read_bytes()
            entry = tarfile.TarInfo(name.lstrip("/"))
            entry.size = len(content)
            entry.mode = 0o755
            archive.addfile(entry, io.BytesIO(content))
        for name in sorted(image.links):
            entry = tarfile.TarInfo(name.lstrip("/"))
            entry.type = tarfile.SYMTYPE
            entry.linkname = image.links[name]
            entry.mode = 0o777
            archive.addfile(entry)
    return buffer.getvalue()


def _directories(names: Sequence[str]) -> list[str]:
    found = {"tmp"}
    for name in names:
        parent = os.path.dirname(name.strip("/"))
        while parent:
            found.add(parent)
            parent = os.path.dirname(parent)
    return sorted(found)


def blobs(image: Image) -> tuple[dict[str, bytes], dict[str, object]]:
    """Every blob by its digest (`sha256:...`), and the descriptor of the manifest among them."""
    content: dict[str, bytes] = {}

    def add(data: bytes, kind: str) -> dict[str, object]:
        digest = "sha256:" + hashlib.sha256(data).hexdigest()
        content[digest] = data
        return {"mediaType": kind, "digest": digest, "size": len(data)}

    layer_descriptor = add(layer(image), LAYER_TYPE)
    process: dict[str, object] = {"Env": list(image.environment), "WorkingDir": image.directory}
    if image.entrypoint:
        process["Entrypoint"] = list(image.entrypoint)
    if image.command:
        process["Cmd"] = list(image.command)
    if image.user:
        process["User"] = image.user
    if image.ports:
        process["ExposedPorts"] = {f"{port}/tcp": {} for port in image.ports}
    config = {
        "architecture": ARCHITECTURES.get(platform.machine(), platform.machine()),
        "os": "linux",
        "config": process,
        "rootfs": {"type": "layers", "diff_ids": [layer_descriptor["digest"]]},
    }
    config_descriptor = add(json.dumps(config, sort_keys=True).encode(), CONFIG_TYPE)
    manifest = {
        "schemaVersion": 2,
        "mediaType": MANIFEST_TYPE,
        "config": config_descriptor,
        "layers": [layer_descriptor],
    }
    return content, add(json.dumps(manifest, sort_keys=True).encode(), MANIFEST_TYPE)


def write(image: Image, path: Path) -> None:
    """Write the archive; it appears under its name only when it is complete."""
    content, descriptor = blobs(image)
    # containerd takes the image's full name from the first annotation; other tools read the second.
    annotations = {
        "io.containerd.image.name": image.name,
        "org.opencontainers.image.ref.name": image.name.rpartition(":")[2],
    }
    index = {
        "schemaVersion": 2,
        "mediaType": INDEX_TYPE,
        "manifests": [{**descriptor, "annotations": annotations}],
    }
    members = {
        "oci-layout": json.dumps({"imageLayoutVersion": "1.0.0"}).encode(),
        "index.json": json.dumps(index, sort_keys=True).encode(),
        **{"blobs/sha256/" + digest.partition(":")[2]: data for digest, data in content.items()},
    }
    partial = path.with_name(path.name + ".partial")
    with tarfile.open(partial, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for name, data in members.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            entry.mode = 0o644
            archive.addfile(entry, io.BytesIO(data))
    os.replace(partial, path)
