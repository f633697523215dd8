"""What a container's process sees of its surroundings: variables, names, resolver."""
