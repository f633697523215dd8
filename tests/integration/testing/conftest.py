"""The fixtures of the product's own pytest plugin, whether or not it is installed as one."""

from __future__ import annotations

from pybernetes.testing.pytest_plugin import kubernetes_cluster, virtual_cluster

__all__ = ["kubernetes_cluster", "virtual_cluster"]
