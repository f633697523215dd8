"""A pod's volumes on the node: made before its containers, kept up to date, gone with it."""
