"""What is needed of rows of `runs` while another is asked for: its id in its parameters, its schedule's last success."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from workbench.model.environment import Revision
from workbench.model.run import RunState
from workbench.store.rows import stamp

AMONG = 200  # of its newest successes: due times are made up for out of order, but not by more than that


def set_parameters(connection: sqlite3.Connection, run: int, parameters: Mapping[str, Any]) -> None:
    """Write down parameters that name the run's id, in the transaction that added its row."""
    connection.execute("UPDATE runs SET parameters = ? WHERE id = ?", (json.dumps(parameters), run))


def set_revision(connection: sqlite3.Connection, run: int, exactly: int | None, revision: Revision) -> None:
    """Have a run use this revision, as the one did that it repeats, in the transaction that added its row."""
    connection.execute(
        "UPDATE runs SET exactly = ?, engine = ?, revision = ? WHERE id = ?",
        (exactly, revision.engine, revision.id, run),
    )


def add_facts(connection: sqlite3.Connection, run: int, facts: Mapping[str, Any]) -> None:
    """Add to a run's record what is known since it ran."""
    if facts:
        connection.execute("UPDATE runs SET record = json_patch(record, ?) WHERE id = ?", (json.dumps(facts), run))


def without_files(connection: sqlite3.Connection) -> list[int]:
    """Runs that have not begun, and whose files are still to be kept."""
    rows = connection.execute(
        "SELECT id FROM runs WHERE state IN ('queued', 'waiting', 'retrying')"
        " AND json_extract(record, '$.code.tree') = '' ORDER BY id LIMIT 100000"
    ).fetchall()
    return [row["id"] for row in rows]


def previous_success(connection: sqlite3.Connection, schedule: str, moment: datetime) -> datetime | None:
    """The newest due time before `moment` whose run succeeded, or when one beside its times started; None for none."""
    row = connection.execute(
        "SELECT max(at) FROM (SELECT coalesce(due, started, created) AS at FROM runs WHERE schedule = ? AND state = ?"
        " AND coalesce(due, started, created) < ? ORDER BY id DESC LIMIT ?)",
        (schedule, RunState.SUCCEEDED, stamp(moment), AMONG),
    ).fetchone()
    return datetime.fromisoformat(row[0]) if row and row[0] else None
