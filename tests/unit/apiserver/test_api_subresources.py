"""Binding, eviction, approval, tokens, reviews: the doors beside the main one."""

from __future__ import annotations

import base64
from typing import Any

from api_harness import Api
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

PODS = "/api/v1/namespaces/default/pods"
CSRS = "/apis/certificates.k8s.io/v1/certificatesigningrequests"


def signing_request() -> str:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "someone")])
    request = x509.CertificateSigningRequestBuilder().subject_name(name).sign(key, hashes.SHA256())
    return base64.b64encode(request.public_bytes(Encoding.PEM)).decode()


async def test_binding_assigns_a_node_once(api: Api) -> None:
    await api.pod()
    body = {"metadata": {"name": "web", "annotations": {"a": "b"}}, "target": {"kind": "Node", "name": "n1"}}
    reply = await api.post(PODS + "/web/binding", body)
    assert reply.status == 201 and reply.json["status"] == "Success"
    pod = (await api.get(PODS + "/web")).json
    assert pod["spec"]["nodeName"] == "n1"
    assert pod["metadata"]["annotations"] == {"a": "b"}
    assert pod["metadata"]["generation"] == 1
    condition = pod["status"]["conditions"][0]
    assert (condition["type"], condition["status"]) == ("PodScheduled", "True")
    again = await api.post(PODS + "/web/binding", body)
    assert again.status == 409
    assert again.message == (
        'Operation cannot be fulfilled on pods/binding "web": pod web is already assigned to node "n1"'
    )


async def test_binding_for_another_pod_of_the_name_is_a_conflict(api: Api) -> None:
    await api.pod()
    body = {"metadata": {"name": "web", "uid": "other"}, "target": {"name": "n1"}}
    assert (await api.post(PODS + "/web/binding", body)).status == 409


async def test_binding_by_collection(api: Api) -> None:
    await api.pod()
    body = {"metadata": {"name": "web"}, "target": {"kind": "Node", "name": "n1"}}
    assert (await api.post("/api/v1/namespaces/default/bindings", body)).status == 201
    assert (await api.get(PODS + "/web")).json["spec"]["nodeName"] == "n1"


async def test_a_gated_pod_is_not_bound(api: Api) -> None:
    pod = await api.pod(schedulingGates=[{"name": "example.com/wait"}])
    assert pod["status"]["conditions"][0]["reason"] == "SchedulingGated"
    body = {"metadata": {"name": "web"}, "target": {"name": "n1"}}
    reply = await api.post(PODS + "/web/binding", body)
    assert reply.message == "pod web has non-empty .spec.schedulingGates"


async def budget(api: Api, allowed: int) -> None:
    path = "/apis/policy/v1/namespaces/default/poddisruptionbudgets"
    body = {
        "metadata": {"name": "b"},
        "spec": {"minAvailable": 1, "selector": {"matchLabels": {"app": "web"}}},
    }
    await api.made(path, body)
    status = {
        "disruptionsAllowed": allowed,
        "currentHealthy": 1,
        "desiredHealthy": 1,
        "expectedPods": 1,
        "observedGeneration": 1,
    }
    assert (await api.patch(path + "/b/status", {"status": status})).status == 200


async def running(api: Api) -> None:
    await api.pod()
    await api.bind("web", "n1")
    status = {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}
    assert (await api.patch(PODS + "/web/status", {"status": status})).status == 200


async def test_eviction_deletes_when_nothing_speaks_against_it(api: Api) -> None:
    await running(api)
    reply = await api.post(PODS + "/web/eviction", {"metadata": {"name": "web"}})
    assert reply.status == 201
    pod = (await api.get(PODS + "/web")).json
    assert "deletionTimestamp" in pod["metadata"]
    condition = next(one for one in pod["status"]["conditions"] if one["type"] == "DisruptionTarget")
    assert (condition["status"], condition["reason"]) == ("True", "EvictionByEvictionAPI")
    assert condition["message"] == "Eviction API: evicting"
    assert pod["status"]["phase"] == "Running"


async def test_a_dry_eviction_leaves_the_pod_alone(api: Api) -> None:
    await running(api)
    before = (await api.get(PODS + "/web")).json
    reply = await api.post(PODS + "/web/eviction?dryRun=All", {"metadata": {"name": "web"}})
    assert reply.status == 201 and (await api.get(PODS + "/web")).json == before


async def test_an_eviction_of_another_pod_of_the_name_is_refused(api: Api) -> None:
    await running(api)
    options = {"preconditions": {"uid": "another"}}
    reply = await api.post(PODS + "/web/eviction", {"metadata": {"name": "web"}, "deleteOptions": options})
    assert reply.status == 409
    assert "deletionTimestamp" not in (await api.get(PODS + "/web")).json["metadata"]


async def test_eviction_asks_the_budget(api: Api) -> None:
    await running(api)
    await budget(api, 0)
    body = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": "web"}}
    refused = await api.post(PODS + "/web/eviction", body)
    assert (refused.status, refused.reason) == (429, "TooManyRequests")
    assert refused.message == "Cannot evict pod as it would violate the pod's disruption budget."
    cause = refused.json["details"]["causes"][0]
    assert cause["message"] == "The disruption budget b needs 1 healthy pods and has 1 currently"
    path = "/apis/policy/v1/namespaces/default/poddisruptionbudgets/b"
    await api.patch(path + "/status", {"status": {"disruptionsAllowed": 1}})
    assert (await api.post(PODS + "/web/eviction", body)).status == 201
    status = (await api.get(path)).json["status"]
    assert status["disruptionsAllowed"] == 0 and list(status["disruptedPods"]) == ["web"]


async def csr(api: Api) -> dict[str, Any]:
    spec = {
        "request": signing_request(),
        "signerName": "kubernetes.io/kube-apiserver-client",
        "usages": ["client auth"],
        "username": "mallory",
    }
    return await api.made(CSRS, {"metadata": {"name": "c"}, "spec": spec})


async def test_who_asks_for_a_certificate_is_the_servers_word(api: Api) -> None:
    made = await csr(api)
    assert made["spec"]["username"] == "system:apiserver"
    assert "system:masters" in made["spec"]["groups"]


async def test_metadata_of_a_certificates_request_may_come_with_its_status(api: Api) -> None:
    await csr(api)
    reply = await api.patch(CSRS + "/c/status", {"metadata": {"labels": {"a": "b"}}})
    assert reply.json["metadata"]["labels"] == {"a": "b"}


async def test_approval_and_certificate_have_their_own_doors(api: Api) -> None:
    made = await csr(api)
    condition = {"type": "Approved", "status": "True", "reason": "Test", "message": "yes"}
    made["status"] = {"conditions": [condition], "certificate": "aGVsbG8="}
    wrong = await api.put(CSRS + "/c", made)
    assert not wrong.json.get("status")
    made["metadata"].pop("resourceVersion")
    approved = await api.put(CSRS + "/c/approval", made)
    assert approved.status == 200
    assert approved.json["status"]["conditions"][0]["type"] == "Approved"
    assert approved.json["status"]["conditions"][0]["lastTransitionTime"]
    assert "certificate" not in approved.json["status"]
    stripped = await api.put(CSRS + "/c/status", {**made, "status": {"conditions": []}})
    assert stripped.status == 422
    assert 'updates may not remove a condition of type "Approved"' in stripped.message
    denied = {"type": "Denied", "status": "True", "reason": "Test"}
    both = await api.put(CSRS + "/c/approval", {**made, "status": {"conditions": [condition, denied]}})
    assert both.status == 422 and "mutually exclusive" in both.message


async def token(api: Api, **spec: Any) -> Any:
    return await api.post("/api/v1/namespaces/default/serviceaccounts/default/token", {"spec": spec})


async def test_tokens_are_who_their_account_is(api: Api) -> None:
    reply = await token(api)
    assert reply.status == 201 and reply.json["spec"]["expirationSeconds"] == 3600
    bearer = f"Bearer {reply.json['status']['token']}"
    review = await api.post("/apis/authentication.k8s.io/v1/selfsubjectreviews", {}, authorization=bearer)
    # the account has no rights yet, so even the review is refused, but by its name
    assert 'User "system:serviceaccount:default:default"' in review.message
    asked = {"spec": {"token": reply.json["status"]["token"]}}
    known = (await api.post("/apis/authentication.k8s.io/v1/tokenreviews", asked)).json["status"]
    assert known["authenticated"] and known["user"]["username"] == "system:serviceaccount:default:default"
    asked = {"spec": {"token": "nonsense"}}
    unknown = (await api.post("/apis/authentication.k8s.io/v1/tokenreviews", asked)).json["status"]
    assert not unknown.get("authenticated")


async def test_bound_tokens_end_with_their_pod(api: Api) -> None:
    pod = await api.pod()
    reference = {"kind": "Pod", "apiVersion": "v1", "name": "web", "uid": pod["metadata"]["uid"]}
    reply = await token(api, boundObjectRef=reference)
    asked = {"spec": {"token": reply.json["status"]["token"]}}
    path = "/apis/authentication.k8s.io/v1/tokenreviews"
    assert (await api.post(path, asked)).json["status"]["authenticated"]
    await api.delete(PODS + "/web")
    assert not (await api.post(path, asked)).json["status"].get("authenticated")


async def test_token_requests_that_make_no_sense(api: Api) -> None:
    assert (await token(api, expirationSeconds=10)).status == 422
    assert (await token(api, boundObjectRef={"kind": "Deployment", "apiVersion": "apps/v1"})).status == 400
    stale = {"kind": "Pod", "apiVersion": "v1", "name": "web", "uid": "other"}
    await api.pod()
    assert (await token(api, boundObjectRef=stale)).status == 409
    reply = await api.post("/api/v1/namespaces/default/serviceaccounts/none/token", {"spec": {}})
    assert reply.status == 404


async def test_access_reviews(api: Api) -> None:
    path = "/apis/authorization.k8s.io/v1/subjectaccessreviews"
    attributes = {"verb": "get", "resource": "pods", "namespace": "default"}
    asked = {"spec": {"user": "bob", "resourceAttributes": attributes}}
    assert (await api.post(path, asked)).json["status"] == {"allowed": False}
    asked["spec"]["groups"] = ["system:masters"]
    assert (await api.post(path, asked)).json["status"]["allowed"] is True
    assert (await api.post(path, {"spec": {"user": "bob"}})).status == 422
    own = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
    assert (await api.post(own, {"spec": {"resourceAttributes": attributes}})).json["status"]["allowed"]
    rules = "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews"
    status = (await api.post(rules, {"spec": {"namespace": "default"}})).json["status"]
    assert status["resourceRules"][0] == {"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}


async def test_ephemeral_containers_and_resize_change_only_their_part(api: Api) -> None:
    pod = await api.pod()
    pod["spec"]["ephemeralContainers"] = [{"name": "debug", "image": "busybox"}]
    pod["spec"]["containers"][0]["image"] = "other"
    reply = await api.put(PODS + "/web/ephemeralcontainers", pod)
    assert reply.status == 200, reply.body
    assert reply.json["spec"]["ephemeralContainers"][0]["name"] == "debug"
    assert reply.json["spec"]["containers"][0]["image"] == "nginx"


async def test_an_applied_scale_owns_the_replicas_and_nothing_else(api: Api) -> None:
    deployments = "/apis/apps/v1/namespaces/default/deployments"
    template = {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "c", "image": "i"}]}}
    spec = {"replicas": 1, "selector": {"matchLabels": {"a": "b"}}, "template": template}
    named = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}}
    await api.patch(f"{deployments}/web?fieldManager=first", {**named, "spec": spec}, "apply")
    scale = {"apiVersion": "autoscaling/v1", "kind": "Scale", "metadata": {"name": "web"}}
    wanted = {**scale, "spec": {"replicas": 3}}
    path = f"{deployments}/web/scale?fieldManager=scaler"
    conflict = await api.patch(path, wanted, "apply")
    assert conflict.status == 409
    assert conflict.message == 'Apply failed with 1 conflict: conflict with "first": .spec.replicas'
    taken = await api.patch(path + "&force=true", wanted, "apply")
    assert (taken.status, taken.json["kind"], taken.json["spec"]) == (200, "Scale", {"replicas": 3})
    entries = (await api.get(f"{deployments}/web")).json["metadata"]["managedFields"]
    scaler = next(entry for entry in entries if entry["manager"] == "scaler")
    assert (scaler["operation"], scaler["subresource"], scaler["apiVersion"]) == ("Apply", "scale", "apps/v1")
    assert scaler["fieldsV1"] == {"f:spec": {"f:replicas": {}}}
    first = next(entry for entry in entries if entry["manager"] == "first")
    assert "f:replicas" not in first["fieldsV1"]["f:spec"]
    negative = await api.patch(path, {**scale, "spec": {"replicas": -1}}, "apply")
    assert negative.status == 422
