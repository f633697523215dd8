"""Kubernetes in Python. Start reading at docs/life-of-a-pod.md."""

__version__ = "0.1.0"

KUBERNETES_VERSION = "v1.36.2"
"""The upstream release whose behaviour this package has, as `/version` reports it."""
