"""Questions about access, and the use of tokens that Secrets hold."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from api_harness import Api

from pybernetes.lib import jwt
from pybernetes.semantics.service_accounts import SecretToken

AUTHORIZATION = "/apis/authorization.k8s.io/v1"
NEITHER = (
    "spec.resourceAttributes: Invalid value: null: exactly one of nonResourceAttributes or resourceAttributes must be "
    "specified"
)
NOBODY = 'spec.user: Invalid value: "": at least one of user or group must be specified'


@pytest.mark.parametrize(
    ("path", "spec", "words"),
    [
        ("selfsubjectaccessreviews", {}, NEITHER),
        ("subjectaccessreviews", {}, f"[{NEITHER}, {NOBODY}]"),
        (
            "selfsubjectaccessreviews",
            {"resourceAttributes": {}, "nonResourceAttributes": {"path": "/x"}},
            'spec.nonResourceAttributes: Invalid value: {"Path":"/x","Verb":""}: cannot be specified in combination '
            "with resourceAttributes",
        ),
        (
            "selfsubjectaccessreviews",
            {
                "resourceAttributes": {
                    "fieldSelector": {"rawSelector": "a=b", "requirements": [{"key": "a", "operator": "In"}]}
                }
            },
            '[spec.resourceAttributes.fieldSelector.rawSelector: Invalid value: "a=b": may not specified at the same '
            "time as requirements, spec.resourceAttributes.fieldSelector.requirements[0].values: Required value: must "
            "be specified when `operator` is 'In' or 'NotIn']",
        ),
        (
            "namespaces/default/localsubjectaccessreviews",
            {"user": "bob", "resourceAttributes": {"namespace": "other"}},
            'spec.resourceAttributes.namespace: Invalid value: "other": must match metadata.namespace',
        ),
        (
            "namespaces/default/localsubjectaccessreviews",
            {"user": "bob", "nonResourceAttributes": {}},
            'spec.nonResourceAttributes: Invalid value: {"Path":"","Verb":""}: disallowed on this kind of request',
        ),
    ],
)
async def test_reviews_that_ask_nothing_sensible(api: Api, path: str, spec: Any, words: str) -> None:
    reply = await api.post(f"{AUTHORIZATION}/{path}", {"spec": spec})
    assert reply.status == 422
    assert reply.message == f'.authorization.k8s.io "" is invalid: {words}'


async def test_rules_are_those_of_a_namespace(api: Api) -> None:
    reply = await api.post(f"{AUTHORIZATION}/selfsubjectrulesreviews", {})
    assert (reply.status, reply.message) == (400, "no namespace on request")


async def test_a_token_for_others_is_told_so(api: Api) -> None:
    path = "/api/v1/namespaces/default/serviceaccounts/default/token"
    made = await api.made(path, {"spec": {"audiences": ["vault"]}})
    asked = {"spec": {"token": made["status"]["token"], "audiences": ["db"]}}
    review = await api.made("/apis/authentication.k8s.io/v1/tokenreviews", asked)
    assert review["status"]["error"] == (
        '[invalid bearer token, token audiences ["vault"] is invalid for the target audiences ["db"]]'
    )


async def test_the_use_of_a_token_in_a_secret_is_noted_by_the_day(api: Api) -> None:
    account = (await api.get("/api/v1/namespaces/default/serviceaccounts/default")).json
    claims = SecretToken("default", "old", "default", account["metadata"]["uid"]).claims()
    token = jwt.sign(api.server.access.tokens._private, claims)
    annotations = {"kubernetes.io/service-account.name": "default"}
    secret = await api.made(
        "/api/v1/namespaces/default/secrets",
        {
            "metadata": {"name": "old", "annotations": annotations},
            "type": "kubernetes.io/service-account-token",
            "data": {"token": base64.b64encode(token.encode()).decode()},
        },
    )
    revision = secret["metadata"]["resourceVersion"]
    watch = await api.watch(f"/api/v1/namespaces/default/secrets?watch=1&resourceVersion={revision}")
    reply = await api.get("/api/v1/nodes", authorization=f"Bearer {token}")
    assert 'User "system:serviceaccount:default:default"' in reply.message
    labels = (await watch.next())["object"]["metadata"]["labels"]
    assert labels == {"kubernetes.io/legacy-token-last-used": api.server.clock.now().strftime("%Y-%m-%d")}


async def test_a_refusal_before_an_object_is_named_tells_the_prefix(api: Api) -> None:
    spec = {"serviceAccountName": "none", "containers": [{"name": "c", "image": "i"}]}
    path = "/api/v1/namespaces/default/pods"
    reply = await api.post(path, {"metadata": {"generateName": "web-"}, "spec": spec})
    assert reply.status == 403
    assert reply.message == (
        'pods "web-" is forbidden: error looking up service account default/none: serviceaccount "none" not found'
    )
    reply = await api.post(path, {"metadata": {}, "spec": spec})
    assert reply.message.startswith('pods "Unknown" is forbidden: ')
