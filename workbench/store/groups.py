"""Rows of `run_groups`, and the runs of each."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Sequence
from datetime import datetime

from workbench.model.group import Group, Standing
from workbench.model.run import ENDED, Run, RunState
from workbench.store import runs
from workbench.store.events import Actor, append
from workbench.store.rows import marks, moment, stamp


def insert(
    connection: sqlite3.Connection,
    *,
    project: str,
    notebook: str,
    name: str,
    names: Sequence[str],
    size: int,
    schedule: str | None,
    due: datetime | None,
    created: datetime,
    actor: Actor,
) -> int:
    """A new group, whose runs are added to it in the same transaction. Its id."""
    cursor = connection.execute(
        "INSERT INTO run_groups (project, notebook, name, names, size, schedule, due, created, by, account, origin)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            project, notebook, name, json.dumps(list(names)), size, schedule, stamp(due), stamp(created), *actor.columns,
        ),
    )  # fmt: skip
    group = int(cursor.lastrowid or 0)
    append(connection, created, "group", group, "queued", actor, schedule or "")
    return group


def take(connection: sqlite3.Connection, group: int, run: int) -> None:
    """Make a run one of the group."""
    connection.execute("UPDATE runs SET group_id = ? WHERE id = ?", (group, run))


def get(connection: sqlite3.Connection, group: int) -> Group | None:
    """One group; None where there is none of that id."""
    row = connection.execute("SELECT * FROM run_groups WHERE id = ?", (group,)).fetchone()
    return _group(row) if row else None


def standing(connection: sqlite3.Connection, group: int) -> Standing:
    """How many of its runs are in each state."""
    rows = connection.execute("SELECT state, count(*) FROM runs WHERE group_id = ? GROUP BY state", (group,)).fetchall()
    return Standing({RunState(row[0]): row[1] for row in rows})


def members(connection: sqlite3.Connection, group: int, states: Iterable[RunState] = ()) -> list[Run]:
    """Its runs, in the order of its combinations; with `states` only those in any of them."""
    wanted = tuple(states)
    among = f" AND state IN ({marks(wanted)})" if wanted else ""
    rows = connection.execute(
        f"SELECT * FROM runs WHERE group_id = ?{among} ORDER BY id LIMIT 10000",  # noqa: S608 - question marks
        (group, *wanted),
    ).fetchall()
    return [runs.of_row(row) for row in rows]


def ask_cancel(connection: sqlite3.Connection, group: int, *, at: datetime, actor: Actor) -> int:
    """Note that somebody wants all of it cancelled; how many runs that is asked of now."""
    alive = [run for run in members(connection, group) if run.state not in ENDED]
    asked = sum(runs.ask_cancel(connection, run.id, at=at, actor=actor) for run in alive)
    if asked:
        append(connection, at, "group", group, "cancel asked", actor)
    return asked


def newest(connection: sqlite3.Connection, project: str = "", limit: int = 100) -> list[Group]:
    """Groups, newest first."""
    rows = connection.execute(
        "SELECT * FROM run_groups WHERE ? IN ('', project) ORDER BY id DESC LIMIT ?", (project, limit)
    ).fetchall()
    return [_group(row) for row in rows]


def _group(row: sqlite3.Row) -> Group:
    return Group(
        id=row["id"], project=row["project"], notebook=row["notebook"], name=row["name"],
        names=tuple(json.loads(row["names"])), size=row["size"], schedule=row["schedule"], due=moment(row["due"]),
        created=datetime.fromisoformat(row["created"]), by=row["by"], account=row["account"], origin=row["origin"],
    )  # fmt: skip
