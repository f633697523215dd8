"""/version: the Kubernetes version that this server speaks, as clients compare it with their own."""

from __future__ import annotations

import platform
from typing import Any

import pybernetes

KUBERNETES = pybernetes.KUBERNETES_VERSION.removeprefix("v")


def version() -> dict[str, Any]:
    """Clients read `gitVersion` as a semantic version; what follows the plus names this server."""
    major, minor, _ = KUBERNETES.split(".")
    machine = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
    return {
        "major": major,
        "minor": minor,
        "emulationMajor": major,
        "emulationMinor": minor,
        "minCompatibilityMajor": major,
        "minCompatibilityMinor": str(int(minor) - 1),
        "gitVersion": f"v{KUBERNETES}+pybernetes.{pybernetes.__version__}",
        "gitCommit": "",
        "gitTreeState": "clean",
        "buildDate": "1970-01-01T00:00:00Z",
        "goVersion": f"python{platform.python_version()}",
        "compiler": platform.python_implementation().lower(),
        "platform": f"{platform.system().lower()}/{machine}",
    }
