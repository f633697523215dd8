"""Acting as others, and giving away no more than one has."""

from __future__ import annotations

from typing import Any

from api_harness import Api

from pybernetes.apiserver.auth.authenticators import StaticTokens
from pybernetes.apiserver.auth.user import User

RBAC = "/apis/rbac.authorization.k8s.io/v1"
ROLES = f"{RBAC}/namespaces/default/roles"
BINDINGS = f"{RBAC}/namespaces/default/rolebindings"
REVIEW = "/apis/authentication.k8s.io/v1/selfsubjectreviews"


def as_user(api: Api, name: str) -> dict[str, Any]:
    user = User(name, groups=("system:authenticated",))
    api.server.access.bearer_tokens._kinds.append(StaticTokens({f"{name}-token": user}))
    return {"authorization": f"Bearer {name}-token"}


async def grant(api: Api, name: str, rules: list[dict[str, Any]]) -> None:
    role = {"metadata": {"name": f"of-{name}"}, "rules": rules}
    await api.made(f"{RBAC}/clusterroles", role)
    binding = {
        "metadata": {"name": f"of-{name}"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": f"of-{name}"},
        "subjects": [{"kind": "User", "name": name, "apiGroup": "rbac.authorization.k8s.io"}],
    }
    await api.made(f"{RBAC}/clusterrolebindings", binding)


def rule(resources: list[str], verbs: list[str], group: str = "") -> dict[str, Any]:
    return {"apiGroups": [group], "resources": resources, "verbs": verbs}


async def test_an_admin_acts_as_anybody(bootstrapped: Api) -> None:
    reply = await bootstrapped.post(
        REVIEW,
        {},
        impersonate_user="jane",
        impersonate_group="dev",
        impersonate_uid="7",
        impersonate_extra_scopes="view",
    )
    assert reply.json["status"]["userInfo"] == {
        "username": "jane",
        "uid": "7",
        "groups": ["dev", "system:authenticated"],
        "extra": {"scopes": ["view"]},
    }
    refused = await bootstrapped.get("/api/v1/pods", impersonate_user="jane")
    assert 'User "jane" cannot list resource "pods"' in refused.message


async def test_accounts_bring_their_groups(bootstrapped: Api) -> None:
    reply = await bootstrapped.post(REVIEW, {}, impersonate_user="system:serviceaccount:default:bot")
    assert reply.json["status"]["userInfo"]["groups"] == [
        "system:serviceaccounts",
        "system:serviceaccounts:default",
        "system:authenticated",
    ]


async def test_others_need_the_right_to(bootstrapped: Api) -> None:
    bob = as_user(bootstrapped, "bob")
    refused = await bootstrapped.get("/version", impersonate_user="jane", **bob)
    assert refused.status == 403
    assert refused.message == (
        'users "jane" is forbidden: User "bob" cannot impersonate resource "users" in API group "" at the cluster scope'
    )
    assert (await bootstrapped.get("/version", impersonate_group="x", **bob)).status == 400


async def test_roles_grant_no_more_than_their_writer_has(bootstrapped: Api) -> None:
    api = bootstrapped
    bob = as_user(api, "bob")
    await grant(
        api,
        "bob",
        [rule(["roles"], ["create", "update"], "rbac.authorization.k8s.io"), rule(["pods"], ["get"])],
    )
    assert (
        await api.post(ROLES, {"metadata": {"name": "a"}, "rules": [rule(["pods"], ["get"])]}, **bob)
    ).status == 201
    refused = await api.post(ROLES, {"metadata": {"name": "b"}, "rules": [rule(["secrets"], ["get"])]}, **bob)
    assert refused.status == 403
    assert refused.message == (
        'roles.rbac.authorization.k8s.io "b" is forbidden: user "bob" (groups=["system:authenticated"]) is '
        "attempting to grant RBAC permissions not currently held:\n"
        '{APIGroups:[""], Resources:["secrets"], Verbs:["get"]}'
    )


async def test_bindings_grant_no_more_than_their_writer_has(bootstrapped: Api) -> None:
    api = bootstrapped
    bob = as_user(api, "bob")
    await grant(api, "bob", [rule(["rolebindings"], ["create"], "rbac.authorization.k8s.io")])
    body = {
        "metadata": {"name": "mine"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"},
        "subjects": [{"kind": "User", "name": "bob", "apiGroup": "rbac.authorization.k8s.io"}],
    }
    refused = await api.post(BINDINGS, body, **bob)
    assert refused.status == 403 and "not currently held" in refused.message
    binder = rule(["clusterroles"], ["bind"], "rbac.authorization.k8s.io") | {
        "resourceNames": ["cluster-admin"]
    }
    await grant(api, "bob2", [binder])
    await api.patch(
        f"{RBAC}/clusterrolebindings/of-bob2",
        {"subjects": [{"kind": "User", "name": "bob", "apiGroup": "rbac.authorization.k8s.io"}]},
    )
    assert (await api.post(BINDINGS, body, **bob)).status == 201


async def test_deprecated_kinds_warn(bootstrapped: Api) -> None:
    reply = await bootstrapped.get("/api/v1/namespaces/default/endpoints")
    assert "v1 Endpoints is deprecated in v1.33+" in reply.headers.get("warning")


async def test_answers_say_when_and_which_request_they_are_for(api: Api) -> None:
    first, second = await api.get("/version"), await api.get("/api/v1/nodes/none")
    assert first.headers.get("audit-id") != second.headers.get("audit-id")
    assert len(first.headers.get("audit-id")) == 36
    assert second.headers.get("date").endswith(" GMT")
    assert (await api.get("/version", audit_id="mine")).headers.get("audit-id") == "mine"
