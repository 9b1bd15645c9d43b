"""Rows of `schedules` and `due_times`: how far each schedule was evaluated, and what became of every due time."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from datetime import datetime

from workbench.model.schedule import DueState, DueTime, Schedule
from workbench.store.events import Actor, append
from workbench.store.rows import stamp


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
            (key, project, name, digest, timing, stamp(at), problem, actor.by, actor.account, actor.origin),
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


def pause(
    connection: sqlite3.Connection, key: str, paused: bool, *, at: datetime, actor: Actor, reason: str = ""
) -> bool:
    """Pause or resume; what was due in a pause is not caught up. False where it is so already."""
    cursor = connection.execute(
        "UPDATE schedules SET paused = ?, paused_by = ?, paused_account = ?, pause_reason = ?,"
        " evaluated_until = CASE WHEN ? = 0 THEN max(evaluated_until, ?) ELSE evaluated_until END"
        " WHERE key = ? AND paused != ?",
        (
            int(paused),
            actor.by if paused else "",
            actor.account if paused else "",
            reason,
            int(paused),
            stamp(at),
            key,
            int(paused),
        ),
    )
    if cursor.rowcount == 1:
        append(connection, at, "schedule", key, "paused" if paused else "resumed", actor, reason)
    return cursor.rowcount == 1


def evaluated(connection: sqlite3.Connection, key: str, old: datetime, until: datetime) -> bool:
    """Note that all due times up to `until` have their rows; False when another was first, or it is off by now."""
    cursor = connection.execute(
        "UPDATE schedules SET evaluated_until = ? WHERE key = ? AND evaluated_until = ? AND paused = 0 AND present = 1",
        (stamp(until), key, stamp(old)),
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


def ledger(
    connection: sqlite3.Connection, key: str, *, before: datetime | None = None, limit: int = 100
) -> list[DueTime]:
    """Due times of a schedule, newest first."""
    rows = connection.execute(
        "SELECT * FROM due_times WHERE schedule = ? AND (? IS NULL OR due < ?) ORDER BY due DESC LIMIT ?",
        (key, stamp(before), stamp(before), limit),
    ).fetchall()
    return [_due(row) for row in rows]


def last_due(connection: sqlite3.Connection) -> Mapping[str, DueTime]:
    """The newest due time of each schedule."""
    rows = connection.execute(
        "SELECT d.* FROM due_times d JOIN (SELECT schedule, max(due) AS due FROM due_times GROUP BY schedule) n"
        " ON d.schedule = n.schedule AND d.due = n.due LIMIT 100000"
    ).fetchall()
    return {row["schedule"]: _due(row) for row in rows}


def _due(row: sqlite3.Row) -> DueTime:
    return DueTime(
        row["schedule"],
        datetime.fromisoformat(row["due"]),
        DueState(row["state"]),
        row["reason"],
        row["run"],
        datetime.fromisoformat(row["noticed"]),
    )


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
    )
