"""What any program could use: no Kubernetes words in here."""
