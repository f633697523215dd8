"""What must live with the server: the objects that every cluster starts with, kept as they should be.

It works through the in-process transport and the full request chain, like any other client.
"""
