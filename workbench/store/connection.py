"""Connections to a home's database: one a thread, every write in `BEGIN IMMEDIATE`.

WAL only where SQLite has the WAL-reset fix (https://sqlite.org/wal.html#walresetbug); else the TRUNCATE journal, under
which an open read cursor blocks a commit: so every read here is bounded and fetched whole.
"""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from workbench.errors import StoreError
from workbench.store import holding
from workbench.store.migrations import MIGRATIONS

LOCK_WAIT = 60.0  # seconds that a write waits for other writers before it is given up
STATEMENT_WAIT = 10.0  # seconds that any statement waits
# Seconds of waiting between two looks at whether who holds it was stopped: then there is nothing to wait for.
ASIDE = 1.0
_WAL_FIXED = ((3, 44, 6), (3, 50, 7), (3, 51, 3))


def wal_is_safe(version: tuple[int, ...] = sqlite3.sqlite_version_info) -> bool:
    """Whether this SQLite has the WAL-reset fix: 3.51.3 or later, or 3.50.7 and 3.44.6 and their patch lines."""
    return version >= (3, 51, 3) or any(version[:2] == fixed[:2] and version >= fixed for fixed in _WAL_FIXED)


class _Connection(sqlite3.Connection):
    """Waits for others as SQLite does, but not for a process that was stopped."""

    database: Path

    def execute(self, sql: str, parameters: Any = (), /) -> sqlite3.Cursor:
        try:
            return super().execute(sql, parameters)
        except sqlite3.OperationalError as error:
            if not _busy(error):
                raise
        end = time.monotonic() + STATEMENT_WAIT - ASIDE
        while True:
            if in_vain := holding.stopped(self.database):
                raise in_vain
            try:
                return super().execute(sql, parameters)
            except sqlite3.OperationalError as error:
                if not _busy(error) or time.monotonic() >= end:
                    raise


class Store:
    """The database of a home. Safe to use from several threads; each gets a connection of its own."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._local = threading.local()
        self._writing = threading.Lock()
        self._opened: dict[threading.Thread, sqlite3.Connection] = {}
        self._opening = threading.Lock()
        try:
            self._migrate()
        except sqlite3.DatabaseError as error:
            self.close()
            raise _explained(error, self.path) from error
        except BaseException:
            self.close()
            raise

    @contextmanager
    def read(self) -> Iterator[sqlite3.Connection]:
        """A connection for reading; fetch whole answers, keep no cursor."""
        try:
            yield self._connection()
        except sqlite3.DatabaseError as error:
            raise _explained(error, self.path) from error

    @contextmanager
    def write(self) -> Iterator[sqlite3.Connection]:
        """One transaction, committed at the end and rolled back on any exception."""
        try:
            connection = self._connection()
            with self._writing:
                _patiently(lambda: connection.execute("BEGIN IMMEDIATE"))
                try:
                    yield connection
                    _patiently(lambda: connection.execute("COMMIT"))
                except BaseException:
                    _roll_back(connection)
                    raise
        except sqlite3.DatabaseError as error:
            raise _explained(error, self.path) from error

    def data_version(self) -> int:
        """A number that differs from the last one in this thread when another connection has committed."""
        with self.read() as connection:
            return int(connection.execute("PRAGMA data_version").fetchone()[0])

    def integrity(self) -> list[str]:
        """What SQLite's own check finds wrong; empty when all is well."""
        with self.read() as connection:
            rows = connection.execute("PRAGMA integrity_check").fetchall()
        return [row[0] for row in rows if row[0] != "ok"]

    def settle(self, seconds: float) -> bool:
        """Let a transaction of this store end, if one is under way; False where that took longer than `seconds`."""
        settled = self._writing.acquire(timeout=seconds)
        if settled:
            self._writing.release()
        return settled

    def release(self) -> None:
        """Close the connection of this thread, which is about to end."""
        self._local.connection = None
        with self._opening:
            connection = self._opened.pop(threading.current_thread(), None)
        if connection:
            connection.close()

    def close(self) -> None:
        """Close this store's connections, of all threads."""
        with self._opening:
            for connection in self._opened.values():
                connection.close()
            self._opened.clear()
            self._local = threading.local()

    def _connection(self) -> sqlite3.Connection:
        found: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if found is None:
            found = self._connect()
            with self._opening:
                # Threads that ended without `release` have left theirs behind.
                for thread in [thread for thread in self._opened if not thread.is_alive()]:
                    self._opened.pop(thread).close()
                self._opened[threading.current_thread()] = self._local.connection = found
        return found

    def _connect(self) -> sqlite3.Connection:
        try:
            descriptor = (
                os.open(self.path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600) if not self.path.exists() else -1
            )
            if descriptor >= 0:
                os.close(descriptor)
            connection = sqlite3.connect(
                self.path, timeout=ASIDE, isolation_level=None, check_same_thread=False, factory=_Connection
            )
        except (OSError, sqlite3.Error) as error:
            raise StoreError(f"cannot open {self.path}: {error}", hint="See: workbench doctor") from error
        connection.database = self.path
        connection.row_factory = sqlite3.Row
        try:
            connection.execute("PRAGMA foreign_keys=ON")
            _patiently(lambda: connection.execute(f"PRAGMA journal_mode={'WAL' if wal_is_safe() else 'TRUNCATE'}"))
            connection.execute("PRAGMA synchronous=FULL")
        except BaseException:
            connection.close()
            raise
        return connection

    def _migrate(self) -> None:
        connection = self._connection()
        if _schema(connection) == len(MIGRATIONS):
            return
        with self._writing:
            _patiently(lambda: connection.execute("BEGIN IMMEDIATE"))
            try:
                version = _schema(connection)
                if version > len(MIGRATIONS):
                    raise StoreError(
                        f"{self.path} was written by a newer workbench (schema {version}, this one knows {len(MIGRATIONS)})",
                        hint="Upgrade workbench; nothing was changed.",
                    )
                if 0 < version < len(MIGRATIONS):
                    self._back_up(version)
                for number in range(version, len(MIGRATIONS)):
                    MIGRATIONS[number](connection)
                connection.execute(f"PRAGMA user_version={len(MIGRATIONS)}")
                connection.execute("COMMIT")
            except BaseException:
                _roll_back(connection)
                raise

    def _back_up(self, version: int) -> None:
        """A copy made by SQLite itself: opening the file otherwise would drop its locks (howtocorrupt, 2.2)."""
        folder = self.path.parent / "backups"
        folder.mkdir(mode=0o700, exist_ok=True)
        target = folder / f"schema-{version}-{datetime.now(UTC):%Y%m%dT%H%M%SZ}.db"
        source = sqlite3.connect(self.path)
        copy = sqlite3.connect(target)
        try:
            source.backup(copy)
        finally:
            copy.close()
            source.close()
        target.chmod(0o600)


def _schema(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def _roll_back(connection: sqlite3.Connection) -> None:
    """Undo what there is to undo: on a full disk SQLite has done it by itself (lang_transaction.html, section 3)."""
    if connection.in_transaction:
        connection.execute("ROLLBACK")


def _patiently(act: Callable[[], object]) -> None:
    """Do `act`, again and again while other processes hold the database, for at most LOCK_WAIT seconds."""
    end = time.monotonic() + LOCK_WAIT
    while True:
        try:
            act()
        except sqlite3.OperationalError as error:
            if not _busy(error) or time.monotonic() >= end:
                raise
            time.sleep(0.02)
        else:
            return


def _busy(error: sqlite3.OperationalError) -> bool:
    return "locked" in str(error) or "busy" in str(error)


def _explained(error: sqlite3.DatabaseError, path: Path) -> StoreError:
    text = str(error)
    if "locked" in text:
        return holding.held(path)
    if "full" in text:
        return StoreError("the disk is full: nothing was changed", hint=f"Free space on the disk of {path.parent}.")
    if "malformed" in text or "not a database" in text:
        return StoreError(
            f"{path} is damaged: {text}",
            hint="Whether there is a copy, and which: workbench doctor",
        )
    if "readonly" in text:
        return StoreError(f"{path} cannot be written", hint="Check the rights of its folder and the disk.")
    return StoreError(f"the store said: {text}", hint="See: workbench doctor")
