"""Deployments: one ReplicaSet a version of the template, and the way from one version to the next."""
