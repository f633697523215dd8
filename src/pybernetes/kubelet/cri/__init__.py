"""The container runtime interface: gRPC to containerd, and nothing about pods."""
