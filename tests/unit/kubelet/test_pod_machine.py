"""The pod machine: what it says to do, and what it shows, for what happens to a pod."""

from __future__ import annotations

from dataclasses import replace

from pod_driver import START, Driver, make_pod

from pybernetes.kubelet.machine import events as ev
from pybernetes.kubelet.machine import instructions as do
from pybernetes.kubelet.machine.machine import PodMachine
from pybernetes.kubelet.machine.model import EXITED, Container


def test_sandbox_volumes_and_image_are_asked_for_at_once():
    driver = Driver(make_pod())
    driver.feed(ev.Observed((), ()))
    kinds = {type(one) for one in driver.pending}
    assert {do.PrepareVolumes, do.CreateSandbox, do.PullImage} <= kinds
    assert driver.status["phase"] == "Pending"
    assert driver.container()["state"] == {"waiting": {"reason": "ContainerCreating"}}


def test_a_pod_becomes_running_and_ready():
    driver = Driver(make_pod()).start()
    assert driver.status["phase"] == "Running"
    assert driver.status["podIP"] == "10.1.0.5"
    assert all(condition["status"] == "True" for condition in driver.status["conditions"])
    assert driver.container()["started"] is True


def test_nothing_is_shown_before_the_runtime_was_looked_at():
    machine = PodMachine(make_pod(), now=START)
    assert machine.handle(ev.PodChanged(make_pod()), START) == []


def test_a_crashing_container_waits_ten_seconds_then_twenty_and_so_on():
    driver = Driver(make_pod()).start()
    driver.exit("main", 1)
    driver.settle()
    assert driver.container()["restartCount"] == 1, "the first restart comes at once"
    for delay, words in ((10, "10s"), (20, "20s"), (40, "40s"), (80, "1m20s"), (160, "2m40s"), (300, "5m0s")):
        restarts = driver.container()["restartCount"]
        driver.exit("main", 1)
        assert "terminated" in driver.container()["state"]
        driver.advance(1)
        waiting = driver.container()["state"]["waiting"]
        assert waiting["reason"] == "CrashLoopBackOff"
        assert waiting["message"] == (
            f"back-off {words} restarting failed container=main pod=web_default(u1)"
        )
        driver.advance(delay - 1.5)
        assert driver.container()["restartCount"] == restarts
        driver.advance(0.5)
        assert driver.container()["restartCount"] == restarts + 1
    assert driver.status["phase"] == "Running"


def test_back_off_is_forgotten_after_ten_minutes_of_running():
    driver = Driver(make_pod()).start()
    for _ in range(3):
        driver.exit("main", 1)
        driver.advance(30)
    driver.advance(700)
    before = driver.container()["restartCount"]
    driver.exit("main", 1)
    driver.settle()
    assert driver.container()["restartCount"] == before + 1


def test_a_never_restarting_pod_ends_with_what_its_containers_say():
    driver = Driver(make_pod(restartPolicy="Never")).start()
    driver.exit("main", 0, reason="Completed")
    driver.settle()
    assert driver.status["phase"] == "Succeeded"
    assert driver.condition("Ready")["reason"] == "PodCompleted"
    assert driver.asked(do.TearDown) and not driver.asked(do.DeletePod)
    failed = Driver(make_pod(restartPolicy="Never")).start()
    failed.exit("main", 2, reason="Error")
    assert failed.status["phase"] == "Failed"


def test_on_failure_restarts_only_what_failed():
    driver = Driver(
        make_pod({"name": "a", "image": "x"}, {"name": "b", "image": "x"}, restartPolicy="OnFailure")
    )
    driver.start()
    driver.exit("a", 0)
    driver.exit("b", 1)
    driver.settle()
    assert driver.container("a")["restartCount"] == 0
    assert driver.container("b")["restartCount"] == 1
    driver.exit("b", 0)
    driver.settle()
    assert driver.status["phase"] == "Succeeded"


def test_init_containers_run_one_after_the_other_before_the_rest():
    init = [{"name": "one", "image": "x"}, {"name": "two", "image": "x"}]
    driver = Driver(make_pod(init=init)).start()
    assert set(driver.running) == {"one"}
    assert driver.container()["state"]["waiting"]["reason"] == "PodInitializing"
    message = driver.condition("Initialized")["message"]
    assert message == "containers with incomplete status: [one two]"
    driver.exit("one", 0)
    driver.settle()
    assert set(driver.running) == {"one", "two"}
    driver.exit("two", 0)
    driver.settle()
    assert driver.status["phase"] == "Running"
    assert driver.condition("Initialized")["status"] == "True"


def test_a_failed_init_container_of_a_never_restarting_pod_fails_it():
    driver = Driver(make_pod(init=[{"name": "one", "image": "x"}], restartPolicy="Never")).start()
    driver.exit("one", 1)
    driver.settle()
    assert driver.status["phase"] == "Failed"
    assert "main" not in driver.running


def test_a_sidecar_starts_first_and_stops_last():
    init = [{"name": "proxy", "image": "x", "restartPolicy": "Always"}]
    driver = Driver(make_pod(init=init, restartPolicy="Never")).start()
    assert list(driver.running) == ["proxy", "main"]
    driver.exit("main", 0)
    assert driver.status["phase"] == "Running", "a sidecar still runs"
    driver.settle()
    assert [one.container for one in driver.asked(do.KillContainer)] == ["proxy"]
    assert driver.status["phase"] == "Succeeded"


def test_deletion_stops_containers_then_sandbox_then_volumes_then_the_object():
    driver = Driver(make_pod()).start()
    driver.log.clear()
    driver.delete(grace=5)
    driver.settle()
    order = [type(one) for one in driver.log]
    wanted = [do.KillContainer, do.StopSandbox, do.TearDown, do.DeletePod, do.Finish]
    assert [kind for kind in order if kind in wanted] == wanted
    assert driver.asked(do.KillContainer)[0].grace == 5
    assert driver.status["phase"] == "Failed"


def test_a_shorter_grace_kills_again():
    driver = Driver(make_pod()).start()
    driver.hold.add(do.KillContainer)
    driver.delete(grace=30)
    driver.delete(grace=1)
    assert [one.grace for one in driver.asked(do.KillContainer)] == [30, 1]


def test_a_pod_gone_from_the_api_is_stopped_without_a_report():
    driver = Driver(make_pod()).start()
    driver.log.clear()
    driver.feed(ev.PodRemoved())
    driver.settle()
    assert driver.asked(do.KillContainer) and driver.asked(do.Finish)
    assert not driver.asked(do.DeletePod) and not driver.asked(do.PublishStatus)


def test_a_dead_sandbox_is_made_anew_and_init_runs_again():
    driver = Driver(make_pod(init=[{"name": "one", "image": "x"}])).start()
    driver.exit("one", 0)
    driver.settle()
    first = driver.machine.state.sandbox
    driver.feed(ev.SandboxChanged(replace(first, ready=False)))
    driver.settle()
    assert driver.asked(do.CreateSandbox)[-1].attempt == 1
    assert "SandboxChanged" in driver.events()
    assert driver.running["one"].sandbox == "s1"
    driver.exit("one", 0)
    driver.settle()
    assert driver.running["main"].sandbox == "s1"
    assert driver.container()["restartCount"] == 1


def test_a_failed_pull_is_shown_and_tried_again_with_back_off():
    driver = Driver(make_pod())
    driver.hold.add(do.PullImage)
    driver.start()
    driver.pending = [one for one in driver.pending if not isinstance(one, do.PullImage)]
    driver.feed(ev.ImageFailed("main", "ErrImagePull", "no such thing"))
    assert driver.container()["state"]["waiting"] == {"reason": "ErrImagePull", "message": "no such thing"}
    driver.advance(6)
    waiting = driver.container()["state"]["waiting"]
    assert waiting["reason"] == "ImagePullBackOff"
    assert waiting["message"] == 'Back-off pulling image "nginx": ErrImagePull: no such thing'
    assert len(driver.asked(do.PullImage)) == 1
    driver.advance(5)
    assert len(driver.asked(do.PullImage)) == 2
    assert driver.status["phase"] == "Pending"


def test_a_liveness_failure_restarts_the_container():
    probe = {"httpGet": {"port": 80}, "periodSeconds": 10, "failureThreshold": 2}
    driver = Driver(make_pod({"name": "main", "image": "x", "livenessProbe": probe})).start()
    driver.advance(1.5)
    for _ in range(2):
        driver.feed(ev.ProbeDone("c1", "liveness", "failure", "refused"))
        driver.settle()
    kill = driver.asked(do.KillContainer)[0]
    assert kill.message == "Container main failed liveness probe, will be restarted"
    assert driver.container()["restartCount"] == 1
    assert driver.events().count("Unhealthy") == 2


def test_readiness_is_retried_soon_at_first_and_says_nothing_then():
    probe = {"tcpSocket": {"port": 80}}
    driver = Driver(make_pod({"name": "main", "image": "x", "readinessProbe": probe})).start()
    assert len(driver.asked(do.RunProbe)) == 1
    driver.feed(ev.ProbeDone("c1", "readiness", "failure", "refused"))
    driver.advance(0.15)
    assert len(driver.asked(do.RunProbe)) == 2
    assert "Unhealthy" not in driver.events()
    assert driver.condition("Ready")["reason"] == "ContainersNotReady"
    assert driver.condition("Ready")["message"] == "containers with unready status: [main]"
    driver.feed(ev.ProbeDone("c1", "readiness", "success"))
    assert driver.condition("Ready")["status"] == "True"


def test_other_probes_wait_for_the_startup_probe():
    spec = {
        "name": "main",
        "image": "x",
        "startupProbe": {"tcpSocket": {"port": 80}},
        "readinessProbe": {"tcpSocket": {"port": 80}},
    }
    driver = Driver(make_pod(spec)).start()
    assert [one.kind for one in driver.asked(do.RunProbe)] == ["startup"]
    assert driver.container()["started"] is False
    driver.feed(ev.ProbeDone("c1", "startup", "success"))
    assert [one.kind for one in driver.asked(do.RunProbe)] == ["startup", "readiness"]


def test_post_start_holds_the_container_back_and_its_failure_restarts_it():
    spec = {"name": "main", "image": "x", "lifecycle": {"postStart": {"exec": {"command": ["true"]}}}}
    driver = Driver(make_pod(spec))
    driver.hold.add(do.RunPostStart)
    driver.start()
    assert "waiting" in driver.container()["state"]
    driver.feed(ev.HookDone("c1", "exit 1"))
    driver.settle()
    assert "FailedPostStartHook" in driver.events()
    assert driver.asked(do.KillContainer)[0].message == "FailedPostStartHook"


def test_an_active_deadline_fails_the_pod():
    driver = Driver(make_pod(activeDeadlineSeconds=60)).start()
    driver.advance(59)
    assert driver.status["phase"] == "Running"
    driver.advance(2)
    assert driver.status["phase"] == "Failed"
    assert driver.status["reason"] == "DeadlineExceeded"
    assert driver.status["message"] == "Pod was active on the node longer than the specified deadline"


def test_a_rejected_pod_fails_without_ever_starting():
    driver = Driver(make_pod())
    driver.feed(ev.PodEvicted("OutOfcpu", "Pod was rejected: too much"))
    driver.feed(ev.Observed((), ()))
    driver.settle()
    assert driver.status["phase"] == "Failed"
    assert driver.status["reason"] == "OutOfcpu"
    assert not driver.asked(do.CreateSandbox)


def test_a_restarted_kubelet_takes_running_containers_up():
    first = Driver(make_pod()).start()
    pod = {**first.pod, "status": first.status}
    second = Driver(pod)
    second.feed(ev.Observed((first.machine.state.sandbox,), (first.running["main"],)))
    second.settle()
    assert second.status == first.status
    assert not second.asked(do.StartContainer) and not second.asked(do.CreateSandbox)


def test_a_container_that_vanished_counts_as_ended():
    driver = Driver(make_pod()).start()
    driver.feed(ev.Observed((driver.machine.state.sandbox,), ()))
    driver.settle()
    assert driver.container()["restartCount"] == 1
    assert driver.container()["lastState"]["terminated"]["reason"] == "ContainerStatusUnknown"


def test_a_changed_image_replaces_the_container():
    driver = Driver(make_pod()).start()
    record = driver.machine.state.records["main"]
    record.current = replace(record.current, spec_hash="other")
    driver.feed(ev.PodChanged(make_pod({"name": "main", "image": "nginx:2"})))
    driver.settle()
    message = driver.asked(do.KillContainer)[0].message
    assert message == "Container main definition changed, will be restarted"
    assert driver.container()["restartCount"] == 1


def test_failing_to_start_is_shown_and_tried_again_after_ten_seconds():
    driver = Driver(make_pod())
    driver.hold.add(do.StartContainer)
    driver.start()
    driver.pending.clear()
    driver.feed(ev.StartFailed("main", "CreateContainerConfigError", 'configmap "x" not found'))
    waiting = driver.container()["state"]["waiting"]
    assert waiting == {"reason": "CreateContainerConfigError", "message": 'configmap "x" not found'}
    driver.hold.clear()
    driver.advance(9)
    assert driver.status["phase"] == "Pending"
    driver.advance(2)
    assert driver.status["phase"] == "Running"
    assert driver.container()["restartCount"] == 0


def test_a_container_that_could_not_run_and_will_not_run_again_is_shown_as_terminated():
    driver = Driver(make_pod(restartPolicy="Never"))
    driver.hold.add(do.StartContainer)
    driver.start()
    driver.pending.clear()
    left = Container("c1", "main", "s0", 0, EXITED, START, 0, START, 128, "StartError", "no such file")
    driver.feed(ev.StartFailed("main", "RunContainerError", "no such file", left))
    driver.settle()
    assert driver.status["phase"] == "Failed"
    assert driver.container()["state"]["terminated"]["reason"] == "StartError"
    assert driver.container()["lastState"] == {}


def test_a_pod_deleted_before_its_container_ran_ends_as_failed():
    driver = Driver(make_pod(init=[{"name": "first", "image": "i"}, {"name": "second", "image": "i"}]))
    driver.hold = {do.StartContainer, do.DeletePod}
    driver.start()
    driver.pending.clear()
    driver.delete()
    driver.feed(ev.StartFailed("first", "RunContainerError", "gone"))
    driver.settle()
    assert driver.status["phase"] == "Failed"
    assert all("waiting" in driver.container(name)["state"] for name in ("first", "second", "main"))

    driver = Driver(make_pod())
    driver.hold = {do.PullImage, do.DeletePod}
    driver.start().delete()
    driver.settle()
    assert driver.status["phase"] == "Failed"
    ended = driver.container()["state"]["terminated"]
    assert (ended["reason"], ended["exitCode"]) == ("ContainerStatusUnknown", 137)


def test_a_deleted_pod_holds_what_it_has_until_all_of_it_has_stopped():
    driver = Driver(make_pod())
    driver.hold = {do.StopSandbox, do.TearDown}
    driver.start().delete()
    driver.settle()
    assert driver.asked(do.StopSandbox) and not driver.machine.state.released
    driver.hold = {do.TearDown}
    driver.settle()
    assert driver.machine.state.released


def test_missing_volumes_hold_containers_back_and_are_tried_again():
    driver = Driver(make_pod())
    driver.hold.add(do.PrepareVolumes)
    driver.start()
    driver.pending.clear()
    driver.feed(ev.VolumesFailed('MountVolume.SetUp failed for volume "c" : configmap "c" not found'))
    assert "FailedMount" in driver.events()
    assert not driver.asked(do.StartContainer)
    driver.hold.clear()
    driver.advance(1)
    assert driver.status["phase"] == "Running"


def test_readiness_gates_hold_readiness_back():
    pod = make_pod(readinessGates=[{"conditionType": "example.com/up"}])
    driver = Driver(pod).start()
    ready = driver.condition("Ready")
    assert ready["reason"] == "ReadinessGatesNotReady"
    assert ready["message"] == (
        'corresponding condition of pod readiness gate "example.com/up" does not exist.'
    )
    status = {"conditions": [{"type": "example.com/up", "status": "True"}]}
    driver.feed(ev.PodChanged({**pod, "status": status}))
    assert driver.condition("Ready")["status"] == "True"


def test_what_the_api_shows_of_an_ended_pod_stays():
    ended = {**make_pod(restartPolicy="Never"), "status": {"phase": "Succeeded", "containerStatuses": []}}
    driver = Driver(ended)
    driver.feed(ev.Observed((), ()))
    driver.settle()
    assert not driver.asked(do.PublishStatus)
    assert not driver.asked(do.CreateSandbox)
    driver.delete()
    driver.settle()
    assert driver.asked(do.DeletePod)


def test_a_pod_on_the_nodes_network_has_the_nodes_address():
    driver = Driver(make_pod(hostNetwork=True)).start()
    assert driver.status["podIP"] == "10.0.0.1"
    assert driver.condition("PodReadyToStartContainers")["status"] == "True"
