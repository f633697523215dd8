"""Kubernetes' protobuf form: in comes `k8s\\0` with an envelope, out comes the object as JSON would have it.

`messages.py` builds message classes from the facts, `decoding.py` and `encoding.py` translate between
messages and decoded JSON objects with tables compiled once a message. Everything is built when first used.
Source: https://kubernetes.io/docs/reference/using-api/api-concepts/#protobuf-encoding
"""

from pybernetes.api.protobuf.decoding import ProtobufError, decode
from pybernetes.api.protobuf.encoding import encode, encode_watch_event

CONTENT_TYPE = "application/vnd.kubernetes.protobuf"
MAGIC = b"k8s\0"

__all__ = ["CONTENT_TYPE", "MAGIC", "ProtobufError", "decode", "encode", "encode_watch_event"]
