"""Pod networking, and later services and DNS, on each node."""
