"""One pod on this node: feeds the pod machine and carries out what it says, each instruction as a task.

Into it come the object from the API (`update`, `removed`), hints from containerd (`hint`) and what its own
tasks bring back; out go CRI calls, statuses, events on the pod and finally the pod's deletion.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Coroutine
from typing import Any

from pybernetes.api.errors import APIError, Conflict, NotFound
from pybernetes.api.kinds import PODS
from pybernetes.kubelet import container_starter
from pybernetes.kubelet.container_starter import StartProblem
from pybernetes.kubelet.context import NodeContext
from pybernetes.kubelet.cri import configs, observe
from pybernetes.kubelet.cri.errors import RuntimeFailure, RuntimeNotFound
from pybernetes.kubelet.cri.messages import api_pb2
from pybernetes.kubelet.environment import names
from pybernetes.kubelet.images.puller import ImageProblem
from pybernetes.kubelet.machine import events as ev
from pybernetes.kubelet.machine import instructions as do
from pybernetes.kubelet.machine.machine import PodMachine
from pybernetes.kubelet.machine.model import EXITED, Container, Object, Sandbox
from pybernetes.kubelet.pod_reference import pod_reference
from pybernetes.kubelet.pod_volumes import PodVolumes, shown_otherwise
from pybernetes.kubelet.probes.runner import HandlerFailed
from pybernetes.kubelet.termination import reader
from pybernetes.kubelet.volumes.manager import VolumeFailed
from pybernetes.lib.backoff import Backoff
from pybernetes.lib.clock import Timer
from pybernetes.semantics.pods import is_terminal

log = logging.getLogger(__name__)

MINIMUM_KILL_GRACE = 2
SETTLE_TRIES = 9


class PodWorker:
    """Lives from the pod's appearance on the node until nothing of it is left."""

    def __init__(self, pod: Object, node: NodeContext) -> None:
        self._node = node
        self.uid: str = pod["metadata"]["uid"]
        self.machine = PodMachine(pod, now=self._now(node), host_ips=node.host_ips)
        self._name = f"{pod['metadata'].get('namespace', 'default')}/{pod['metadata']['name']}"
        self._timer: Timer | None = None
        self._inbox: deque[ev.Event] = deque()
        self._feeding = False
        self._working: set[asyncio.Task[Any]] = set()
        self._message = reader(node.layout)
        self._sandbox_config: api_pb2.PodSandboxConfig | None = None
        self._images: dict[str, api_pb2.Image] = {}
        self._hinted: set[str] = set()
        self._settling: set[str] = set()
        self._volumes = PodVolumes(node, self.machine.state, self.sources_changed)
        self.done = False
        self.listeners: set[Callable[[], None]] = set()
        """Called after each event that the machine took in."""

    @staticmethod
    def _now(node: NodeContext) -> float:
        return node.clock.now().timestamp()

    @property
    def pod(self) -> Object:
        return self.machine.state.pod

    @property
    def released(self) -> bool:
        """The pod holds nothing of the node any more, whatever the API still shows."""
        return self.machine.state.released or is_terminal(self.pod)

    # what comes in

    def feed(self, event: ev.Event) -> None:
        """Hand an event to the machine and start what it answers. Safe to call from anywhere on the loop."""
        self._inbox.append(event)
        if self._feeding:
            return
        self._feeding = True
        try:
            while self._inbox and not self.done:
                for instruction in self.machine.handle(self._inbox.popleft(), self._now(self._node)):
                    self._carry_out(instruction)
        finally:
            self._feeding = False
        for listener in list(self.listeners):
            listener()

    def update(self, pod: Object) -> None:
        before = self.pod
        self.feed(ev.PodChanged(pod))
        if shown_otherwise(before, pod):
            self.sources_changed()
        if self.machine.status is not None and not self.done:
            self._node.status.reconcile(pod, self.machine.status)

    def removed(self, pod: Object) -> None:
        self.feed(ev.PodRemoved(pod))

    def hint(self, container_id: str) -> None:
        """containerd said that something happened to this container or sandbox."""
        self._hinted.add(container_id)
        self._settle_soon(container_id)

    def sources_changed(self) -> None:
        """Something that the pod's volumes show is new: a config map, secret, token or field of the pod."""
        if self.machine.state.volumes == "ready" and not self.done:
            self._spawn(self._volumes.refresh(), "refresh")

    async def relist(self) -> None:
        """Look at all that the runtime holds for the pod."""
        try:
            self.feed(await observe.observe_pod(self._node.cri, self.uid, self._message))
        except RuntimeFailure as error:
            log.warning("pod %s cannot be looked at: %s", self._name, error)

    async def close(self) -> None:
        """Stop working; containers go on."""
        self.done = True
        self._set_timer(0)
        self._volumes.close()
        tasks = list(self._working)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    # carrying out

    def _spawn(self, work: Coroutine[Any, Any, None], what: str) -> None:
        task = self._node.tasks.spawn(work, f"{self._name}/{what}")
        self._working.add(task)
        task.add_done_callback(self._working.discard)

    def _carry_out(self, instruction: do.Instruction) -> None:
        match instruction:
            case do.PublishStatus(status):
                self._node.status.publish(self.pod, status)
            case do.RecordEvent(type, reason, message, container):
                self._say(type, reason, message, container)
            case do.SetTimer(at):
                self._set_timer(at)
            case do.PrepareVolumes():
                self._spawn(self._prepare_volumes(), "volumes")
            case do.CreateSandbox(attempt):
                self._spawn(self._create_sandbox(attempt), "sandbox")
            case do.StopSandbox(id):
                self._spawn(self._stop_sandbox(id), "stop-sandbox")
            case do.PullImage(container):
                self._spawn(self._pull(container), f"pull/{container}")
            case do.StartContainer():
                self._spawn(self._start(instruction), f"start/{instruction.container}")
            case do.RunPostStart(container, id):
                self._spawn(self._post_start(container, id), f"hook/{container}")
            case do.KillContainer():
                self._spawn(self._kill(instruction), f"kill/{instruction.container}")
            case do.RemoveContainer(id):
                self._spawn(self._remove_container(id), "remove")
            case do.RunProbe():
                self._spawn(self._probe(instruction), f"probe/{instruction.container}")
            case do.TearDown():
                self._spawn(self._tear_down(), "tear-down")
            case do.DeletePod():
                self._spawn(self._delete_pod(), "delete")
            case do.Finish():
                self._spawn(self._finish(), "finish")

    def _set_timer(self, at: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if at:
            delay = max(at - self._now(self._node), 0) + 0.001
            self._timer = self._node.clock.call_later(delay, self.feed, ev.Tick())

    def _say(self, type: str, reason: str, message: str, container: str = "") -> None:
        about = pod_reference(self.pod, self.machine.state.records.get(container))
        self._node.recorder.event(about, type, reason, message)

    async def _prepare_volumes(self) -> None:
        try:
            await self._volumes.prepare()
        except (VolumeFailed, OSError) as error:
            self.feed(ev.VolumesFailed(str(error)))
            return
        self.feed(ev.VolumesPrepared())

    # sandbox

    def _config(self, attempt: int) -> api_pb2.PodSandboxConfig:
        node, pod = self._node, self.pod
        options = node.options
        return configs.sandbox_config(
            pod,
            attempt,
            hostname=names.hostname(pod, options.host, options.cluster_domain),
            resolver=names.resolver(pod, node.resolver, options.cluster_dns, options.cluster_domain),
            log_directory=str(node.layout.pod_logs(pod["metadata"])),
            cgroup_parent=node.cgroups.pod_path(pod),
        )

    async def _create_sandbox(self, attempt: int) -> None:
        node = self._node
        try:
            node.cgroups.make_pod(self.pod, node.options.pods_pids_limit)
            node.layout.pod_logs(self.pod["metadata"]).mkdir(parents=True, exist_ok=True)
            config = self._config(attempt)
            sandbox = await node.cri.run_sandbox(config)
            self._sandbox_config = config
            node.own(sandbox, self)
            seen = observe.sandbox(await node.cri.sandbox_status(sandbox))
        except (RuntimeFailure, OSError) as error:
            self.feed(ev.SandboxFailed(f"Failed to create pod sandbox: {error}"))
            return
        await node.protect(self.pod, seen.ips)
        self.feed(ev.SandboxChanged(seen, answers=True))
        if self._volumes.show_addresses():
            self.sources_changed()

    async def _stop_sandbox(self, id: str) -> None:
        known = self.machine.state.sandbox
        try:
            await self._node.cri.stop_sandbox(id)
        except RuntimeFailure as error:
            self.feed(ev.SandboxFailed(f"error killing pod: {error}"))
            return
        attempt, created = (known.attempt, known.created) if known is not None else (0, 0.0)
        self.feed(ev.SandboxChanged(Sandbox(id, attempt, False, created), answers=True))

    # containers

    async def _pull(self, name: str) -> None:
        node, pod = self._node, self.pod
        container = self.machine.state.records[name].spec
        namespace = pod["metadata"].get("namespace", "default")
        secrets = [entry["name"] for entry in pod["spec"].get("imagePullSecrets") or ()]

        def say(type: str, reason: str, message: str) -> None:
            self._say(type, reason, message, name)

        try:
            if secrets:
                await node.references.need(self.uid, namespace, {("secret", secret) for secret in secrets})
            find = node.references.lookup(namespace)
            found = [obj for secret in secrets if (obj := find("secret", secret)) is not None]
            image = await node.puller.ensure(container, found, say)
        except ImageProblem as problem:
            self.feed(ev.ImageFailed(name, problem.reason, problem.message))
            return
        except APIError as error:
            self.feed(ev.ImageFailed(name, "ErrImagePull", f"pull secrets cannot be read: {error}"))
            return
        self._images[name] = image
        self.feed(ev.ImageReady(name, image.id))

    async def _read(self, id: str, sandbox: str) -> Container:
        return observe.container(await self._node.cri.container_status(id), sandbox, self._message)

    async def _start(self, order: do.StartContainer) -> None:
        node, name = self._node, order.container
        created = ""
        try:
            if self._sandbox_config is None:
                sandbox = self.machine.state.sandbox
                self._sandbox_config = self._config(sandbox.attempt if sandbox is not None else 0)
            created = await container_starter.create(
                node, self.machine.state, order, self._sandbox_config, self._images.get(name)
            )
            node.own(created, self)
            self._say("Normal", "Created", "Container created", name)
            try:
                await node.cri.start_container(created)
            except RuntimeFailure as error:
                raise StartProblem("RunContainerError", error.description, created) from error
            self._say("Normal", "Started", "Container started", name)
            container = await self._read(created, order.sandbox)
        except StartProblem as problem:
            left = await self._left_over(problem.container_id, order.sandbox)
            self.feed(ev.StartFailed(name, problem.reason, problem.message, left))
            return
        except RuntimeFailure as error:
            left = await self._left_over(created, order.sandbox)
            self.feed(ev.StartFailed(name, "RunContainerError", str(error), left))
            return
        self.feed(ev.Started(container))
        if created in self._hinted and container.state != EXITED:
            self._settle_soon(created)
        if order.replaces:
            await self._remove_container(order.replaces)
        node.layout.drop_attempts(self.pod["metadata"], name, order.attempt - 2)

    async def _left_over(self, id: str, sandbox: str) -> Container | None:
        if not id:
            return None
        try:
            return await self._read(id, sandbox)
        except RuntimeFailure:
            return None

    def _settle_soon(self, id: str) -> None:
        if id not in self._settling and not self.done:
            self._settling.add(id)
            self._spawn(self._settle(id), "settle")

    async def _settle(self, id: str) -> None:
        """Re-read until CRI agrees that the container (or sandbox) has ended."""
        backoff = Backoff(0.005, 1)
        state = self.machine.state
        try:
            for _ in range(SETTLE_TRIES):
                self._hinted.discard(id)
                if state.sandbox is not None and state.sandbox.id == id:
                    sandbox = observe.sandbox(await self._node.cri.sandbox_status(id))
                    if not sandbox.ready:
                        self.feed(ev.SandboxChanged(sandbox))
                        return
                else:
                    record = next(
                        (r for r in state.records.values() if r.current is not None and r.current.id == id),
                        None,
                    )
                    if record is None or record.current is None:
                        self._hinted.add(id)
                        return
                    container = await self._read(id, record.current.sandbox)
                    if container.state == EXITED:
                        self.feed(ev.ContainerChanged(container))
                        return
                await self._node.clock.sleep(backoff.next(id, self._node.clock.monotonic()))
        except RuntimeNotFound:
            self._spawn(self.relist(), "relist")
        except RuntimeFailure as error:
            log.warning("pod %s: %s cannot be read: %s", self._name, id[:12], error)
        finally:
            self._settling.discard(id)

    async def _post_start(self, name: str, id: str) -> None:
        node, state = self._node, self.machine.state
        container = state.records[name].spec
        ips = container_starter.pod_ips(node, state)
        try:
            handler = container["lifecycle"]["postStart"]
            await node.prober.handle(container, handler, id, ips[0] if ips else "", 0)
        except HandlerFailed as error:
            self.feed(ev.HookDone(id, str(error)))
            return
        self.feed(ev.HookDone(id))

    async def _kill(self, order: do.KillContainer) -> None:
        node, state = self._node, self.machine.state
        record = state.records[order.container]
        if order.message:
            self._say("Normal", "Killing", order.message, order.container)
        began = node.clock.monotonic()
        pre_stop = (record.spec.get("lifecycle") or {}).get("preStop")
        if order.pre_stop and pre_stop and order.grace > 0 and record.running:
            ips = container_starter.pod_ips(node, state)
            try:
                async with node.clock.timeout(order.grace):
                    ip = ips[0] if ips else ""
                    await node.prober.handle(record.spec, pre_stop, order.id, ip, order.grace)
            except (HandlerFailed, TimeoutError) as error:
                log.info("pod %s: preStop of %s: %s", self._name, order.container, error)
                self._say("Warning", "FailedPreStopHook", "PreStopHook failed", order.container)
        left = order.grace - (node.clock.monotonic() - began)
        error_text = ""
        try:
            await node.cri.stop_container(order.id, int(max(left, MINIMUM_KILL_GRACE)))
            sandbox = record.current.sandbox if record.current is not None else ""
            container = await self._read(order.id, sandbox)
            self.feed(ev.ContainerChanged(container))
            if container.state != EXITED:
                self._settle_soon(order.id)
        except RuntimeNotFound:
            self._spawn(self.relist(), "relist")
        except RuntimeFailure as error:
            error_text = str(error)
            self._say("Warning", "FailedKillPod", f"error killing pod: {error}", order.container)
        self.feed(ev.Killed(order.container, order.id, error_text))

    async def _remove_container(self, id: str) -> None:
        try:
            await self._node.cri.remove_container(id)
        except RuntimeFailure as error:
            log.info("pod %s: dead container %s stays for now: %s", self._name, id[:12], error)

    async def _probe(self, order: do.RunProbe) -> None:
        state = self.machine.state
        container = state.records[order.container].spec
        spec = container.get(f"{order.kind}Probe") or {}
        ips = container_starter.pod_ips(self._node, state)
        outcome, message = await self._node.prober.probe(container, spec, order.id, ips[0] if ips else "")
        self.feed(ev.ProbeDone(order.id, order.kind, outcome, message))

    # the end

    async def _tear_down(self) -> None:
        node = self._node
        node.references.release(self.uid)
        try:
            await asyncio.to_thread(node.volumes.tear_down, self.uid)
        except OSError as error:
            self._say("Warning", "FailedUnMount", f"UnmountVolume.TearDown failed: {error}")
            self.feed(ev.TornDown(str(error)))
            return
        if not node.cgroups.remove_pod(self.uid):
            log.info("pod %s: its cgroup is still in use", self._name)
        self.feed(ev.TornDown())

    async def _delete_pod(self) -> None:
        node, meta = self._node, self.pod["metadata"]
        backoff = Backoff(0.2, 10)
        await node.status.flush(self.uid)
        while True:
            try:
                await node.client.delete(
                    PODS, meta.get("namespace", "default"), meta["name"], grace_period_seconds=0, uid=self.uid
                )
            except (NotFound, Conflict):
                pass
            except APIError as error:
                delay = backoff.next(self.uid, node.clock.monotonic())
                log.warning("pod %s cannot be deleted: %s; again in %.1f s", self._name, error, delay)
                await node.clock.sleep(delay)
                continue
            self.feed(ev.PodDeleted())
            return

    async def _finish(self) -> None:
        """Leave nothing of the pod on the node."""
        from pybernetes.kubelet.collection import remove_pod

        node = self._node
        self.done = True
        self._set_timer(0)
        self._volumes.close()
        node.references.release(self.uid)
        node.status.forget(self.uid)
        await remove_pod(node, self.uid, self.pod["metadata"])
        node.finished(self)
