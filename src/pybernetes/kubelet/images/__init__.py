"""Images on a node: names, credentials, pulling, and removing what nobody uses."""
