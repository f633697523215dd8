"""How a probe or a lifecycle hook is carried out: exec, HTTP, TCP, gRPC."""
