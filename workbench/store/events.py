"""The journal: who did what, and every change of state."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from datetime import datetime

from workbench.model.event import Event
from workbench.store.rows import moment, stamp


@dataclass(frozen=True)
class Actor:
    """Who asks: `by` the person, `account` the Unix account, `origin` where from (cli, ui, schedule, supervisor)."""

    by: str
    account: str
    origin: str

    @property
    def columns(self) -> tuple[str, str, str]:
        """As every table holds it: `by`, `account`, `origin`."""
        return (self.by, self.account, self.origin)


SUPERVISOR = "supervisor"


def append(
    connection: sqlite3.Connection,
    at: datetime,
    kind: str,
    key: object,
    what: str,
    actor: Actor,
    detail: str = "",
) -> None:
    """Add a line to the journal, in the caller's transaction."""
    connection.execute(
        "INSERT INTO events (at, kind, key, what, detail, by, account, origin) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (stamp(at), kind, str(key), what, detail, *actor.columns),
    )


def after(connection: sqlite3.Connection, last: int, limit: int = 500) -> list[Event]:
    """Lines after the one with id `last`, oldest first."""
    rows = connection.execute("SELECT * FROM events WHERE id > ? ORDER BY id LIMIT ?", (last, limit)).fetchall()
    return [_event(row) for row in rows]


def of(connection: sqlite3.Connection, kind: str, key: object, limit: int = 100) -> list[Event]:
    """The newest lines about one thing, oldest first."""
    rows = connection.execute(
        "SELECT * FROM events WHERE kind = ? AND key = ? ORDER BY id DESC LIMIT ?", (kind, str(key), limit)
    ).fetchall()
    return [_event(row) for row in reversed(rows)]


def newest(connection: sqlite3.Connection) -> int:
    """The id of the newest line; 0 where there is none."""
    return int(connection.execute("SELECT coalesce(max(id), 0) FROM events").fetchone()[0])


def told_of(connection: sqlite3.Connection, kind: str, last: int) -> tuple[int, bool]:
    """The id of the newest line, and whether any after `last` is about things of that kind."""
    row = connection.execute("SELECT max(id), max(kind = ?) FROM events WHERE id > ?", (kind, last)).fetchone()
    return (last, False) if row[0] is None else (int(row[0]), bool(row[1]))


def _event(row: sqlite3.Row) -> Event:
    at = moment(row["at"])
    assert at is not None
    return Event(
        row["id"],
        at,
        row["kind"],
        row["key"],
        row["what"],
        row["detail"],
        row["by"],
        row["account"],
        row["origin"],
    )
