"""What a server keeps in order by itself, as a client of its own API: namespaces, roles, the `kubernetes` service."""
