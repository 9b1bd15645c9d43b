"""Rows of `schedules` and `due_times`: how far each schedule was evaluated, and what became of every due time.

`ledger` beside it reads the latter.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from datetime import datetime

from workbench.model.schedule import DueState, Schedule
from workbench.store.events import Actor, append
from workbench.store.rows import moment, stamp

_MARK = "evaluated_until || '|' || paused || '|' || coalesce(paused_until, '') || '|' || present || '|' || digest"


def notice(
    connection: sqlite3.Connection,
    *,
    key: str,
    project: str,
    name: str,
    digest: str,
    timing: str,
    problem: str,
    at: datetime,
    actor: Actor,
) -> bool:
    """Take in a schedule's file as it is now; a new file and a changed timing start at `at`. True where it changed.

    With a `problem` the last good digest and timing stay.
    """
    old = get(connection, key)
    if old is None:
        connection.execute(
            "INSERT INTO schedules (key, project, name, digest, timing, evaluated_until, problem, by, account, origin)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (key, project, name, digest, timing, stamp(at), problem, *actor.columns),
        )
        append(connection, at, "schedule", key, "added", actor, problem)
        return True
    if old.present and old.digest == digest and old.problem == problem and old.timing == timing:
        return False
    fresh = not problem and (not old.present or old.timing != timing)
    connection.execute(
        "UPDATE schedules SET digest = ?, timing = ?, evaluated_until = ?, present = 1, problem = ? WHERE key = ?",
        (
            digest,
            old.timing if problem else timing,
            stamp(max(at, old.evaluated_until) if fresh else old.evaluated_until),
            problem,
            key,
        ),
    )
    append(connection, at, "schedule", key, "changed", actor, problem)
    return True


def gone(connection: sqlite3.Connection, key: str, *, at: datetime, actor: Actor) -> bool:
    """Its file was removed: it is off, its history stays."""
    cursor = connection.execute("UPDATE schedules SET present = 0 WHERE key = ? AND present = 1", (key,))
    if cursor.rowcount == 1:
        append(connection, at, "schedule", key, "file removed", actor)
    return cursor.rowcount == 1


def evaluated(
    connection: sqlite3.Connection, key: str, old: datetime, until: datetime, *, paused: bool = False
) -> bool:
    """Note that all due times up to `until` have their rows; False when another was first, it is off by now, or it is
    not (or no more) `paused`."""
    cursor = connection.execute(
        "UPDATE schedules SET evaluated_until = ? WHERE key = ? AND evaluated_until = ? AND paused = ? AND present = 1",
        (stamp(until), key, stamp(old), int(paused)),
    )
    return cursor.rowcount == 1


def add_due(
    connection: sqlite3.Connection,
    key: str,
    due: datetime,
    state: DueState,
    *,
    at: datetime,
    actor: Actor,
    run: int | None = None,
    reason: str = "",
) -> bool:
    """Write down what became of a due time; False where it has its row already: it then fires no second time."""
    cursor = connection.execute(
        "INSERT INTO due_times (schedule, due, state, reason, run, noticed, by, account, origin)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (schedule, due) DO NOTHING",
        (key, stamp(due), state, reason, run, stamp(at), *actor.columns),
    )
    return cursor.rowcount == 1


def take_back(connection: sqlite3.Connection, key: str, now: datetime) -> int:
    """Forget what became of due times that are still to come, because the clock was ahead; how many. What fired stays."""
    cursor = connection.execute(
        "DELETE FROM due_times WHERE schedule = ? AND due > ? AND state != ?", (key, stamp(now), DueState.FIRED)
    )
    return cursor.rowcount


def set_due_run(connection: sqlite3.Connection, key: str, due: datetime, run: int) -> None:
    """Name the run that a due time fired, in the transaction that added both."""
    connection.execute("UPDATE due_times SET run = ? WHERE schedule = ? AND due = ?", (run, key, stamp(due)))


def get(connection: sqlite3.Connection, key: str) -> Schedule | None:
    """One schedule's row; None before its file was first read."""
    row = connection.execute("SELECT * FROM schedules WHERE key = ?", (key,)).fetchone()
    return _schedule(row) if row else None


def listing(connection: sqlite3.Connection) -> Mapping[str, Schedule]:
    """All rows by key, those of removed files too."""
    rows = connection.execute("SELECT * FROM schedules ORDER BY key LIMIT 100000").fetchall()
    return {row["key"]: _schedule(row) for row in rows}


def marks(connection: sqlite3.Connection) -> dict[str, str]:
    """What decides when each schedule is looked at next, as a text to compare: another text, another answer."""
    rows = connection.execute(f"SELECT key, {_MARK} FROM schedules LIMIT 1000000").fetchall()  # noqa: S608 - ours
    return {row[0]: row[1] for row in rows}


def mark(connection: sqlite3.Connection, key: str) -> str:
    """That of one schedule; empty where there is none."""
    row = connection.execute(f"SELECT {_MARK} FROM schedules WHERE key = ?", (key,)).fetchone()  # noqa: S608 - ours
    return str(row[0]) if row else ""


def _schedule(row: sqlite3.Row) -> Schedule:
    return Schedule(
        key=row["key"],
        project=row["project"],
        name=row["name"],
        digest=row["digest"],
        timing=row["timing"],
        evaluated_until=datetime.fromisoformat(row["evaluated_until"]),
        paused=bool(row["paused"]),
        paused_by=row["paused_by"],
        present=bool(row["present"]),
        problem=row["problem"],
        pause_reason=row["pause_reason"],
        paused_until=moment(row["paused_until"]),
    )
