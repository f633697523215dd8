"""Links of what a proxied server answers, so that they lead through the proxy again. Pure.

A link that starts at the server's root gets the proxy's path in front, be it in a Location header or in an
attribute of an HTML page; links that are relative, or lead to other hosts, stay. What the page holds beside such
attributes is not touched.
"""

from __future__ import annotations

import html
import posixpath
import re
from dataclasses import dataclass
from html.parser import HTMLParser
from urllib.parse import urlsplit, urlunsplit

_LINKS = {
    "a": ("href",),
    "applet": ("codebase",),
    "area": ("href",),
    "audio": ("src",),
    "base": ("href",),
    "blockquote": ("cite",),
    "body": ("background",),
    "button": ("formaction",),
    "command": ("icon",),
    "del": ("cite",),
    "embed": ("src",),
    "form": ("action",),
    "frame": ("longdesc", "src"),
    "head": ("profile",),
    "html": ("manifest",),
    "iframe": ("longdesc", "src"),
    "img": ("longdesc", "src", "usemap"),
    "input": ("src", "usemap", "formaction"),
    "ins": ("cite",),
    "link": ("href",),
    "object": ("classid", "codebase", "data", "usemap"),
    "q": ("cite",),
    "script": ("src",),
    "source": ("src",),
    "video": ("poster", "src"),
}
"""Attributes that hold one link, by element (HTML 4 and 5)."""

_ATTRIBUTE = re.compile(r"""([^\s"'<>/=]+)\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s>]+))""")


@dataclass(slots=True, frozen=True)
class Rewriting:
    """`prefix` is the proxy's path, `backend` the proxied server's host and port, `host` the one the client used."""

    prefix: str
    backend: str
    host: str = ""

    def link(self, text: str) -> str:
        try:
            url = urlsplit(text)
        except ValueError:
            return text
        if url.netloc not in ("", self.backend, self.host) or not url.path.startswith("/"):
            return text
        if url.netloc != self.host:
            url = url._replace(scheme="", netloc="")
        if url.path.startswith(self.prefix):
            return urlunsplit(url)
        path = posixpath.normpath(f"{self.prefix}/{url.path.lstrip('/')}")
        if url.path.endswith("/"):
            path += "/"
        return urlunsplit(url._replace(path=path))

    def page(self, body: bytes) -> bytes:
        """An HTML page in any encoding that ASCII is a part of."""
        text = body.decode("latin-1")
        finder = _Tags()
        finder.feed(text)
        finder.close()
        lines = [0, *(match.end() for match in re.finditer("\n", text))]
        parts: list[str] = []
        done = 0
        for (line, column), tag, raw in finder.found:
            start = lines[line - 1] + column
            parts += (text[done:start], self._tag(raw, _LINKS[tag]))
            done = start + len(raw)
        return "".join([*parts, text[done:]]).encode("latin-1")

    def _tag(self, raw: str, links: tuple[str, ...]) -> str:
        def replaced(match: re.Match[str]) -> str:
            if match[1].lower() not in links:
                return match[0]
            old = html.unescape(next(value for value in match.groups()[1:] if value is not None))
            new = self.link(old)
            if new == old:
                return match[0]
            quoted = html.escape(new).encode("latin-1", "xmlcharrefreplace").decode("latin-1")
            return f'{match[1]}="{quoted}"'

        return _ATTRIBUTE.sub(replaced, raw)


class _Tags(HTMLParser):
    """Where the tags are that may hold links: ((line, column), name, raw text)."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=False)
        self.found: list[tuple[tuple[int, int], str, str]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _LINKS:
            self.found.append((self.getpos(), tag, self.get_starttag_text() or ""))
