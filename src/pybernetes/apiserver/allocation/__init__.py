"""Scarce things that are handed out by compare-and-swap in the store: cluster addresses and node ports."""
