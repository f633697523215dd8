"""The SQL of the sqlite store: entries and log, on a connection whose transactions are the caller's.

`log` has a row for each revision (its key, its value or NULL for a deletion, the revision before it of that
key); `entries` says which revision of a key is the current one. The tables are made by sqlite_file.py.
"""

from __future__ import annotations

import sqlite3

from pybernetes.store.expiry import Appointments
from pybernetes.store.interface import Entries, Entry, Event, Events

_CURRENT = "SELECT e.revision, l.value FROM entries e JOIN log l ON l.revision = e.revision WHERE e.key = ?"
_COMPACTED = "SELECT value FROM meta WHERE name = 'compacted'"
_LAST = f"SELECT max(coalesce((SELECT max(revision) FROM log), 1), ({_COMPACTED}))"


def last_revision(connection: sqlite3.Connection) -> int:
    ((revision,),) = connection.execute(_LAST).fetchall()
    return int(revision)


def compacted_revision(connection: sqlite3.Connection) -> int:
    ((revision,),) = connection.execute(_COMPACTED).fetchall()
    return int(revision)


def expiring(connection: sqlite3.Connection) -> Appointments:
    return connection.execute(
        "SELECT expires, key, revision FROM entries WHERE expires IS NOT NULL"
    ).fetchall()


def current(connection: sqlite3.Connection, key: str) -> tuple[int, bytes | None]:
    """(revision, value) of a key; (0, None) when there is no such entry."""
    rows = connection.execute(_CURRENT, (key,)).fetchall()
    return rows[0] if rows else (0, None)


def entries(connection: sqlite3.Connection, prefix: str) -> tuple[Entries, int]:
    """All entries below a prefix in order of keys, and the revision that they are of."""
    where, bounds = _range("e.key", prefix)
    connection.execute("BEGIN")
    try:
        revision = last_revision(connection)
        rows = connection.execute(
            "SELECT e.key, l.value, e.revision FROM entries e JOIN log l ON l.revision = e.revision"
            f" WHERE {where} ORDER BY e.key",
            bounds,
        )
        return [Entry(*row) for row in rows], revision
    finally:
        connection.execute("COMMIT")


def events(connection: sqlite3.Connection, prefix: str, after: int, upto: int, limit: int) -> Events:
    """What happened below a prefix after one revision and up to another, at most `limit` of it."""
    where, bounds = _range("l.key", prefix)
    rows = connection.execute(
        "SELECT l.revision, l.key, l.value, p.value, coalesce(p.revision, 0) FROM log l"
        " LEFT JOIN log p ON p.revision = l.previous"
        f" WHERE l.revision > ? AND l.revision <= ? AND {where} ORDER BY l.revision LIMIT ?",
        (after, upto, *bounds, limit),
    )
    return [Event(*row) for row in rows]


def write(
    connection: sqlite3.Connection,
    revision: int,
    key: str,
    value: bytes | None,
    previous: int,
    expires: float | None,
) -> None:
    """A put, or a deletion when `value` is None; `previous` is the revision of the key so far, 0 for none."""
    connection.execute("INSERT INTO log VALUES (?, ?, ?, ?)", (revision, key, value, previous or None))
    if value is None:
        connection.execute("DELETE FROM entries WHERE key = ?", (key,))
    else:
        connection.execute("INSERT OR REPLACE INTO entries VALUES (?, ?, ?)", (key, revision, expires))


def compact(connection: sqlite3.Connection, after: int, upto: int) -> None:
    """Drop what these revisions replaced, and deletions themselves: the rows that stay are current values."""
    connection.execute(
        "DELETE FROM log WHERE revision IN (SELECT previous FROM log WHERE revision > ? AND revision <= ?)",
        (after, upto),
    )
    connection.execute(
        "DELETE FROM log WHERE revision > ? AND revision <= ? AND value IS NULL", (after, upto)
    )
    connection.execute("UPDATE meta SET value = ? WHERE name = 'compacted'", (upto,))


def _range(column: str, prefix: str) -> tuple[str, tuple[str, ...]]:
    """A condition for keys that begin with prefix, and its parameters."""
    if not prefix:
        return "1", ()
    return f"{column} >= ? AND {column} < ?", (prefix, prefix[:-1] + chr(ord(prefix[-1]) + 1))
