"""Service account tokens: what they say, and when they stop working."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from pybernetes.api.errors import Unauthorized
from pybernetes.api.kinds import PODS, SECRETS, SERVICE_ACCOUNTS, Kind
from pybernetes.apiserver.auth.tokens import Bound, ServiceAccountTokens
from pybernetes.lib import jwt
from pybernetes.semantics.service_accounts import INVALID_SINCE, SecretToken

ISSUER = "https://kubernetes.default.svc.cluster.local"
ACCOUNT: dict[str, Any] = {"metadata": {"namespace": "dev", "name": "bot", "uid": "u1"}}


def pem(key: Any) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


EC = pem(ec.generate_private_key(ec.SECP256R1()))
RSA = pem(rsa.generate_private_key(65537, 2048))


class World:
    """Objects to look up and a moment to be in."""

    def __init__(self, key: bytes = EC, others: tuple[bytes, ...] = ()) -> None:
        self.objects: dict[tuple[str, str], dict[str, Any]] = {
            (SERVICE_ACCOUNTS.resource, "bot"): ACCOUNT,
            (PODS.resource, "web"): {"metadata": {"namespace": "dev", "name": "web", "uid": "p1"}},
        }
        self.time = datetime(2026, 1, 1, tzinfo=UTC)
        self.tokens = ServiceAccountTokens(key, others, ISSUER, [ISSUER], self.lookup, lambda: self.time)

    async def lookup(self, kind: Kind, namespace: str | None, name: str) -> dict[str, Any] | None:
        return self.objects.get((kind.resource, name))


@pytest.mark.parametrize("key", [EC, RSA], ids=["ES256", "RS256"])
async def test_a_token_is_its_account(key: bytes) -> None:
    world = World(key)
    token, end = world.tokens.issue(ACCOUNT, 600, bound=[Bound("pod", "web", "p1"), Bound("node", "a", "n1")])
    user = await world.tokens.authenticate_token(token)
    assert end == world.time + timedelta(minutes=10)
    assert user is not None
    assert user.name == "system:serviceaccount:dev:bot"
    assert user.groups == ("system:serviceaccounts", "system:serviceaccounts:dev", "system:authenticated")
    extra = dict(user.extra)
    assert extra["authentication.kubernetes.io/pod-name"] == ("web",)
    assert extra["authentication.kubernetes.io/node-uid"] == ("n1",)


async def test_a_token_ends_with_its_time_its_pod_or_its_account() -> None:
    for spoil in ("time", "pod", "new pod", "account"):
        world = World()
        token, _ = world.tokens.issue(ACCOUNT, 600, bound=[Bound("pod", "web", "p1")])
        assert await world.tokens.authenticate_token(token)
        if spoil == "time":
            world.time += timedelta(minutes=10)
        elif spoil == "pod":
            del world.objects[("pods", "web")]
        elif spoil == "new pod":
            world.objects[("pods", "web")] = {"metadata": {"uid": "p2"}}
        else:
            del world.objects[("serviceaccounts", "bot")]
        with pytest.raises(Unauthorized):
            await world.tokens.authenticate_token(token)


async def test_a_deleted_pod_may_use_its_token_for_a_minute() -> None:
    world = World()
    token, _ = world.tokens.issue(ACCOUNT, 600, bound=[Bound("pod", "web", "p1")])
    world.objects[("pods", "web")]["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    assert await world.tokens.authenticate_token(token)
    world.time += timedelta(seconds=61)
    with pytest.raises(Unauthorized):
        await world.tokens.authenticate_token(token)


async def test_audiences() -> None:
    world = World()
    token, _ = world.tokens.issue(ACCOUNT, 600, audiences=["vault"])
    assert await world.tokens.authenticate_token(token, ["vault"])
    with pytest.raises(Unauthorized):
        await world.tokens.authenticate_token(token)


async def test_forged_tokens_are_refused_and_foreign_ones_ignored() -> None:
    world, other = World(), World(pem(ec.generate_private_key(ec.SECP256R1())))
    forged, _ = other.tokens.issue(ACCOUNT, 600)
    with pytest.raises(Unauthorized):
        await world.tokens.authenticate_token(forged)
    foreign = jwt.sign(jwt.load_private_key(EC), {"iss": "https://elsewhere", "sub": "x"})
    assert await world.tokens.authenticate_token(foreign) is None
    for junk in ("", "a.b.c", "abcdef.0123456789abcdef", "é.é.é"):
        assert await world.tokens.authenticate_token(junk) is None


async def test_the_algorithm_is_the_keys_not_the_tokens() -> None:
    world = World()
    token, _ = world.tokens.issue(ACCOUNT, 600)
    _, claims, _ = token.split(".")
    unsigned = jwt.b64(b'{"alg":"none"}') + f".{claims}."
    with pytest.raises(Unauthorized):
        await world.tokens.authenticate_token(unsigned)


async def test_rotated_keys_still_verify() -> None:
    token, _ = World(EC).tokens.issue(ACCOUNT, 600)
    world = World(RSA, (EC,))
    assert await world.tokens.authenticate_token(token)
    assert [key["kty"] for key in world.tokens.jwks()["keys"]] == ["RSA", "EC"]
    assert world.tokens.openid_configuration("x")["id_token_signing_alg_values_supported"] == [
        "ES256",
        "RS256",
    ]


def put_into_secret(world: World, key: bytes = EC, **changes: str) -> str:
    """The token that the token controller would put into the Secret `dev/t`."""
    claims = {**SecretToken("dev", "t", "bot", "u1").claims(), **changes}
    token = jwt.sign(jwt.load_private_key(key), claims)
    data = {"token": base64.b64encode(token.encode()).decode()}
    metadata = {"namespace": "dev", "name": "t", "uid": "s1"}
    world.objects[(SECRETS.resource, "t")] = {"metadata": metadata, "data": data}
    return token


async def test_a_token_in_a_secret_is_its_account_for_this_server_only() -> None:
    world = World()
    token = put_into_secret(world)
    user = await world.tokens.authenticate_token(token)
    assert user is not None and (user.name, user.uid) == ("system:serviceaccount:dev:bot", "u1")
    assert "system:serviceaccounts:dev" in user.groups
    assert await world.tokens.authenticate_token(token, [ISSUER])
    with pytest.raises(Unauthorized):
        await world.tokens.authenticate_token(token, ["vault"])


@pytest.mark.parametrize(
    "spoil", ["secret", "data", "label", "deleted", "account", "new account", "account deleted"]
)
async def test_a_token_in_a_secret_ends_with_secret_and_account(spoil: str) -> None:
    world = World()
    token = put_into_secret(world)
    assert await world.tokens.authenticate_token(token)
    secret, account = world.objects[("secrets", "t")], {"metadata": dict(ACCOUNT["metadata"])}
    world.objects[("serviceaccounts", "bot")] = account
    if spoil == "secret":
        del world.objects[("secrets", "t")]
    elif spoil == "data":
        secret["data"] = {"token": "b3RoZXI="}
    elif spoil == "label":
        secret["metadata"]["labels"] = {INVALID_SINCE: "2026-01-01"}
    elif spoil == "deleted":
        secret["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    elif spoil == "account":
        del world.objects[("serviceaccounts", "bot")]
    elif spoil == "new account":
        account["metadata"]["uid"] = "u2"
    else:
        account["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    with pytest.raises(Unauthorized):
        await world.tokens.authenticate_token(token)


@pytest.mark.parametrize(
    "changes",
    [{"sub": "system:serviceaccount:dev:other"}, {"kubernetes.io/serviceaccount/secret.name": ""}],
)
async def test_a_token_in_a_secret_has_to_say_one_thing(changes: dict[str, str]) -> None:
    world = World()
    token = put_into_secret(world, **changes)
    with pytest.raises(Unauthorized):
        await world.tokens.authenticate_token(token)


async def test_a_token_in_a_secret_has_to_be_signed_by_a_key_of_the_cluster() -> None:
    world = World()
    token = put_into_secret(world, pem(ec.generate_private_key(ec.SECP256R1())))
    with pytest.raises(Unauthorized):
        await world.tokens.authenticate_token(token)
