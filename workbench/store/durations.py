"""How long runs took: lengths of the newest successes, for forecasts."""

from __future__ import annotations

import sqlite3

from workbench.model.run import RunState

NEWEST = 20


def of_schedule(connection: sqlite3.Connection, schedule: str) -> list[float]:
    """Seconds of the newest successes of a schedule, newest first."""
    rows = connection.execute(
        "SELECT seconds FROM runs WHERE schedule = ? AND state = ? AND seconds IS NOT NULL ORDER BY id DESC LIMIT ?",
        (schedule, RunState.SUCCEEDED, NEWEST),
    ).fetchall()
    return [row[0] for row in rows]


def of_notebook(connection: sqlite3.Connection, project: str, notebook: str) -> list[float]:
    """The same of a notebook, whoever asked for it."""
    rows = connection.execute(
        "SELECT seconds FROM runs WHERE project = ? AND notebook = ? AND state = ? AND seconds IS NOT NULL"
        " ORDER BY id DESC LIMIT ?",
        (project, notebook, RunState.SUCCEEDED, NEWEST),
    ).fetchall()
    return [row[0] for row in rows]
