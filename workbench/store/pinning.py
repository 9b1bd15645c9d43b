"""Rows of `pin_tasks`: what was asked about exact versions, and the answers."""

from __future__ import annotations

import sqlite3
from datetime import datetime

from workbench.model.pinning import Kind, Task, TaskState
from workbench.store.events import Actor, append
from workbench.store.rows import stamp

KEPT = 50  # tasks; older ones are dropped


def request(
    connection: sqlite3.Connection, kind: Kind, environment: str, folder: str, *, at: datetime, actor: Actor
) -> int:
    """Queue a task; its id."""
    cursor = connection.execute(
        "INSERT INTO pin_tasks (kind, environment, folder, state, created, by, account, origin)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (kind, environment, folder, TaskState.QUEUED, stamp(at), *actor.columns),
    )
    task = int(cursor.lastrowid or 0)
    connection.execute("DELETE FROM pin_tasks WHERE id <= ?", (task - KEPT,))
    return task


def end(
    connection: sqlite3.Connection,
    task: Task,
    state: TaskState,
    *,
    at: datetime,
    actor: Actor,
    reason: str = "",
    hint: str = "",
    result: str = "",
) -> None:
    """Write down how it ended."""
    connection.execute(
        "UPDATE pin_tasks SET state = ?, reason = ?, hint = ?, result = ? WHERE id = ?",
        (state, reason, hint, result, task.id),
    )
    if state is TaskState.DONE and task.kind is Kind.LOCK:
        append(connection, at, "environment", task.environment, "locked", actor, result)


def get(connection: sqlite3.Connection, task: int) -> Task | None:
    """One task; None where there is none of that id."""
    row = connection.execute("SELECT * FROM pin_tasks WHERE id = ?", (task,)).fetchone()
    return _task(row) if row else None


def oldest(connection: sqlite3.Connection) -> Task | None:
    """The oldest that has not ended."""
    row = connection.execute(
        "SELECT * FROM pin_tasks WHERE state = ? ORDER BY id LIMIT 1", (TaskState.QUEUED,)
    ).fetchone()
    return _task(row) if row else None


def _task(row: sqlite3.Row) -> Task:
    return Task(
        row["id"],
        Kind(row["kind"]),
        row["environment"],
        row["folder"],
        TaskState(row["state"]),
        row["reason"],
        row["hint"],
        row["result"],
    )
