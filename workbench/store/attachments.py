"""Rows of `attachments`: who was let into the kernel of a failed run while it was kept, and by which way."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from datetime import datetime

from workbench.store.events import Actor, append
from workbench.store.rows import stamp

CONSOLE, SHELL, JUPYTER, INTERRUPT = "console", "shell", "JupyterLab", "interrupt"
ASKED, DONE, FAILED = "asked", "done", "failed"


@dataclass(frozen=True)
class Attachment:
    """One row. `session`, `kernel` (its id there) and `file` (relative to the project) are of JupyterLab alone."""

    id: int
    run: int
    way: str
    state: str
    session: int
    kernel: str
    file: str
    reason: str
    hint: str
    at: datetime
    by: str


def insert(
    connection: sqlite3.Connection,
    *,
    run: int,
    way: str,
    at: datetime,
    actor: Actor,
    session: int = 0,
    state: str = ASKED,
) -> int:
    """Write down that somebody comes, or asks to; its id."""
    cursor = connection.execute(
        "INSERT INTO attachments (run, way, state, session, at, by, account, origin) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (run, way, state, session, stamp(at), *actor.columns),
    )
    append(connection, at, "run", run, "interrupt asked" if way == INTERRUPT else "attached", actor, way)
    return int(cursor.lastrowid or 0)


def done(connection: sqlite3.Connection, number: int, *, kernel: str = "", file: str = "") -> None:
    """It is as was asked."""
    connection.execute(
        "UPDATE attachments SET state = ?, kernel = ?, file = ? WHERE id = ?", (DONE, kernel, file, number)
    )


def failed(connection: sqlite3.Connection, number: int, reason: str, hint: str) -> None:
    """It could not be."""
    connection.execute(
        "UPDATE attachments SET state = ?, reason = ?, hint = ? WHERE id = ?", (FAILED, reason, hint, number)
    )


def asked(connection: sqlite3.Connection) -> list[Attachment]:
    """Those that wait for the supervisor, oldest first."""
    rows = connection.execute("SELECT * FROM attachments WHERE state = 'asked' ORDER BY id LIMIT 100").fetchall()
    return [_attachment(row) for row in rows]


def get(connection: sqlite3.Connection, number: int) -> Attachment | None:
    """One."""
    row = connection.execute("SELECT * FROM attachments WHERE id = ?", (number,)).fetchone()
    return _attachment(row) if row else None


def of_run(connection: sqlite3.Connection, run: int) -> list[Attachment]:
    """Those of a run that came to be, oldest first."""
    rows = connection.execute(
        "SELECT * FROM attachments WHERE run = ? AND state = ? AND way != ? ORDER BY id LIMIT 1000",
        (run, DONE, INTERRUPT),
    ).fetchall()
    return [_attachment(row) for row in rows]


def _attachment(row: sqlite3.Row) -> Attachment:
    names = [name for name in Attachment.__dataclass_fields__ if name != "at"]
    return Attachment(**{name: row[name] for name in names}, at=datetime.fromisoformat(row["at"]))
