"""What a server says about itself: its groups and resources, OpenAPI, version, health and metrics."""
