"""What runs of a notebook took before: the memory they held at most, for those that are to come."""

from __future__ import annotations

import sqlite3

from workbench.model.run import RunState

NEWEST = 5
TOLD = (RunState.SUCCEEDED, RunState.OUT_OF_MEMORY, RunState.FAILED)  # a failed one may have ended early: it counts too


def used_before(connection: sqlite3.Connection, project: str, notebook: str) -> int | None:
    """The most bytes that one of its newest runs held; None where none has told."""
    peaks: list[int] = []
    for state in TOLD:
        rows = connection.execute(
            "SELECT peak_memory FROM runs WHERE project = ? AND notebook = ? AND state = ? ORDER BY id DESC LIMIT ?",
            (project, notebook, state, NEWEST),
        ).fetchall()
        peaks += [row[0] for row in rows if row[0]]
    return max(peaks, default=None)
