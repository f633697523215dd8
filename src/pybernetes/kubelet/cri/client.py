"""CRI v1 over containerd's unix socket: one coroutine a call, messages of `api_pb2` in and out.

Every failure comes out as a `RuntimeFailure`. One HTTP/2 connection carries all calls at once, so calls
for different pods (and for one pod's containers) run in parallel as far as containerd allows.
"""

from __future__ import annotations

from typing import Any

from grpclib.client import Channel, UnaryUnaryMethod
from grpclib.config import Configuration
from grpclib.exceptions import GRPCError, ProtocolError, StreamTerminatedError

from pybernetes.kubelet.cri.errors import RuntimeNotFound, from_grpc
from pybernetes.kubelet.cri.messages import api_pb2

FAILURES = (GRPCError, StreamTerminatedError, ProtocolError, OSError, TimeoutError)

_SERVICES = {"RuntimeService", "ImageService"}


class CRIClient:
    """The calls that the kubelet makes. `socket` is containerd's socket path."""

    def __init__(self, socket: str) -> None:
        self.socket = socket
        config = Configuration(http2_connection_window_size=4 << 20, http2_stream_window_size=4 << 20)
        self.channel = Channel(path=socket, config=config)
        self._methods: dict[str, UnaryUnaryMethod[Any, Any]] = {}
        for service in api_pb2.DESCRIPTOR.services_by_name.values():
            if service.name not in _SERVICES:
                continue
            for method in service.methods:
                self._methods[method.name] = UnaryUnaryMethod(
                    self.channel,
                    f"/{service.full_name}/{method.name}",
                    getattr(api_pb2, method.input_type.name),
                    getattr(api_pb2, method.output_type.name),
                )

    async def call(self, method: str, request: Any, timeout: float | None = None) -> Any:
        try:
            return await self._methods[method](request, timeout=timeout)
        except FAILURES as error:
            raise from_grpc(error) from error

    def close(self) -> None:
        self.channel.close()

    # the runtime itself

    async def version(self) -> api_pb2.VersionResponse:
        answer: api_pb2.VersionResponse = await self.call(
            "Version", api_pb2.VersionRequest(version="0.1.0"), 10
        )
        return answer

    async def status(self) -> api_pb2.RuntimeStatus:
        answer: api_pb2.StatusResponse = await self.call("Status", api_pb2.StatusRequest(), 10)
        return answer.status

    # sandboxes

    async def run_sandbox(self, config: api_pb2.PodSandboxConfig) -> str:
        answer: api_pb2.RunPodSandboxResponse = await self.call(
            "RunPodSandbox", api_pb2.RunPodSandboxRequest(config=config), 240
        )
        return answer.pod_sandbox_id

    async def stop_sandbox(self, sandbox: str) -> None:
        try:
            await self.call("StopPodSandbox", api_pb2.StopPodSandboxRequest(pod_sandbox_id=sandbox), 120)
        except RuntimeNotFound:
            return

    async def remove_sandbox(self, sandbox: str) -> None:
        try:
            await self.call("RemovePodSandbox", api_pb2.RemovePodSandboxRequest(pod_sandbox_id=sandbox), 120)
        except RuntimeNotFound:
            return

    async def sandbox_status(self, sandbox: str) -> api_pb2.PodSandboxStatus:
        answer: api_pb2.PodSandboxStatusResponse = await self.call(
            "PodSandboxStatus", api_pb2.PodSandboxStatusRequest(pod_sandbox_id=sandbox), 30
        )
        return answer.status

    async def sandbox_pid(self, sandbox: str) -> int:
        """The pause process's pid, from containerd's verbose status; 0 when it does not say."""
        import msgspec

        answer: api_pb2.PodSandboxStatusResponse = await self.call(
            "PodSandboxStatus", api_pb2.PodSandboxStatusRequest(pod_sandbox_id=sandbox, verbose=True), 30
        )
        info = msgspec.json.decode(answer.info.get("info", "{}"))
        return int(info.get("pid", 0))

    async def list_sandboxes(self, labels: dict[str, str] | None = None) -> list[api_pb2.PodSandbox]:
        wanted = api_pb2.PodSandboxFilter(label_selector=labels or {})
        answer: api_pb2.ListPodSandboxResponse = await self.call(
            "ListPodSandbox", api_pb2.ListPodSandboxRequest(filter=wanted), 60
        )
        return list(answer.items)

    # containers

    async def create_container(
        self, sandbox: str, config: api_pb2.ContainerConfig, sandbox_config: api_pb2.PodSandboxConfig
    ) -> str:
        request = api_pb2.CreateContainerRequest(
            pod_sandbox_id=sandbox, config=config, sandbox_config=sandbox_config
        )
        answer: api_pb2.CreateContainerResponse = await self.call("CreateContainer", request, 240)
        return answer.container_id

    async def start_container(self, container: str) -> None:
        await self.call("StartContainer", api_pb2.StartContainerRequest(container_id=container), 240)

    async def stop_container(self, container: str, grace: int) -> None:
        """Returns once the container has ended: by its stop signal, or by SIGKILL after `grace` seconds."""
        request = api_pb2.StopContainerRequest(container_id=container, timeout=grace)
        try:
            await self.call("StopContainer", request, grace + 120)
        except RuntimeNotFound:
            return

    async def remove_container(self, container: str) -> None:
        try:
            await self.call("RemoveContainer", api_pb2.RemoveContainerRequest(container_id=container), 120)
        except RuntimeNotFound:
            return

    async def list_containers(self, labels: dict[str, str] | None = None) -> list[api_pb2.Container]:
        wanted = api_pb2.ContainerFilter(label_selector=labels or {})
        answer: api_pb2.ListContainersResponse = await self.call(
            "ListContainers", api_pb2.ListContainersRequest(filter=wanted), 60
        )
        return list(answer.containers)

    async def container_status(self, container: str) -> api_pb2.ContainerStatus:
        answer: api_pb2.ContainerStatusResponse = await self.call(
            "ContainerStatus", api_pb2.ContainerStatusRequest(container_id=container), 30
        )
        return answer.status

    async def exec_sync(self, container: str, command: list[str], timeout: float) -> api_pb2.ExecSyncResponse:
        """Runs a command to its end; raises RuntimeTimeout after `timeout` seconds (0: none)."""
        request = api_pb2.ExecSyncRequest(container_id=container, cmd=command, timeout=int(timeout))
        limit = timeout + 10 if timeout else None
        answer: api_pb2.ExecSyncResponse = await self.call("ExecSync", request, limit)
        return answer

    async def reopen_log(self, container: str) -> None:
        await self.call("ReopenContainerLog", api_pb2.ReopenContainerLogRequest(container_id=container), 30)

    async def container_stats(self, labels: dict[str, str] | None = None) -> list[api_pb2.ContainerStats]:
        wanted = api_pb2.ContainerStatsFilter(label_selector=labels or {})
        answer: api_pb2.ListContainerStatsResponse = await self.call(
            "ListContainerStats", api_pb2.ListContainerStatsRequest(filter=wanted), 30
        )
        return list(answer.stats)

    # streaming: each answers the URL of containerd's streaming server

    async def exec_url(
        self, container: str, command: list[str], *, tty: bool, stdin: bool, stdout: bool, stderr: bool
    ) -> str:
        request = api_pb2.ExecRequest(
            container_id=container, cmd=command, tty=tty, stdin=stdin, stdout=stdout, stderr=stderr
        )
        answer: api_pb2.ExecResponse = await self.call("Exec", request, 30)
        return answer.url

    async def attach_url(self, container: str, *, tty: bool, stdin: bool, stdout: bool, stderr: bool) -> str:
        request = api_pb2.AttachRequest(
            container_id=container, tty=tty, stdin=stdin, stdout=stdout, stderr=stderr
        )
        answer: api_pb2.AttachResponse = await self.call("Attach", request, 30)
        return answer.url

    async def port_forward_url(self, sandbox: str, ports: list[int]) -> str:
        request = api_pb2.PortForwardRequest(pod_sandbox_id=sandbox, port=ports)
        answer: api_pb2.PortForwardResponse = await self.call("PortForward", request, 30)
        return answer.url

    # images

    async def list_images(self) -> list[api_pb2.Image]:
        answer: api_pb2.ListImagesResponse = await self.call("ListImages", api_pb2.ListImagesRequest(), 60)
        return list(answer.images)

    async def image_status(self, image: str) -> api_pb2.Image | None:
        request = api_pb2.ImageStatusRequest(image=api_pb2.ImageSpec(image=image))
        answer: api_pb2.ImageStatusResponse = await self.call("ImageStatus", request, 30)
        return answer.image if answer.HasField("image") else None

    async def pull_image(self, image: str, auth: api_pb2.AuthConfig | None = None) -> str:
        request = api_pb2.PullImageRequest(image=api_pb2.ImageSpec(image=image), auth=auth)
        answer: api_pb2.PullImageResponse = await self.call("PullImage", request)
        return answer.image_ref

    async def remove_image(self, image: str) -> None:
        request = api_pb2.RemoveImageRequest(image=api_pb2.ImageSpec(image=image))
        await self.call("RemoveImage", request, 120)

    async def image_filesystems(self) -> list[api_pb2.FilesystemUsage]:
        answer: api_pb2.ImageFsInfoResponse = await self.call("ImageFsInfo", api_pb2.ImageFsInfoRequest(), 30)
        return list(answer.image_filesystems)
