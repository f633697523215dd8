"""The agent on every node: turns pods into running containers through CRI."""
