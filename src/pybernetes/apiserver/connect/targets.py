"""What a proxy request is for: `[scheme:]name[:port]` and the path behind it."""

from __future__ import annotations

from urllib.parse import quote

from pybernetes.api.errors import BadRequest
from pybernetes.apiserver.context import Context


def split_name(text: str) -> tuple[str, str, str]:
    """`https:web:8443` -> ("https", "web", "8443"); scheme http and no port when they are left out."""
    parts = text.split(":")
    if len(parts) == 1:
        return "http", parts[0], ""
    if len(parts) == 2:
        return "http", parts[0], parts[1]
    if len(parts) == 3 and parts[0] in ("http", "https", ""):
        return parts[0] or "http", parts[1], parts[2]
    raise BadRequest(f'invalid proxy request "{text}": write it as [http:|https:]name[:port]')


def authority(address: str, port: str) -> str:
    """Host and port as a URL has them."""
    host = f"[{address}]" if ":" in address else address
    return f"{host}:{port}" if port else host


def target_path(context: Context) -> str:
    """The path and query that the other side gets."""
    path = context.info.rest or "/"
    extra = context.request.query_value("path")
    if extra and not context.info.rest:
        path = "/" + quote(extra.lstrip("/"), safe="/%:@!$&'()*+,;=~")
    query = context.request.raw_query
    return f"{path}?{query}" if query else path
