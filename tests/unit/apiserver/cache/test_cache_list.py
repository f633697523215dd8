from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from pybernetes.api.errors import BadRequest, Gone
from pybernetes.apiserver.cache import continuation, history
from pybernetes.apiserver.cache.caches import Page

if TYPE_CHECKING:
    from tests.unit.apiserver.cache.conftest import World
else:
    World = Any


def keys(page: Page) -> list[str]:
    return [entry.key for entry in page.entries]


async def test_get_answers_the_entry_as_last_written(world: World) -> None:
    await world.put("a")
    revision = await world.put("a", app="web")
    entry = world.pods.get("default", "a")
    assert entry is not None
    assert (entry.revision, entry.labels) == (revision, {"app": "web"})
    assert world.pods.get("default", "b") is None
    await world.delete("a")
    assert world.pods.get("default", "a") is None


async def test_list_is_in_key_order_at_the_current_revision(world: World) -> None:
    for namespace, name in (("b", "x"), ("a-b", "z"), ("a", "y"), ("a", "x")):
        last = await world.put(name, namespace)
    page = await world.pods.list()
    assert keys(page) == ["a-b/z", "a/x", "a/y", "b/x"]
    assert (page.revision, page.token, page.remaining) == (last, "", None)
    assert keys(await world.pods.list("a")) == ["a/x", "a/y"]
    assert keys(await world.pods.list("none")) == []


async def test_selectors_select_and_stay_right_while_objects_change(world: World) -> None:
    await world.put("a", app="web", node="n1")
    await world.put("b", app="web", tier="x")
    await world.put("c", app="db", node="n1")
    await world.put("d", "other", app="web")
    select = world.select
    for selection, expected in (
        (select("app=web"), ["default/a", "default/b", "other/d"]),
        (select("app in (web,db),tier"), ["default/b"]),
        (select("app!=web"), ["default/c"]),
        (select("app=web", "spec.nodeName=n1"), ["default/a"]),
        (select("", "spec.nodeName!=n1"), ["default/b", "other/d"]),
        (select("", "metadata.name=d"), ["other/d"]),
        (select("", "metadata.namespace=other"), ["other/d"]),
        (select("", "status.phase=Unknown,spec.nodeName=n1"), ["default/a", "default/c"]),
        (select("app=none"), []),
    ):
        assert keys(await world.pods.list(selection=selection)) == expected
    assert keys(await world.pods.list("default", select("app=web"))) == ["default/a", "default/b"]
    await world.put("a", app="db", node="n2")
    await world.delete("b")
    await world.put("e", app="web", node="n1")
    assert keys(await world.pods.list(selection=select("app=web"))) == ["default/e", "other/d"]
    assert keys(await world.pods.list(selection=select("", "spec.nodeName=n1"))) == ["default/c", "default/e"]


async def test_pages_are_of_one_revision_whatever_happens_meanwhile(world: World) -> None:
    for name in "abcdefg":
        await world.put(name)
    first = await world.pods.list(limit=3)
    assert (keys(first), first.remaining) == (["default/a", "default/b", "default/c"], 4)
    await world.put("d", app="new")
    await world.delete("e")
    await world.put("ee")
    await world.put("a", app="new")
    await world.put("z")
    second = await world.pods.list(limit=3, token=first.token)
    assert keys(second) == ["default/d", "default/e", "default/f"]
    assert [entry.labels for entry in second.entries] == [{}, {}, {}]
    assert (second.revision, second.remaining) == (first.revision, 1)
    third = await world.pods.list(limit=3, token=second.token)
    assert (keys(third), third.token, third.remaining) == (["default/g"], "", None)


async def test_pages_with_a_selector_have_no_remaining_count(world: World) -> None:
    for number in range(6):
        await world.put(f"p{number}", app="web" if number % 2 else "db")
    page = await world.pods.list(selection=world.select("app=web"), limit=2)
    assert (keys(page), page.remaining) == (["default/p1", "default/p3"], None)
    await world.put("p5", app="db")
    rest = await world.pods.list(selection=world.select("app=web"), limit=2, token=page.token)
    assert (keys(rest), rest.token) == (["default/p5"], "")


async def test_a_list_can_be_of_an_exact_revision(world: World) -> None:
    first = await world.put("a")
    await world.put("b")
    await world.delete("a")
    page = await world.pods.list(revision=first)
    assert (keys(page), page.revision) == (["default/a"], first)


async def test_what_the_cache_no_longer_keeps_comes_from_the_log(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history, "KEEP_BYTES", 0)
    first = await world.put("a", app="old")
    for number in range(20):
        await world.put("a", app=str(number))
        await world.put(f"b{number}")
    page = await world.pods.list(revision=first)
    assert [(entry.labels, entry.revision) for entry in page.entries] == [({"app": "old"}, first)]


async def test_pages_that_are_too_old_are_refused_with_a_token_to_go_on(world: World) -> None:
    for name in "abcd":
        await world.put(name)
    page = await world.pods.list(limit=2)
    await world.clock.advance(1000)
    await world.put("e")
    await world.clock.advance(1000)
    await world.put("f")
    with pytest.raises(Gone) as refusal:
        await world.pods.list(limit=2, token=page.token)
    assert refusal.value.message.startswith("The provided continue parameter is too old")
    token = refusal.value.status["metadata"]["continue"]
    rest = await world.pods.list(limit=2, token=token)
    assert keys(rest) == ["default/c", "default/d"]
    assert rest.revision == world.caches.revision
    with pytest.raises(Gone, match="The resourceVersion for the provided list is too old"):
        await world.pods.list(revision=page.revision)


async def test_pages_expire_with_the_store_even_when_nothing_of_their_kind_changed(world: World) -> None:
    for name in "abcd":
        await world.put(name)
    page = await world.pods.list(limit=2)
    for _ in range(3):
        await world.store.put("/registry/leases/default/busy", b"{}", None)
        await world.clock.advance(200)
    with pytest.raises(Gone):
        await world.pods.list(limit=2, token=page.token)


@pytest.mark.parametrize("token", ["x", "!!!", "e30", continuation.make(0, "a")])
async def test_a_broken_token_is_a_bad_request(world: World, token: str) -> None:
    with pytest.raises(BadRequest, match="continue key is not valid"):
        await world.pods.list(limit=2, token=token)
