"""The only door to the store: the request chain, handlers, strategies, watch cache, discovery."""
