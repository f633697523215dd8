"""PodDisruptionBudgets, on a fake API."""

from __future__ import annotations

import pytest

from pybernetes.api.kinds import POD_DISRUPTION_BUDGETS, PODS, REPLICA_SETS

from .builders import pod, replica_set

NAME = "disruption-controller"


def budget(**spec):
    metadata = {"name": "b", "namespace": "default", "generation": 1}
    return {"metadata": metadata, "spec": {"selector": {"matchLabels": {"app": "web"}}, **spec}}


@pytest.mark.parametrize(
    "spec, ready, allowed, wanted",
    [
        ({"minAvailable": 2}, 4, 2, 2),
        ({"minAvailable": 4}, 4, 0, 4),
        ({"minAvailable": "50%"}, 4, 2, 2),
        ({"minAvailable": "60%"}, 4, 1, 3),
        ({"maxUnavailable": 1}, 4, 1, 3),
        ({"maxUnavailable": 1}, 3, 0, 3),
        ({"maxUnavailable": "50%"}, 4, 2, 2),
        ({"maxUnavailable": 10}, 4, 4, 0),
    ],
)
async def test_disruptions_are_allowed_down_to_the_minimum(run, spec, ready, allowed, wanted):
    cluster = await run(NAME)
    owner = cluster.api.put(REPLICA_SETS, replica_set(replicas=4))
    for number in range(4):
        cluster.api.put(PODS, pod(f"p{number}", owner=owner, ready=number < ready))
    await cluster.api.create(POD_DISRUPTION_BUDGETS, budget(**spec))
    await cluster.settle()
    status = cluster.api.one(POD_DISRUPTION_BUDGETS, "default/b")["status"]
    assert (status["disruptionsAllowed"], status["desiredHealthy"]) == (allowed, wanted)
    assert (status["currentHealthy"], status["expectedPods"]) == (ready, 4)
    assert status["conditions"][0]["reason"] == ("SufficientPods" if allowed else "InsufficientPods")


async def test_an_eviction_under_way_counts_as_gone_until_it_is_given_up(run):
    cluster = await run(NAME)
    owner = cluster.api.put(REPLICA_SETS, replica_set(replicas=2))
    for number in range(2):
        cluster.api.put(PODS, pod(f"p{number}", owner=owner))
    await cluster.api.create(POD_DISRUPTION_BUDGETS, budget(maxUnavailable=1))
    await cluster.settle()
    taken = {"status": {"disruptionsAllowed": 0, "disruptedPods": {"p0": "2026-01-01T00:00:02Z"}}}
    cluster.api.change(POD_DISRUPTION_BUDGETS, "default/b", taken)
    await cluster.settle(10)
    assert cluster.api.one(POD_DISRUPTION_BUDGETS, "default/b")["status"]["disruptionsAllowed"] == 0
    await cluster.settle(120)
    status = cluster.api.one(POD_DISRUPTION_BUDGETS, "default/b")["status"]
    assert status["disruptionsAllowed"] == 1 and "disruptedPods" not in status
