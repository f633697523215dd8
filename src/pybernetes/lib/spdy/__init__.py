"""SPDY/3.1 over a `ByteStream`, both ends: what exec, attach and port-forward of older clients speak."""

from pybernetes.lib.spdy.connection import SpdyConnection, SpdyError, SpdyStream

__all__ = ["SpdyConnection", "SpdyError", "SpdyStream"]
