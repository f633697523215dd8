"""What a container runtime answers when it cannot do something; the only place that knows gRPC statuses.

RuntimeFailure(code, description)     str() is `rpc error: code = X desc = Y`, as upstream prints it
  RuntimeNotFound                     no such container, sandbox or image
  RuntimeUnavailable                  containerd is not there; try again
  RuntimeTimeout                      a deadline passed
"""

from __future__ import annotations

from grpclib.const import Status
from grpclib.exceptions import GRPCError

_NAMES = {
    Status.CANCELLED: "Canceled",
    Status.UNKNOWN: "Unknown",
    Status.INVALID_ARGUMENT: "InvalidArgument",
    Status.DEADLINE_EXCEEDED: "DeadlineExceeded",
    Status.NOT_FOUND: "NotFound",
    Status.ALREADY_EXISTS: "AlreadyExists",
    Status.PERMISSION_DENIED: "PermissionDenied",
    Status.RESOURCE_EXHAUSTED: "ResourceExhausted",
    Status.FAILED_PRECONDITION: "FailedPrecondition",
    Status.ABORTED: "Aborted",
    Status.OUT_OF_RANGE: "OutOfRange",
    Status.UNIMPLEMENTED: "Unimplemented",
    Status.INTERNAL: "Internal",
    Status.UNAVAILABLE: "Unavailable",
    Status.DATA_LOSS: "DataLoss",
    Status.UNAUTHENTICATED: "Unauthenticated",
}


class RuntimeFailure(Exception):
    """A call to the runtime failed. `description` is the runtime's own text."""

    def __init__(self, code: str, description: str) -> None:
        super().__init__(f"rpc error: code = {code} desc = {description}")
        self.code = code
        self.description = description


class RuntimeNotFound(RuntimeFailure):
    pass


class RuntimeUnavailable(RuntimeFailure):
    pass


class RuntimeTimeout(RuntimeFailure):
    pass


_FAMILY: dict[str, type[RuntimeFailure]] = {
    "NotFound": RuntimeNotFound,
    "Unavailable": RuntimeUnavailable,
    "DeadlineExceeded": RuntimeTimeout,
}


def from_grpc(error: Exception) -> RuntimeFailure:
    """The failure for what grpclib (or the socket under it) raised."""
    if isinstance(error, GRPCError):
        code = _NAMES.get(error.status, "Unknown")
        return _FAMILY.get(code, RuntimeFailure)(code, error.message or "")
    if isinstance(error, TimeoutError):
        return RuntimeTimeout("DeadlineExceeded", "context deadline exceeded")
    return RuntimeUnavailable(
        "Unavailable", f"the container runtime is not answering: {error or type(error).__name__}"
    )
