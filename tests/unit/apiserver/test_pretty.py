"""Whose JSON is laid out in lines."""

from __future__ import annotations

import pytest
from api_harness import Api

PATH = "/api/v1/namespaces/default"


@pytest.mark.parametrize(
    ("query", "agent", "laid_out"),
    [
        ("", "curl/8.1", True),
        ("", "Wget/1.21", True),
        ("", "Mozilla/5.0 (X11)", True),
        ("", "kubectl/v1.36.0", False),
        ("?pretty=true", "kubectl/v1.36.0", True),
        ("?pretty=1", "", True),
        ("?pretty=false", "curl/8.1", False),
        ("?pretty=", "curl/8.1", True),
    ],
)
async def test_people_get_lines(api: Api, query: str, agent: str, laid_out: bool) -> None:
    for path in (PATH, "/version", "/api/v1/namespaces/none"):
        reply = await api.get(path + query, user_agent=agent)
        assert reply.json
        assert reply.body.startswith(b'{\n  "') is laid_out


async def test_other_forms_stay_as_they_are(api: Api) -> None:
    for path, accept in ((PATH, "application/yaml"), ("/healthz", "")):
        plain = await api.get(path, accept=accept)
        assert (await api.get(path + "?pretty=true", accept=accept)).body == plain.body
