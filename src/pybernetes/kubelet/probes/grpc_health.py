"""The gRPC health check, with the two messages of grpc.health.v1 described here (a private pool).

Source: https://github.com/grpc/grpc/blob/master/doc/health-checking.md
"""

from __future__ import annotations

from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from grpclib.client import Channel, UnaryUnaryMethod
from grpclib.const import Status
from grpclib.exceptions import GRPCError, StreamTerminatedError

from pybernetes.lib.clock import Clock

SERVING = 1


def _messages() -> tuple[type, type]:
    field = descriptor_pb2.FieldDescriptorProto
    file = descriptor_pb2.FileDescriptorProto(
        name="pybernetes/health.proto", package="pybernetes.health", syntax="proto3"
    )
    request = file.message_type.add(name="HealthCheckRequest")
    request.field.add(name="service", number=1, label=field.LABEL_OPTIONAL, type=field.TYPE_STRING)
    answer = file.message_type.add(name="HealthCheckResponse")
    answer.field.add(name="status", number=1, label=field.LABEL_OPTIONAL, type=field.TYPE_INT32)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return (
        message_factory.GetMessageClass(pool.FindMessageTypeByName("pybernetes.health.HealthCheckRequest")),
        message_factory.GetMessageClass(pool.FindMessageTypeByName("pybernetes.health.HealthCheckResponse")),
    )


REQUEST, RESPONSE = _messages()


async def check(host: str, port: int, service: str, clock: Clock, seconds: float) -> tuple[str, str]:
    """`(outcome, message)` as a probe has it."""
    channel = Channel(host, port)
    call: UnaryUnaryMethod[Any, Any] = UnaryUnaryMethod(
        channel, "/grpc.health.v1.Health/Check", REQUEST, RESPONSE
    )
    late = f'timeout: failed to connect service "{host}:{port}" within {int(seconds)}s: context deadline exceeded'
    try:
        async with clock.timeout(seconds):
            answer = await call(REQUEST(service=service))
    except TimeoutError:
        return "failure", late
    except GRPCError as error:
        if error.status is Status.UNIMPLEMENTED:
            return (
                "failure",
                f"error: this server does not implement the grpc health protocol: {error.message}",
            )
        return "failure", f"error: health rpc probe failed: {error.message}"
    except (OSError, StreamTerminatedError):
        return "failure", late
    finally:
        channel.close()
    if answer.status == SERVING:
        return "success", "service healthy"
    return "failure", f'service unhealthy (responded with "{_NAMES.get(answer.status, answer.status)}")'


_NAMES = {0: "UNKNOWN", 2: "NOT_SERVING", 3: "SERVICE_UNKNOWN"}
