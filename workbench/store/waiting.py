"""Rows of `runs` that wait: in the order they are to start, those that have waited too long, how urgent they are."""

from __future__ import annotations

import sqlite3
from datetime import datetime

from workbench.model.run import PENDING, Run
from workbench.model.terms import priority_word
from workbench.store.events import Actor, append
from workbench.store.rows import moment, stamp
from workbench.store.runs import of_row

_PENDING = "'queued', 'waiting', 'retrying'"  # PENDING, word for word as the indexes that hold these alone have it


def pending(connection: sqlite3.Connection, limit: int = 10_000, *, after: tuple[int, int] | None = None) -> list[Run]:
    """Runs that wait, in the order they are to start: by priority, then by id; `after` is one's own place in it."""
    behind = " AND priority <= ? AND (priority < ? OR id > ?)" if after else ""
    rows = connection.execute(
        f"SELECT * FROM runs INDEXED BY runs_pending WHERE state IN ({_PENDING}){behind}"  # noqa: S608 - our own words
        " ORDER BY priority DESC, id LIMIT ?",
        (*((after[0], *after) if after else ()), limit),
    ).fetchall()
    return [of_row(row) for row in rows]


def oldest(connection: sqlite3.Connection, limit: int) -> list[Run]:
    """Runs that have waited longest, whatever their priority."""
    found = [
        of_row(row)
        for state in PENDING
        for row in connection.execute(
            "SELECT * FROM runs WHERE state = ? ORDER BY id LIMIT ?", (state, limit)
        ).fetchall()
    ]
    return sorted(found, key=lambda run: run.id)[:limit]


def overdue(connection: sqlite3.Connection, at: datetime) -> tuple[list[Run], datetime | None]:
    """Runs that should have begun by now, and when the next of the others should have."""
    rows = connection.execute(
        "SELECT * FROM runs INDEXED BY runs_begin_by WHERE begin_by IS NOT NULL"  # noqa: S608 - our own words
        f" AND state IN ({_PENDING}) AND attempt = 0 ORDER BY begin_by LIMIT 1000"
    ).fetchall()
    now = stamp(at) or ""
    coming = [row["begin_by"] for row in rows if row["begin_by"] > now]
    return [of_row(row) for row in rows if row["begin_by"] <= now], moment(coming[0]) if coming else None


def set_priority(connection: sqlite3.Connection, run: int, priority: int, *, at: datetime, actor: Actor) -> bool:
    """Make a run that waits more or less urgent; False where it waits no more."""
    cursor = connection.execute(
        f"UPDATE runs SET priority = ? WHERE id = ? AND state IN ({_PENDING})",  # noqa: S608 - our own words
        (priority, run),
    )
    if cursor.rowcount == 1:
        append(connection, at, "run", run, f"priority {priority_word(priority)}", actor)
    return cursor.rowcount == 1
