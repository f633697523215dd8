"""Pure meaning that several components share: pod requests, tolerations, owner references, readiness."""
