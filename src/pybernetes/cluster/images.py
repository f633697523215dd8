"""Images for nodes without a registry: the pause image of this machine's catatonit, and archives of the user's.

In go a node's containerd socket and an archive's path; a node that has the image already is left alone.
"""

from __future__ import annotations

import json
import tarfile
from collections.abc import Iterable
from pathlib import Path

from pybernetes.cluster import containerd, oci_archive
from pybernetes.cluster.commands import path_of
from pybernetes.cluster.failure import Failure

PAUSE_IMAGE = "pybernetes.io/pause:1"


def pause_archive(folder: Path) -> Path:
    """The archive of the pause image, assembled the first time: catatonit, which does nothing but reap."""
    archive = folder / "pause.tar"
    if not archive.exists():
        folder.mkdir(parents=True, exist_ok=True)
        program = Path(path_of("catatonit"))
        image = oci_archive.Image(
            PAUSE_IMAGE, {"/catatonit": program}, entrypoint=["/catatonit", "-P"], user="65535:65535"
        )
        oci_archive.write(image, archive)
    return archive


def ensure_pause(socket: Path, archive: Path) -> None:
    """Have the pause image in a containerd; Failure while that does not listen yet."""
    if not socket.exists():
        raise Failure(f"containerd does not listen on {socket}")
    if PAUSE_IMAGE not in containerd.image_names(socket):
        containerd.import_archive(socket, archive)


def load(archive: Path, sockets: Iterable[tuple[str, Path]]) -> list[str]:
    """Import the archive into every node's containerd; answers the names of its images.

    `sockets` are pairs of a node's name and its socket. Raises Failure for a file that is no image archive.
    """
    check_archive(archive)
    names: list[str] = []
    for node, socket in sockets:
        if not socket.exists():
            raise Failure(f"{node} does not run: start it with `pybernetes up`, then load the image again")
        names = containerd.import_archive(socket, archive)
    return names


def check_archive(path: Path) -> None:
    """Raise Failure unless the file is a tar with an OCI index or a docker manifest that names its images."""
    try:
        with tarfile.open(path) as archive:
            members = set(archive.getnames())
            if "manifest.json" in members:
                return
            if "index.json" not in members:
                raise Failure(f"{path} is not an image archive: make one with `docker save` or `podman save`")
            file = archive.extractfile("index.json")
            manifests = json.load(file)["manifests"] if file else []
    except FileNotFoundError:
        raise Failure(f"{path} does not exist: give the path of an OCI or docker archive")
    except (tarfile.TarError, IsADirectoryError, ValueError, KeyError):
        raise Failure(f"{path} is not an image archive: make one with `docker save` or `podman save`")
    names = ("io.containerd.image.name", "org.opencontainers.image.ref.name")
    if not any(manifest.get("annotations", {}).get(name) for manifest in manifests for name in names):
        raise Failure(f"{path} does not name its image: save it with a name, such as example.com/app:1")
