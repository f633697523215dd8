"""Requests that go on to somewhere else: to kubelets (logs, exec, attach, port-forward), pods, services, nodes."""
