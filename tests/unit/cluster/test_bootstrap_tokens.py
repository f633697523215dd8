"""Bootstrap tokens and the signed cluster-info."""

from datetime import UTC, datetime

import pytest

from pybernetes.cluster import bootstrap
from pybernetes.cluster.failure import Failure

TOKEN = "abcdef.0123456789abcdef"


def test_tokens_are_of_upstreams_form_and_differ() -> None:
    tokens = {bootstrap.new_token() for _ in range(20)}
    assert len(tokens) == 20
    for token in tokens:
        bootstrap.check_token(token)


def test_a_malformed_token_says_how_to_make_one() -> None:
    with pytest.raises(Failure, match="token create"):
        bootstrap.check_token("abc")


def test_the_secret_names_the_token_and_its_end() -> None:
    secret = bootstrap.secret(TOKEN, datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC), "a test")
    assert secret["metadata"] == {"name": "bootstrap-token-abcdef", "namespace": "kube-system"}
    assert secret["type"] == "bootstrap.kubernetes.io/token"
    assert secret["stringData"]["token-secret"] == "0123456789abcdef"
    assert secret["stringData"]["expiration"] == "2026-01-02T03:04:05Z"
    assert "expiration" not in bootstrap.secret(TOKEN, None, "")["stringData"]


def test_cluster_info_is_believed_only_with_the_tokens_signature() -> None:
    signature = bootstrap.sign(TOKEN, "content")
    config_map = {"data": {"kubeconfig": "content", "jws-kubeconfig-abcdef": signature}}
    assert bootstrap.signed_by(TOKEN, config_map) == "content"
    with pytest.raises(Failure, match="cannot prove"):
        bootstrap.signed_by("abcdef.fedcba9876543210", config_map)
    with pytest.raises(Failure, match="cannot prove"):
        bootstrap.signed_by(TOKEN, {"data": {**config_map["data"], "kubeconfig": "other"}})
    with pytest.raises(Failure, match="cannot prove"):
        bootstrap.signed_by(TOKEN, {"data": {}})


def test_the_signature_is_a_detached_jws() -> None:
    header, payload, signature = bootstrap.sign(TOKEN, "content").split(".")
    assert payload == ""
    assert header == "eyJhbGciOiJIUzI1NiIsImtpZCI6ImFiY2RlZiJ9"
    assert "=" not in signature
