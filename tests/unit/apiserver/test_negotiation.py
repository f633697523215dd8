"""Accept headers."""

from __future__ import annotations

import pytest

from pybernetes.api.errors import NotAcceptable
from pybernetes.apiserver.negotiation import (
    JSON,
    LIST_FORMS,
    PLAIN,
    PROTOBUF,
    YAML,
    AnswerForm,
    media_type_of,
    negotiate,
)

OFFERED = (JSON, YAML, PROTOBUF)
KUBECTL = ",".join(
    [
        "application/json;as=Table;v=v1;g=meta.k8s.io",
        "application/json;as=Table;v=v1beta1;g=meta.k8s.io",
        "application/json",
    ]
)


@pytest.mark.parametrize(
    ("header", "form"),
    [
        ("", PLAIN),
        ("*/*", PLAIN),
        ("application/*", PLAIN),
        ("application/json", PLAIN),
        ("text/html, application/yaml;q=0.5, application/json;q=0.9", PLAIN),
        ("application/yaml", AnswerForm(YAML)),
        ("application/vnd.kubernetes.protobuf,application/json", PLAIN),
        ("application/vnd.kubernetes.protobuf, */*", PLAIN),
        ("application/vnd.kubernetes.protobuf", AnswerForm(PROTOBUF)),
        (KUBECTL, AnswerForm(JSON, "Table", "v1")),
        ("application/json;as=Table;v=v9;g=meta.k8s.io,application/json", PLAIN),
        (
            "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io",
            AnswerForm(JSON, "PartialObjectMetadataList"),
        ),
    ],
)
def test_forms(header: str, form: AnswerForm) -> None:
    assert negotiate(header, OFFERED, LIST_FORMS) == form


@pytest.mark.parametrize("header", ["text/html", "image/*", "application/json;as=Chart;v=v1;g=meta.k8s.io"])
def test_what_cannot_be_had(header: str) -> None:
    with pytest.raises(NotAcceptable):
        negotiate(header, OFFERED, LIST_FORMS)


def test_media_types_of_bodies() -> None:
    assert media_type_of("Application/JSON; charset=utf-8") == JSON
    assert media_type_of("") == ""
