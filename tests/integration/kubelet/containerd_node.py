"""A containerd of its own in a network namespace of its own, for tests: everything under one directory.

`ContainerdNode(path)` starts it, `close()` ends it and every container, mount and namespace it made.
"""

from __future__ import annotations

import ctypes
import hashlib
import io
import json
import os
import signal
import subprocess
import tarfile
import uuid
from pathlib import Path

from pybernetes.cluster.waiting import until

PAUSE = "localhost/pybernetes/pause:test"
BUSYBOX = "localhost/busybox:test"
CLONE_NEWNET = 0x40000000

CONFIG = """
version = 2
root = "{root}/root"
state = "{root}/state"
[grpc]
  address = "{root}/containerd.sock"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{pause}"
  restrict_oom_score_adj = true
  stream_server_address = "127.0.0.1"
  stream_server_port = "0"
  netns_mounts_under_state_dir = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "{root}/cni"
"""

CNI = {
    "cniVersion": "0.4.0",
    "name": "kubelet-test",
    "plugins": [
        {
            "type": "bridge",
            "bridge": "kt0",
            "isGateway": True,
            "ipMasq": False,
            "ipam": {
                "type": "host-local",
                "ranges": [[{"subnet": "10.99.7.0/24"}]],
                "routes": [{"dst": "0.0.0.0/0"}],
            },
        }
    ],
}


def image_archive(name: str, files: dict[str, tuple[str, int]], links: dict[str, str], config: dict) -> bytes:
    """A docker archive of one layer: `files` maps a path in the image to (path here, mode)."""
    layer = io.BytesIO()
    with tarfile.open(fileobj=layer, mode="w") as tar:
        for directory in ("bin", "tmp", "etc"):
            info = tarfile.TarInfo(directory)
            info.type, info.mode = tarfile.DIRTYPE, 0o1777 if directory == "tmp" else 0o755
            tar.addfile(info)
        for target, (source, mode) in files.items():
            data = Path(source).read_bytes()
            info = tarfile.TarInfo(target)
            info.size, info.mode = len(data), mode
            tar.addfile(info, io.BytesIO(data))
        for link, target in links.items():
            info = tarfile.TarInfo(link)
            info.type, info.linkname = tarfile.SYMTYPE, target
            tar.addfile(info)
        passwd = b"root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534::/:/bin/false\n"
        info = tarfile.TarInfo("etc/passwd")
        info.size = len(passwd)
        tar.addfile(info, io.BytesIO(passwd))
    body = layer.getvalue()
    digest = hashlib.sha256(body).hexdigest()
    image = {
        "architecture": "amd64",
        "os": "linux",
        "config": config,
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest}"]},
    }
    image_json = json.dumps(image).encode()
    image_id = hashlib.sha256(image_json).hexdigest()
    manifest = [{"Config": f"{image_id}.json", "RepoTags": [name], "Layers": [f"{digest}/layer.tar"]}]
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for path, data in (
            (f"{digest}/layer.tar", body),
            (f"{image_id}.json", image_json),
            ("manifest.json", json.dumps(manifest).encode()),
        ):
            info = tarfile.TarInfo(path)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return out.getvalue()


def busybox_archive() -> bytes:
    applets = subprocess.run(
        ["/bin/busybox", "--list"], capture_output=True, text=True, check=True
    ).stdout.split()
    links = {f"bin/{applet}": "busybox" for applet in applets if applet != "busybox"}
    return image_archive(
        BUSYBOX, {"bin/busybox": ("/bin/busybox", 0o755)}, links, {"Cmd": ["sh"], "Env": ["PATH=/bin"]}
    )


def pause_archive() -> bytes:
    return image_archive(
        PAUSE, {"catatonit": ("/usr/bin/catatonit", 0o755)}, {}, {"Entrypoint": ["/catatonit", "-P"]}
    )


def setns(path: str) -> None:
    """Move this thread into the network namespace at `path`."""
    libc = ctypes.CDLL(None, use_errno=True)
    with open(path) as namespace:
        if libc.setns(namespace.fileno(), CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), f"setns {path}")


class ContainerdNode:
    def __init__(self, root: Path) -> None:
        self.root = root
        self.name = "kt-" + uuid.uuid4().hex[:8]
        self.socket = str(root / "containerd.sock")
        root.mkdir(parents=True, exist_ok=True)
        (root / "cni").mkdir()
        (root / "cni" / "10-test.conflist").write_text(json.dumps(CNI))
        (root / "config.toml").write_text(CONFIG.format(root=root, pause=PAUSE))
        run("ip", "netns", "add", self.name)
        self.netns = f"/run/netns/{self.name}"
        run("nsenter", f"--net={self.netns}", "ip", "link", "set", "lo", "up")
        self.log = open(root / "containerd.log", "ab")  # noqa: SIM115
        self.start()
        for archive in (pause_archive(), busybox_archive()):
            run("ctr", "-a", self.socket, "-n", "k8s.io", "images", "import", "-", data=archive)

    def start(self) -> None:
        command = ["nsenter", f"--net={self.netns}", "containerd", "-c", str(self.root / "config.toml")]
        self.process = subprocess.Popen(command, stdout=self.log, stderr=self.log)
        if not until(self._answers, 20, 0.05):
            raise RuntimeError(f"containerd did not start: see {self.root}/containerd.log")

    def _answers(self) -> bool:
        probe = subprocess.run(["ctr", "-a", self.socket, "version"], capture_output=True)
        return probe.returncode == 0

    def ctr(self, *args: str) -> str:
        return run("ctr", "-a", self.socket, "-n", "k8s.io", *args)

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(20)

    def close(self) -> None:
        for pid in self._shims():
            children = Path(f"/proc/{pid}/task/{pid}/children")
            for child in children.read_text().split() if children.exists() else []:
                kill(int(child))
            kill(pid)
        self.stop()
        self.log.close()
        mounts = [line.split()[1] for line in Path("/proc/mounts").read_text().splitlines()]
        for mount in sorted((m for m in mounts if m.startswith(str(self.root))), reverse=True):
            subprocess.run(["umount", "-l", mount], check=False)
        run("ip", "netns", "del", self.name)

    def _shims(self) -> list[int]:
        found = []
        for entry in os.listdir("/proc"):
            if entry.isdigit():
                try:
                    command = Path(f"/proc/{entry}/cmdline").read_bytes().split(b"\0")
                except OSError:
                    continue
                if b"containerd-shim" in command[0] and self.socket.encode() in b" ".join(command):
                    found.append(int(entry))
        return found


def kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def run(*command: str, data: bytes | None = None) -> str:
    done = subprocess.run(command, input=data, capture_output=True)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}: {done.stderr.decode()}")
    return done.stdout.decode()
