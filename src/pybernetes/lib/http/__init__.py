"""HTTP/1.1 for an API server: messages, a connection class on httptools, and an in-process transport."""
