"""The Node object: what this machine has, how it is, and that it is alive."""
