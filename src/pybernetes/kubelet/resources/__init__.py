"""What a pod may use and how it is confined: cgroups, out-of-memory scores, security contexts."""
