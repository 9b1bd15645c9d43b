"""What of `runs` is old: ended runs that nobody has tagged, oldest first, each with its rank among the runs of its name."""

from __future__ import annotations

import sqlite3

from workbench.model.retention import Old
from workbench.model.run import ENDED, RunState
from workbench.store import run_pages
from workbench.store.rows import marks, moment

DEEPEST = 100_000  # ranks beyond are all the same to any policy


def old_runs(connection: sqlite3.Connection, project: str, *, after: int = 0, limit: int = 200) -> list[Old]:
    """The next ended runs of a project after that id, that nobody has tagged: tags of its schedule do not keep a run."""
    rows = connection.execute(
        f"SELECT id, project, name, schedule, state, created, output FROM runs WHERE project = ? AND id > ?"  # noqa: S608
        f" AND state IN ({marks(ENDED)}) AND NOT EXISTS (SELECT 1 FROM run_tags WHERE run = runs.id AND origin != 'asked') ORDER BY id LIMIT ?",
        (project, after, *ENDED, limit),
    ).fetchall()
    return [
        Old(
            run=row["id"], project=row["project"], name=row["name"], schedule=row["schedule"],
            state=RunState(row["state"]), created=moment(row["created"]), output=row["output"],  # type: ignore[arg-type]
            rank=1 + _newer(connection, row), newest_success=_is_newest_success(connection, row),
        )
        for row in rows
    ]  # fmt: skip


def projects(connection: sqlite3.Connection) -> list[str]:
    """Projects that have runs, also those that are gone."""
    return run_pages.projects(connection)


def _newer(connection: sqlite3.Connection, row: sqlite3.Row) -> int:
    found = connection.execute(
        "SELECT count(*) FROM (SELECT 1 FROM runs WHERE project = ? AND name = ? AND id > ? LIMIT ?)",
        (row["project"], row["name"], row["id"], DEEPEST),
    ).fetchone()
    return int(found[0])


def _is_newest_success(connection: sqlite3.Connection, row: sqlite3.Row) -> bool:
    if row["state"] != RunState.SUCCEEDED:
        return False
    newer = connection.execute(
        "SELECT 1 FROM runs WHERE project = ? AND name = ? AND id > ? AND state = ? LIMIT 1",
        (row["project"], row["name"], row["id"], RunState.SUCCEEDED),
    ).fetchone()
    return newer is None
