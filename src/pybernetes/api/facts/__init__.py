"""Data about Kubernetes: schemas, defaults and protobuf field numbers."""
