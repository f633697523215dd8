"""Sees to it that a container's image is on the node, by its pull policy, and says so in events.

Back-off is the machine's affair: this tries once. Pulls of one image by several pods at a time are one pull.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from pybernetes.api.times import format_duration
from pybernetes.kubelet.cri.client import CRIClient
from pybernetes.kubelet.cri.errors import RuntimeFailure
from pybernetes.kubelet.cri.messages import api_pb2
from pybernetes.kubelet.images import names
from pybernetes.kubelet.images.credentials import Credential, candidates
from pybernetes.kubelet.machine.model import Object
from pybernetes.lib.clock import Clock

Say = Callable[[str, str, str], None]
"""(type, reason, message) of an event on the container"""


class ImageProblem(Exception):
    """The image is not there; `reason` is a waiting reason such as ErrImagePull."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message


class Puller:
    def __init__(self, cri: CRIClient, clock: Clock, maximum: int = 0) -> None:
        self._cri = cri
        self._clock = clock
        self._places = asyncio.Semaphore(maximum) if maximum else None
        self._pulling: dict[tuple[str, Credential | None], asyncio.Task[str]] = {}
        self._waiting = 0

    async def ensure(self, container: Object, secrets: list[Object], say: Say) -> api_pb2.Image:
        """The image, pulled if need be. Raises ImageProblem."""
        wanted = str(container.get("image", ""))
        policy = container.get("imagePullPolicy") or _default_policy(wanted)
        try:
            reference = names.with_default_tag(wanted)
            name = names.parse(wanted)
        except names.NameInvalid as error:
            text = f'Failed to apply default image tag "{wanted}": couldn\'t parse image name "{wanted}": {error}'
            say("Warning", "InspectFailed", text)
            say("Warning", "Failed", "Error: InvalidImageName")
            raise ImageProblem("InvalidImageName", text) from error
        try:
            image = await self._cri.image_status(reference)
        except RuntimeFailure as error:
            text = f'Failed to inspect image "{wanted}": {error}'
            say("Warning", "InspectFailed", text)
            say("Warning", "Failed", "Error: ImageInspectError")
            raise ImageProblem("ImageInspectError", text) from error
        if image is not None and policy != "Always":
            text = f'Container image "{wanted}" already present on machine and can be accessed by the pod'
            say("Normal", "Pulled", text)
            return image
        if policy == "Never":
            text = f'Container image "{wanted}" is not present with pull policy of Never'
            say("Warning", "ErrImageNeverPull", text)
            say("Warning", "Failed", "Error: ErrImageNeverPull")
            raise ImageProblem("ErrImageNeverPull", text)
        return await self._pull(wanted, reference, candidates(name, secrets), say)

    async def _pull(
        self, wanted: str, reference: str, credentials: list[Credential], say: Say
    ) -> api_pb2.Image:
        say("Normal", "Pulling", f'Pulling image "{wanted}"')
        began = self._clock.monotonic()
        failure: RuntimeFailure | None = None
        tries: list[Credential | None] = [*credentials] or [None]
        for credential in tries:
            try:
                await self._shared(reference, credential)
                image = await self._cri.image_status(reference)
                if image is not None:
                    took = format_duration(round(self._clock.monotonic() - began, 3))
                    text = f'Successfully pulled image "{wanted}" in {took} ({took} including waiting). '
                    say("Normal", "Pulled", f"{text}Image size: {image.size} bytes.")
                    return image
                failure = RuntimeFailure("NotFound", f'image "{reference}" is gone after its pull')
            except RuntimeFailure as error:
                failure = error
        say("Warning", "Failed", f'Failed to pull image "{wanted}": {failure}')
        say("Warning", "Failed", "Error: ErrImagePull")
        raise ImageProblem("ErrImagePull", str(failure))

    async def _shared(self, reference: str, credential: Credential | None) -> str:
        key = (reference, credential)
        task = self._pulling.get(key)
        if task is None:
            task = asyncio.get_running_loop().create_task(self._one(reference, credential))
            self._pulling[key] = task
            task.add_done_callback(lambda _: self._pulling.pop(key, None))
        return await asyncio.shield(task)

    async def _one(self, reference: str, credential: Credential | None) -> str:
        auth = None
        if credential is not None:
            auth = api_pb2.AuthConfig(
                username=credential.username,
                password=credential.password,
                identity_token=credential.identity_token,
                server_address=credential.server,
            )
        if self._places is None:
            return await self._cri.pull_image(reference, auth)
        async with self._places:
            return await self._cri.pull_image(reference, auth)

    async def close(self) -> None:
        tasks = list(self._pulling.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _default_policy(image: str) -> str:
    """What the API server would have defaulted to."""
    try:
        name = names.parse(image)
    except names.NameInvalid:
        return "IfNotPresent"
    return "Always" if not name.digest and name.tag in ("", "latest") else "IfNotPresent"
