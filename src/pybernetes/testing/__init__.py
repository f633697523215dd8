"""A whole cluster inside a unit test: pytest plugin, simulated nodes, one event loop."""
