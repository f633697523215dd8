"""Image archives: the same bytes from the same files, and digests that fit."""

import hashlib
import io
import json
import tarfile
from pathlib import Path

import pytest

from pybernetes.cluster import images, oci_archive
from pybernetes.cluster.failure import Failure

IMAGE = oci_archive.Image(
    "example.com/app:1",
    {"/bin/app": b"#!/bin/sh\n"},
    links={"/bin/sh": "app"},
    entrypoint=["/bin/app"],
    ports=[80],
)


def members(path: Path) -> dict[str, bytes]:
    with tarfile.open(path) as archive:
        return {member.name: archive.extractfile(member).read() for member in archive if member.isfile()}


def test_the_same_image_gives_the_same_archive(tmp_path: Path) -> None:
    oci_archive.write(IMAGE, tmp_path / "a.tar")
    oci_archive.write(IMAGE, tmp_path / "b.tar")
    assert (tmp_path / "a.tar").read_bytes() == (tmp_path / "b.tar").read_bytes()


def test_every_blob_is_under_its_digest_and_the_index_names_the_image(tmp_path: Path) -> None:
    oci_archive.write(IMAGE, tmp_path / "a.tar")
    found = members(tmp_path / "a.tar")
    for name, data in found.items():
        if name.startswith("blobs/sha256/"):
            assert hashlib.sha256(data).hexdigest() == name.rpartition("/")[2]
    index = json.loads(found["index.json"])
    (manifest,) = index["manifests"]
    assert manifest["annotations"]["io.containerd.image.name"] == "example.com/app:1"
    config = json.loads(found["blobs/sha256/" + json.loads(found[_blob(manifest)])["config"]["digest"][7:]])
    assert config["config"]["Entrypoint"] == ["/bin/app"]
    assert config["config"]["ExposedPorts"] == {"80/tcp": {}}


def _blob(descriptor: dict[str, str]) -> str:
    return "blobs/sha256/" + descriptor["digest"].removeprefix("sha256:")


def test_the_layer_has_parent_directories_and_executable_files() -> None:
    with tarfile.open(fileobj=io.BytesIO(oci_archive.layer(IMAGE))) as layer:
        assert layer.getmember("bin").isdir()
        assert layer.getmember("bin/app").mode == 0o755
        assert layer.getmember("bin/sh").linkname == "app"
        assert layer.getmember("tmp").mode == 0o1777


def test_an_archive_of_ours_can_be_loaded(tmp_path: Path) -> None:
    oci_archive.write(IMAGE, tmp_path / "a.tar")
    images.check_archive(tmp_path / "a.tar")


@pytest.mark.parametrize("content", [b"", b"not a tar at all" * 100])
def test_other_files_are_refused_in_one_line(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)
    with pytest.raises(Failure, match="not an image archive") as caught:
        images.check_archive(path)
    assert "\n" not in str(caught.value)


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(Failure, match="does not exist"):
        images.check_archive(tmp_path / "none")


def test_an_archive_without_a_name_is_refused(tmp_path: Path) -> None:
    index = json.dumps({"schemaVersion": 2, "manifests": [{"digest": "sha256:0"}]}).encode()
    with tarfile.open(tmp_path / "a.tar", "w") as archive:
        entry = tarfile.TarInfo("index.json")
        entry.size = len(index)
        archive.addfile(entry, io.BytesIO(index))
    with pytest.raises(Failure, match="does not name"):
        images.check_archive(tmp_path / "a.tar")
