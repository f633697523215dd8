"""Composition: certificates, kubeconfigs, local nodes, up and down."""
