"""A docker-registry on the cluster's bridge, and pushing images that are assembled from busybox-static."""

from __future__ import annotations

import json
import shutil
import subprocess
import urllib.error
import urllib.request
from pathlib import Path

from pybernetes.cluster import oci_archive
from pybernetes.cluster.oci_archive import Image
from pybernetes.cluster.waiting import until

APPLETS = (
    "sh", "httpd", "wget", "cat", "echo", "ls", "ps", "sleep", "env", "hostname", "tar", "mkdir", "kill", "head",
    "grep", "id", "test", "true", "false", "date", "dd", "sync", "seq", "md5sum", "rm", "touch", "stat", "trap", "nc",
)  # fmt: skip

SERVE = """#!/bin/sh
mkdir -p /tmp/www
echo "$VERSION $(hostname)" > /tmp/www/index.html
echo "serving $VERSION"
trap 'echo stopping; exit 0' TERM
httpd -f -p 8080 -h /tmp/www &
wait
"""


def image(name: str, version: str = "v1") -> Image:
    """busybox with a web server as its command, which answers its version and its host's name."""
    return Image(
        name=name,
        files={"/bin/busybox": Path("/bin/busybox"), "/serve": SERVE.encode()},
        links={f"/bin/{applet}": "busybox" for applet in APPLETS},
        environment=("PATH=/bin", f"VERSION={version}"),
        command=["/serve"],
        ports=[8080],
    )


class Registry:
    """`address` is host:port as nodes see it."""

    def __init__(self, folder: Path, address: str) -> None:
        program = shutil.which("docker-registry")
        assert program, "install docker-registry (scripts/test does)"
        self.address = address
        folder.mkdir(parents=True)
        config = {
            "version": "0.1",
            "log": {"level": "warn"},
            "storage": {"filesystem": {"rootdirectory": str(folder / "data")}, "delete": {"enabled": True}},
            "http": {"addr": address},
        }
        (folder / "config.yml").write_text(json.dumps(config))
        self._log = open(folder / "log", "wb")  # noqa: SIM115
        self._process = subprocess.Popen(
            [program, "serve", str(folder / "config.yml")],
            stdout=self._log,
            stderr=self._log,
            stdin=subprocess.DEVNULL,
        )
        assert until(self._answers, 20), (folder / "log").read_text()

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://{self.address}/v2/", timeout=2):
                return True
        except OSError:
            return False

    def push(self, name: str, tag: str, content: Image) -> str:
        """Push under name:tag; answers the reference to use in a pod."""
        blobs, descriptor = oci_archive.blobs(content)
        base = f"http://{self.address}/v2/{name}"
        for digest, data in blobs.items():
            if digest == descriptor["digest"]:
                continue
            with self._send("POST", f"{base}/blobs/uploads/", b"", {}) as answer:
                location = answer.headers["Location"]
            joiner = "&" if "?" in location else "?"
            headers = {"Content-Type": "application/octet-stream"}
            self._send("PUT", f"{location}{joiner}digest={digest}", data, headers).close()
        manifest = blobs[str(descriptor["digest"])]
        self._send(
            "PUT", f"{base}/manifests/{tag}", manifest, {"Content-Type": oci_archive.MANIFEST_TYPE}
        ).close()
        return f"{self.address}/{name}:{tag}"

    def _send(self, method: str, url: str, data: bytes, headers: dict[str, str]):
        request = urllib.request.Request(url, data=data, headers=headers, method=method)
        return urllib.request.urlopen(request, timeout=20)

    def close(self) -> None:
        self._process.terminate()
        self._process.wait(20)
        self._log.close()
