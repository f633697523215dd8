"""The atomic writer and the payloads of volumes."""

from __future__ import annotations

import base64
import os

import pytest

from pybernetes.kubelet.volumes import hostpath, payloads, subpath, writer
from pybernetes.kubelet.volumes.writer import File

POD = {"metadata": {"name": "p", "namespace": "ns", "uid": "u"}, "spec": {"containers": [{"name": "c"}]}}


def test_files_appear_through_the_data_link(tmp_path):
    assert writer.write(tmp_path, {"a": File(b"1", 0o400), "d/b": File(b"2")})
    assert (tmp_path / "a").read_bytes() == b"1"
    assert (tmp_path / "d" / "b").read_bytes() == b"2"
    assert os.readlink(tmp_path / "a") == "..data/a"
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o400


def test_an_unchanged_payload_touches_nothing(tmp_path):
    writer.write(tmp_path, {"a": File(b"1")})
    before = os.readlink(tmp_path / "..data")
    assert not writer.write(tmp_path, {"a": File(b"1")})
    assert os.readlink(tmp_path / "..data") == before


def test_an_update_replaces_all_and_leaves_nothing_old(tmp_path):
    writer.write(tmp_path, {"a": File(b"1"), "gone": File(b"x")})
    held = open(tmp_path / "a", "rb")  # noqa: SIM115
    assert writer.write(tmp_path, {"a": File(b"2"), "new": File(b"y")})
    assert held.read() == b"1"
    held.close()
    assert sorted(name for name in os.listdir(tmp_path) if not name.startswith("..")) == ["a", "new"]
    assert len([name for name in os.listdir(tmp_path) if name.startswith("..")]) == 2


@pytest.mark.parametrize("path", ["/a", "../a", "a/../../b", "..a", ""])
def test_paths_out_of_the_volume_are_refused(tmp_path, path):
    with pytest.raises(writer.PathRefused):
        writer.write(tmp_path, {path: File(b"")})


def sources(**objects):
    found = {tuple(key.split("_", 1)): value for key, value in objects.items()}
    return payloads.Sources(lambda kind, name: found.get((kind, name)))


def test_a_secret_is_decoded_and_items_choose_and_rename():
    data = {"data": {"k": base64.b64encode(b"v").decode(), "l": base64.b64encode(b"w").decode()}}
    volume = {
        "name": "v",
        "secret": {"secretName": "s", "defaultMode": 0o440, "items": [{"key": "k", "path": "x/y"}]},
    }
    assert payloads.payload(POD, volume, sources(secret_s=data)) == {"x/y": File(b"v", 0o440)}


def test_a_missing_object_is_named_in_upstreams_words():
    volume = {"name": "v", "configMap": {"name": "c"}}
    with pytest.raises(payloads.SourceMissing, match=r'^configmap "c" not found$'):
        payloads.payload(POD, volume, sources())
    optional = {"name": "v", "configMap": {"name": "c", "optional": True}}
    assert payloads.payload(POD, optional, sources()) == {}


def test_a_missing_key_is_named():
    volume = {"name": "v", "configMap": {"name": "c", "items": [{"key": "k", "path": "p"}]}}
    with pytest.raises(payloads.SourceMissing, match="references non-existent config key: k"):
        payloads.payload(POD, volume, sources(configmap_c={"data": {}}))


def test_a_token_is_private_to_the_one_user_or_shared_with_the_group():
    volume = {"name": "v", "projected": {"sources": [{"serviceAccountToken": {"path": "token"}}]}}
    given = payloads.Sources(lambda *_: None, {("", "token"): "abc"})
    assert payloads.payload(POD, volume, given)["token"].mode == 0o644
    one_user = {**POD, "spec": {**POD["spec"], "securityContext": {"runAsUser": 7}}}
    assert payloads.payload(one_user, volume, given)["token"] == File(b"abc", 0o600, owner=7)
    group = {**POD, "spec": {**POD["spec"], "securityContext": {"fsGroup": 7}}}
    assert payloads.payload(group, volume, given)["token"].mode == 0o640


def test_host_paths_are_checked(tmp_path):
    hostpath.prepare(str(tmp_path / "new"), "DirectoryOrCreate")
    assert (tmp_path / "new").is_dir()
    hostpath.prepare(str(tmp_path / "file"), "FileOrCreate")
    assert (tmp_path / "file").is_file()
    with pytest.raises(hostpath.HostPathWrong, match="is not a directory"):
        hostpath.prepare(str(tmp_path / "file"), "Directory")
    with pytest.raises(hostpath.HostPathWrong, match="is not a socket"):
        hostpath.prepare(str(tmp_path / "none"), "Socket")


def test_sub_paths_never_leave_their_volume(tmp_path):
    (tmp_path / "volume").mkdir()
    (tmp_path / "volume" / "link").symlink_to("/etc")
    for part in ("../x", "/etc", "link"):
        with pytest.raises(subpath.SubPathRefused):
            subpath.prepare(tmp_path / "volume", part, tmp_path / "target", create=True)
