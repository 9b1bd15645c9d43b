"""Columns of `runs` that say of a failed run's kernel that it is kept, and which run goes on in it."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from datetime import datetime

from workbench.model.run import PENDING, Run, RunState
from workbench.store.events import Actor, append
from workbench.store.rows import marks, stamp
from workbench.store.runs import of_row


def listing(connection: sqlite3.Connection) -> list[Run]:
    """Runs whose kernel is kept, the one that failed first before others."""
    found = connection.execute(
        "SELECT * FROM runs WHERE kept_until IS NOT NULL ORDER BY ended, id LIMIT 1000"
    ).fetchall()
    return [of_row(row) for row in found]


def ask_release(
    connection: sqlite3.Connection,
    *,
    at: datetime,
    actor: Actor,
    run: int = 0,
    project: str = "",
    environment: str = "",
) -> int:
    """Note that the kernel of a run, or those of a project or an environment, shall be given back; how many."""
    column, value = next(pair for pair in (("id", run), ("project", project), ("environment", environment)) if pair[1])
    rows = connection.execute(
        f"SELECT id FROM runs WHERE kept_until IS NOT NULL AND kept_released = 0 AND {column} = ?",  # noqa: S608
        (value,),
    ).fetchall()
    for row in rows:
        connection.execute("UPDATE runs SET kept_released = 1 WHERE id = ?", (row["id"],))
        append(connection, at, "run", row["id"], "release asked", actor)
    return len(rows)


def extend(connection: sqlite3.Connection, run: int, until: datetime, *, at: datetime, actor: Actor) -> bool:
    """Note that it shall be kept until then; False where it is not kept, or is being given back."""
    cursor = connection.execute(
        "UPDATE runs SET kept_until = ? WHERE id = ? AND kept_until IS NOT NULL AND kept_released = 0",
        (stamp(until), run),
    )
    if cursor.rowcount:
        append(connection, at, "run", run, "kept for longer", actor, f"until {until:%Y-%m-%d %H:%M}")
    return bool(cursor.rowcount)


def released(connection: sqlite3.Connection) -> set[int]:
    """Runs whose kernel somebody wants given back."""
    found = connection.execute("SELECT id FROM runs WHERE kept_until IS NOT NULL AND kept_released = 1").fetchall()
    return {row["id"] for row in found}


def over(connection: sqlite3.Connection, run: int, *, at: datetime, actor: Actor, why: str) -> None:
    """Its kernel is not kept any more."""
    cursor = connection.execute(
        "UPDATE runs SET kept_until = NULL, kept_memory = NULL WHERE id = ? AND kept_until IS NOT NULL", (run,)
    )
    if cursor.rowcount:
        append(connection, at, "run", run, "kernel not kept", actor, why)


def note_memory(connection: sqlite3.Connection, run: int, memory: int) -> None:
    """What its kernel holds now."""
    connection.execute("UPDATE runs SET kept_memory = ? WHERE id = ?", (memory, run))


def following(connection: sqlite3.Connection, run: int) -> list[Run]:
    """Runs that were asked to go on in the kernel of a run, the newest first."""
    found = connection.execute("SELECT * FROM runs WHERE continues = ? ORDER BY id DESC LIMIT 100", (run,)).fetchall()
    return [of_row(row) for row in found]


def newest_following(connection: sqlite3.Connection, run: int) -> Run | None:
    """The newest run that went on from a run, or waits to."""
    return next((one for one in following(connection, run) if one.attempt or one.state in PENDING), None)


def waits(connection: sqlite3.Connection, run: int, states: Sequence[RunState] = tuple(PENDING)) -> bool:
    """Whether a run waits to go on in its kernel."""
    return bool(
        connection.execute(
            f"SELECT 1 FROM runs WHERE continues = ? AND state IN ({marks(states)}) LIMIT 1",  # noqa: S608
            (run, *states),
        ).fetchone()
    )
