"""Nodes: their health and taints, the eviction of pods from them, and the pod network ranges they are given."""
