"""Bytes under keys with revisions. Only the API server opens a store."""
