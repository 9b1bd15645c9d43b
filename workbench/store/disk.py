"""Rows of `disk_tasks`: what was asked of the disk, and what was found or done."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from workbench.model.disk import ENDED, Kind, Policy, Report, Task, TaskState
from workbench.model.environment import Revision
from workbench.store.events import Actor, append
from workbench.store.rows import moment, stamp

KEPT = 50  # tasks; older ones are dropped


def request(
    connection: sqlite3.Connection, kind: Kind, policy: Policy, *, at: datetime, actor: Actor, plan: int | None = None
) -> int:
    """Queue a task; an open measurement serves all who ask for one. Its id."""
    if kind is Kind.MEASURE:
        row = connection.execute(
            "SELECT id FROM disk_tasks WHERE kind = ? AND state = ? LIMIT 1", (kind, TaskState.QUEUED)
        ).fetchone()
        if row:
            return int(row["id"])
    cursor = connection.execute(
        "INSERT INTO disk_tasks (kind, policy, plan, state, created, by, account, origin) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (kind, json.dumps(asdict(policy)), plan, TaskState.QUEUED, stamp(at), *actor.columns),
    )
    task = int(cursor.lastrowid or 0)
    if kind is Kind.PRUNE:
        append(connection, at, "disk", task, "prune asked", actor)
    connection.execute("DELETE FROM disk_tasks WHERE id <= ?", (task - KEPT,))
    return task


def begin(connection: sqlite3.Connection, task: int) -> bool:
    """Take a queued task, or one whose supervisor died."""
    cursor = connection.execute(
        "UPDATE disk_tasks SET state = ?, reason = '' WHERE id = ? AND state IN (?, ?)",
        (TaskState.WORKING, task, TaskState.QUEUED, TaskState.WORKING),
    )
    return cursor.rowcount == 1


def note(connection: sqlite3.Connection, task: int, reason: str) -> None:
    """Say why it does not begin yet."""
    connection.execute("UPDATE disk_tasks SET reason = ? WHERE id = ?", (reason, task))


def end(
    connection: sqlite3.Connection,
    task: int,
    state: TaskState,
    *,
    at: datetime,
    actor: Actor,
    reason: str = "",
    report: Report | None = None,
    told: str = "",
) -> None:
    """Write down how it ended; `told` is its line in the journal."""
    connection.execute(
        "UPDATE disk_tasks SET state = ?, reason = ?, report = ?, ended = ? WHERE id = ?",
        (state, reason, json.dumps(report.to_json()) if report else "", stamp(at), task),
    )
    if told:
        append(connection, at, "disk", task, told, actor)


def get(connection: sqlite3.Connection, task: int) -> Task | None:
    """One task; None where there is none of that id."""
    row = connection.execute("SELECT * FROM disk_tasks WHERE id = ?", (task,)).fetchone()
    return _task(row) if row else None


def open_ones(connection: sqlite3.Connection) -> list[Task]:
    """Those that have not ended, oldest first."""
    rows = connection.execute(
        "SELECT * FROM disk_tasks WHERE state NOT IN (?, ?) ORDER BY id LIMIT 100", tuple(sorted(ENDED))
    ).fetchall()
    return [_task(row) for row in rows]


def newest(connection: sqlite3.Connection, kind: Kind) -> Task | None:
    """The newest that was done, of that kind."""
    row = connection.execute(
        "SELECT * FROM disk_tasks WHERE kind = ? AND state = ? ORDER BY id DESC LIMIT 1", (kind, TaskState.DONE)
    ).fetchone()
    return _task(row) if row else None


def _policy(said: dict[str, Any]) -> Policy:
    return Policy(**{**said, "only": tuple(said.get("only") or ())})


def _task(row: sqlite3.Row) -> Task:
    return Task(
        id=row["id"],
        kind=Kind(row["kind"]),
        policy=_policy(json.loads(row["policy"])),
        plan=row["plan"],
        state=TaskState(row["state"]),
        reason=row["reason"],
        report=Report.from_json(json.loads(row["report"])) if row["report"] else None,
        created=datetime.fromisoformat(row["created"]),
        ended=moment(row["ended"]),
    )


@dataclass(frozen=True)
class Kept:
    """A revision as it is written down, with the environment that has it and when it was made."""

    environment: str
    revision: Revision
    created: datetime
    active: bool


def revisions(connection: sqlite3.Connection) -> list[Kept]:
    """All revisions of all environments, of each the newest first."""
    rows = connection.execute(
        "SELECT r.environment, r.body, r.created, r.id = e.revision AS active FROM revisions r"
        " LEFT JOIN environments e ON e.name = r.environment ORDER BY r.environment, r.created DESC LIMIT 100000"
    ).fetchall()
    return [
        Kept(
            row["environment"],
            Revision.from_json(row["body"]),
            datetime.fromisoformat(row["created"]),
            bool(row["active"]),
        )
        for row in rows
    ]
