"""Volumes and claims: the controllers' shells on a fake API."""

from __future__ import annotations

from pybernetes.api.kinds import PERSISTENT_VOLUME_CLAIMS, PERSISTENT_VOLUMES, PODS, STORAGE_CLASSES

from .builders import pod

BINDER = "persistentvolume-binder-controller"


def volume(name="v", size="1Gi", **spec):
    spec = {"capacity": {"storage": size}, "accessModes": ["ReadWriteOnce"], "storageClassName": "", **spec}
    return {"metadata": {"name": name}, "spec": spec}


def claim(name="c", size="1Gi", **spec):
    spec = {
        "resources": {"requests": {"storage": size}},
        "accessModes": ["ReadWriteOnce"],
        "storageClassName": "",
        **spec,
    }
    return {"metadata": {"name": name, "namespace": "default", "uid": f"{name}-uid"}, "spec": spec}


async def test_a_claim_is_bound_and_its_volume_released(run):
    cluster = await run(BINDER)
    await cluster.api.create(PERSISTENT_VOLUME_CLAIMS, claim())
    await cluster.settle()
    assert cluster.api.one(PERSISTENT_VOLUME_CLAIMS, "default/c")["status"]["phase"] == "Pending"
    await cluster.api.create(PERSISTENT_VOLUMES, volume(persistentVolumeReclaimPolicy="Retain"))
    await cluster.settle()
    bound = cluster.api.one(PERSISTENT_VOLUME_CLAIMS, "default/c")
    assert bound["spec"]["volumeName"] == "v" and bound["status"]["phase"] == "Bound"
    assert bound["status"]["capacity"] == {"storage": "1Gi"}
    assert cluster.api.one(PERSISTENT_VOLUMES, "v")["status"]["phase"] == "Bound"
    version = cluster.api.version
    await cluster.settle(100)
    assert cluster.api.version == version
    cluster.api.remove(PERSISTENT_VOLUME_CLAIMS, "default/c")
    await cluster.settle()
    assert cluster.api.one(PERSISTENT_VOLUMES, "v")["status"]["phase"] == "Released"


async def test_two_claims_never_share_a_volume(run):
    cluster = await run(BINDER)
    for name in ("c", "d"):
        await cluster.api.create(PERSISTENT_VOLUME_CLAIMS, claim(name))
    await cluster.api.create(PERSISTENT_VOLUMES, volume())
    await cluster.settle()
    phases = sorted(one["status"]["phase"] for one in cluster.api.all(PERSISTENT_VOLUME_CLAIMS))
    assert phases == ["Bound", "Pending"]


async def test_some_classes_wait_for_the_first_consumer(run):
    cluster = await run(BINDER)
    late = {
        "metadata": {"name": "late"},
        "provisioner": "kubernetes.io/no-provisioner",
        "volumeBindingMode": "WaitForFirstConsumer",
    }
    await cluster.api.create(STORAGE_CLASSES, late)
    await cluster.api.create(PERSISTENT_VOLUMES, volume(storageClassName="late"))
    await cluster.api.create(PERSISTENT_VOLUME_CLAIMS, claim(storageClassName="late"))
    await cluster.settle()
    assert cluster.api.one(PERSISTENT_VOLUME_CLAIMS, "default/c")["status"]["phase"] == "Pending"
    assert any(reason == "WaitForFirstConsumer" for _, reason, _ in cluster.api.events())
    annotations = {"volume.kubernetes.io/selected-node": "n1"}
    cluster.api.change(PERSISTENT_VOLUME_CLAIMS, "default/c", {"metadata": {"annotations": annotations}})
    await cluster.settle()
    assert cluster.api.one(PERSISTENT_VOLUME_CLAIMS, "default/c")["status"]["phase"] == "Bound"


async def test_a_claim_that_loses_its_volume_is_lost(run):
    cluster = await run(BINDER)
    await cluster.api.create(PERSISTENT_VOLUMES, volume())
    await cluster.api.create(PERSISTENT_VOLUME_CLAIMS, claim())
    await cluster.settle()
    cluster.api.remove(PERSISTENT_VOLUMES, "v")
    await cluster.settle()
    assert cluster.api.one(PERSISTENT_VOLUME_CLAIMS, "default/c")["status"]["phase"] == "Lost"


async def test_a_claim_in_use_stays_until_its_pod_has_ended(run):
    cluster = await run("persistentvolumeclaim-protection-controller")
    await cluster.api.create(PERSISTENT_VOLUME_CLAIMS, claim())
    user = pod("p")
    user["spec"]["volumes"] = [{"name": "data", "persistentVolumeClaim": {"claimName": "c"}}]
    cluster.api.put(PODS, user)
    await cluster.settle()
    finalizers = cluster.api.one(PERSISTENT_VOLUME_CLAIMS, "default/c")["metadata"]["finalizers"]
    assert finalizers == ["kubernetes.io/pvc-protection"]
    await cluster.api.delete(PERSISTENT_VOLUME_CLAIMS, "default", "c")
    await cluster.settle()
    assert cluster.api.all(PERSISTENT_VOLUME_CLAIMS)
    cluster.api.change(PODS, "default/p", {"status": {"phase": "Succeeded"}})
    await cluster.settle()
    assert not cluster.api.all(PERSISTENT_VOLUME_CLAIMS)


async def test_a_bound_volume_stays(run):
    cluster = await run("persistentvolume-protection-controller")
    await cluster.api.create(PERSISTENT_VOLUMES, volume())
    cluster.api.change(PERSISTENT_VOLUMES, "v", {"status": {"phase": "Bound"}})
    await cluster.settle()
    await cluster.api.delete(PERSISTENT_VOLUMES, None, "v")
    await cluster.settle()
    assert cluster.api.all(PERSISTENT_VOLUMES)
    cluster.api.change(PERSISTENT_VOLUMES, "v", {"status": {"phase": "Released"}})
    await cluster.settle()
    assert not cluster.api.all(PERSISTENT_VOLUMES)
