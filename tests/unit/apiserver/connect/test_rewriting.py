"""Links that lead through the proxy."""

from __future__ import annotations

import pytest

from pybernetes.apiserver.connect.rewriting import Rewriting

PREFIX = "/api/v1/namespaces/n/pods/p/proxy"
REWRITING = Rewriting(PREFIX, "10.0.0.1:80", "127.0.0.1:6443")


@pytest.mark.parametrize(
    ("link", "expected"),
    [
        ("/a", PREFIX + "/a"),
        ("/a/", PREFIX + "/a/"),
        ("/", PREFIX + "/"),
        ("http://10.0.0.1:80/x?y=1#z", PREFIX + "/x?y=1#z"),
        ("https://127.0.0.1:6443/q", "https://127.0.0.1:6443" + PREFIX + "/q"),
        (PREFIX + "/z", PREFIX + "/z"),
    ],
)
def test_links_from_the_root_get_the_proxys_path(link: str, expected: str) -> None:
    assert REWRITING.link(link) == expected


@pytest.mark.parametrize("link", ["a", "../a", "#top", "", "//other/x", "https://other/x", "http://[bad"])
def test_relative_links_and_other_hosts_stay(link: str) -> None:
    assert REWRITING.link(link) == link


def test_only_attributes_that_hold_links_change() -> None:
    page = (
        '<!-- <a href="/c"> -->\n<p title="/t">\u00e9</p>\n<A class=x HREF=/up>t</A>'
        "<img alt=\"<a href='/no'>\" src='/i?a=1&amp;b'/><script>x = \"<a href='/s'>\"</script>"
    )
    changed = page.replace("HREF=/up", f'HREF="{PREFIX}/up"').replace(
        "src='/i?a=1&amp;b'", f'src="{PREFIX}/i?a=1&amp;b"'
    )
    assert REWRITING.page(page.encode()) == changed.encode()
