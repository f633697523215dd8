"""Image names, credentials, pulling by policy, collection."""

from __future__ import annotations

import base64
import json
from types import SimpleNamespace

import pytest

from pybernetes.kubelet.cri.errors import RuntimeFailure
from pybernetes.kubelet.images import names
from pybernetes.kubelet.images.collector import _Seen, choose
from pybernetes.kubelet.images.credentials import candidates
from pybernetes.kubelet.images.puller import ImageProblem, Puller
from pybernetes.lib.clock import VirtualClock


@pytest.mark.parametrize(
    ("image", "domain", "path", "tag"),
    [
        ("nginx", "docker.io", "library/nginx", ""),
        ("me/app:v1", "docker.io", "me/app", "v1"),
        ("localhost/app", "localhost", "app", ""),
        ("127.0.0.1:5000/a/b:x", "127.0.0.1:5000", "a/b", "x"),
        ("registry.k8s.io/pause:3.10", "registry.k8s.io", "pause", "3.10"),
    ],
)
def test_an_image_name_is_taken_apart(image, domain, path, tag):
    found = names.parse(image)
    assert (found.domain, found.path, found.tag) == (domain, path, tag)


@pytest.mark.parametrize("image", ["UPPER", "a b", "", "x:", "x@sha256:short", "-x"])
def test_what_is_no_image_name_is_refused(image):
    with pytest.raises(names.NameInvalid, match="invalid reference format"):
        names.parse(image)


def test_the_default_tag_is_added_only_where_there_is_none():
    digest = "nginx@sha256:" + "a" * 64
    assert [names.with_default_tag(one) for one in ("nginx", "nginx:1", digest)] == [
        "nginx:latest",
        "nginx:1",
        digest,
    ]


def secret(auths):
    text = base64.b64encode(json.dumps({"auths": auths}).encode()).decode()
    return {"type": "kubernetes.io/dockerconfigjson", "data": {".dockerconfigjson": text}}


def test_the_most_specific_credential_is_tried_first():
    auth = base64.b64encode(b"bob:word").decode()
    secrets = [
        secret(
            {"reg.example.com": {"username": "a", "password": "1"}, "reg.example.com/team": {"auth": auth}}
        ),
        secret({"*.example.com": {"username": "c", "password": "3"}, "other.com": {"username": "d"}}),
    ]
    found = candidates(names.parse("reg.example.com/team/app"), secrets)
    assert [one.username for one in found] == ["bob", "a", "c"]
    assert found[0].password == "word"


def test_docker_hub_has_many_names():
    secrets = [secret({"https://index.docker.io/v1/": {"username": "me", "password": "x"}})]
    assert [one.username for one in candidates(names.parse("nginx"), secrets)] == ["me"]


def test_a_broken_secret_gives_no_credentials():
    broken = {"type": "kubernetes.io/dockerconfigjson", "data": {".dockerconfigjson": "!!"}}
    assert candidates(names.parse("nginx"), [broken]) == []


class FakeCRI:
    def __init__(self, present=(), failure=None):
        self.present = set(present)
        self.failure = failure
        self.pulls = []

    async def image_status(self, image):
        return SimpleNamespace(id="sha256:1", size=7) if image in self.present else None

    async def pull_image(self, image, auth):
        self.pulls.append((image, auth))
        if self.failure:
            raise self.failure
        self.present.add(image)
        return image


async def ensure(cri, image, policy):
    said = []
    puller = Puller(cri, VirtualClock())
    try:
        await puller.ensure(
            {"name": "c", "image": image, "imagePullPolicy": policy}, [], lambda *event: said.append(event)
        )
    except ImageProblem as problem:
        return problem.reason, said
    return "", said


async def test_an_image_that_is_there_is_not_pulled():
    cri = FakeCRI(["nginx:1"])
    _, said = await ensure(cri, "nginx:1", "IfNotPresent")
    assert not cri.pulls
    text = 'Container image "nginx:1" already present on machine and can be accessed by the pod'
    assert said == [("Normal", "Pulled", text)]


async def test_always_pulls_and_says_how_long_it_took():
    cri = FakeCRI(["nginx:latest"])
    _, said = await ensure(cri, "nginx", "Always")
    assert [image for image, _ in cri.pulls] == ["nginx:latest"]
    assert [reason for _, reason, _ in said] == ["Pulling", "Pulled"]
    assert (
        said[1][2] == 'Successfully pulled image "nginx" in 0s (0s including waiting). Image size: 7 bytes.'
    )


async def test_never_refuses_what_is_not_there():
    reason, said = await ensure(FakeCRI(), "nginx:1", "Never")
    assert reason == "ErrImageNeverPull"
    assert said[0][2] == 'Container image "nginx:1" is not present with pull policy of Never'
    assert said[1] == ("Warning", "Failed", "Error: ErrImageNeverPull")


async def test_a_failed_pull_is_told_in_the_runtimes_words():
    cri = FakeCRI(failure=RuntimeFailure("NotFound", "no such image"))
    reason, said = await ensure(cri, "nginx:1", "IfNotPresent")
    assert reason == "ErrImagePull"
    assert said[1][2] == 'Failed to pull image "nginx:1": rpc error: code = NotFound desc = no such image'
    assert said[2] == ("Warning", "Failed", "Error: ErrImagePull")


async def test_a_name_that_is_none_is_told():
    reason, said = await ensure(FakeCRI(), "UPPER", "IfNotPresent")
    assert reason == "InvalidImageName"
    assert said[0][2].startswith(
        'Failed to apply default image tag "UPPER": couldn\'t parse image name "UPPER": invalid'
    )


def test_the_longest_unused_images_go_first_and_young_or_used_ones_stay():
    seen = {
        "used": _Seen(0, 500, 100, False),
        "old": _Seen(0, 10, 100, False),
        "older": _Seen(0, 5, 100, False),
        "young": _Seen(450, 0, 100, False),
        "pause": _Seen(0, 0, 100, True),
    }
    assert choose(seen, {"used"}, 150, 500, 120) == ["older", "old"]
    assert choose(seen, {"used"}, 50, 500, 120) == ["older"]
