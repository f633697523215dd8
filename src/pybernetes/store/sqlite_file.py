"""The database file of the sqlite store: its lock, its format, its connections.

In comes a path; out comes an `OpenFile` whose tables are of the current format, locked against every other
process, or `Unusable` with one line that says what to do.

    log      one row a write: revision, key, value (NULL: deleted), revision of the entry that it replaced
    entries  one row an existing key: the revision of its last write, and when it expires (Unix time)
    meta     compacted: events up to this revision are gone
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
from collections.abc import Callable
from pathlib import Path

from pybernetes.store.interface import Unusable

APPLICATION_ID = 0x70796B38
FORMAT = 1
CHECK_LIMIT = 64 << 20
"""Files up to this size are checked for damage on opening, in bytes."""

TABLES = """
CREATE TABLE log (revision INTEGER PRIMARY KEY, key TEXT NOT NULL, value BLOB, previous INTEGER);
CREATE TABLE entries (key TEXT PRIMARY KEY, revision INTEGER NOT NULL, expires REAL) WITHOUT ROWID;
CREATE INDEX entries_expires ON entries (expires) WHERE expires IS NOT NULL;
CREATE TABLE meta (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
INSERT INTO meta VALUES ('compacted', 1);
"""

Migration = Callable[[sqlite3.Connection], None]

MIGRATIONS: dict[int, Migration] = {}
"""From format N to N + 1, within one transaction. Every format that was ever released keeps its step here."""


class OpenFile:
    """The file, locked, with a connection for each use. `lister` and `checkpointer` are for threads."""

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self._lock = _lock(self.path)
        self._connections: list[sqlite3.Connection] = []
        try:
            os.close(os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600))
            self.writer = self._connect()
            self.writer.execute("PRAGMA journal_mode = WAL")
            self.writer.execute("PRAGMA synchronous = FULL")
            self.writer.execute("PRAGMA wal_autocheckpoint = 0")
            _settle_format(self.path, self.writer)
            self.reader = self._connect()
            self.lister = self._connect()
            self.checkpointer = self._connect()
        except sqlite3.Error as error:
            self.close()
            raise Unusable(explain(self.path, error)) from error
        except OSError as error:
            self.close()
            raise Unusable(f"cannot open {self.path}: {error.strerror}") from error
        except BaseException:
            self.close()
            raise

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self.path, timeout=5, isolation_level=None, check_same_thread=False)
        self._connections.append(connection)
        return connection

    def close(self) -> None:
        for connection in reversed(self._connections):
            connection.close()
        self._connections.clear()
        os.close(self._lock)


def user_of(path: Path) -> str:
    """The id of the process that has the database file open; "" when none has it, or the file is not there."""
    try:
        lock = os.open(_lock_file(path), os.O_RDWR | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError):
        return ""
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return os.read(lock, 32).decode(errors="replace").strip() or "unknown"
    finally:
        os.close(lock)
    return ""


def _lock_file(path: Path) -> Path:
    return path.with_name(path.name + ".lock")


def _lock(path: Path) -> int:
    """Lock `PATH.lock`: locking the file itself would interfere with SQLite's own locks."""
    name = _lock_file(path)
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = os.open(name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise Unusable(f"cannot open {name}: {error.strerror}") from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        owner = os.read(lock, 32).decode(errors="replace").strip()
        os.close(lock)
        raise Unusable(f"{path} is in use by process {owner or 'unknown'}; stop that one first") from error
    os.ftruncate(lock, 0)
    os.pwrite(lock, f"{os.getpid()}\n".encode(), 0)
    return lock


def _settle_format(path: Path, writer: sqlite3.Connection) -> None:
    (application,) = writer.execute("PRAGMA application_id").fetchone()
    (found,) = writer.execute("PRAGMA user_version").fetchone()
    (tables,) = writer.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    if not tables and not found:
        stamp = f"PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {FORMAT};"
        writer.executescript(f"BEGIN IMMEDIATE; {TABLES} {stamp} COMMIT")
        return
    if application != APPLICATION_ID:
        raise Unusable(f"{path} is not a pybernetes registry; name another file, or move this one away")
    if found > FORMAT:
        raise Unusable(
            f"{path} has format {found}, this pybernetes knows up to {FORMAT}; run a newer pybernetes on it"
        )
    if path.stat().st_size <= CHECK_LIMIT:
        ((finding,), *_) = writer.execute("PRAGMA quick_check(1)").fetchall()
        if finding != "ok":
            raise Unusable(_damaged(path, finding))
    for step in range(found, FORMAT):
        writer.execute("BEGIN IMMEDIATE")
        try:
            MIGRATIONS[step](writer)
            writer.execute(f"PRAGMA user_version = {step + 1}")
            writer.execute("COMMIT")
        except BaseException:
            writer.execute("ROLLBACK")
            raise


def _damaged(path: Path, finding: str) -> str:
    line = finding.splitlines()[-1].strip()
    return f"{path} is damaged ({line}); restore it from a backup, or move it away to start an empty cluster"


def explain(path: Path, error: sqlite3.Error) -> str:
    """One line on what a failure means and what to do."""
    text = str(error)
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
        return _damaged(path, text)
    if code == sqlite3.SQLITE_FULL:
        return f"cannot write {path}: the disk is full; free some space and start again"
    if code == sqlite3.SQLITE_BUSY:
        return f"{path} is locked by another program; stop that one first"
    if code == sqlite3.SQLITE_READONLY:
        return f"cannot write {path}: it is read-only; mend its permissions and start again"
    return f"cannot use {path}: {text}; check the disk and start again"
