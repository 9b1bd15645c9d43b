"""What `runs` tell of those before: the last success of a name."""

from __future__ import annotations

import sqlite3

from workbench.model.run import Run, RunState
from workbench.store import runs


def last_success(connection: sqlite3.Connection, project: str, name: str, *, before: int) -> Run | None:
    """The newest run of that name with an id below `before` that succeeded."""
    row = connection.execute(
        "SELECT * FROM runs WHERE project = ? AND name = ? AND id < ? AND state = ? ORDER BY id DESC LIMIT 1",
        (project, name, before, RunState.SUCCEEDED),
    ).fetchone()
    return runs.of_row(row) if row else None
