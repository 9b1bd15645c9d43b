"""Rows of `run_tags`: words that people put on runs, to find and to keep them."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from datetime import datetime

from workbench.model.run import Run
from workbench.store import runs
from workbench.store.events import Actor, append
from workbench.store.rows import marks

FAR = 1 << 62  # no run has such an id
MOST = 100_000  # runs of one tag that are looked at


ASKED = "asked"  # the origin of tags that a run has by what asked for it, as its schedule: they do not keep it


def give(connection: sqlite3.Connection, run: int, tags: Iterable[str], actor: Actor) -> None:
    """The tags that a run is asked for with, in the transaction that adds its row."""
    connection.executemany(
        "INSERT OR IGNORE INTO run_tags (run, tag, by, account, origin) VALUES (?, ?, ?, ?, ?)",
        [(run, tag, actor.by, actor.account, ASKED) for tag in tags],
    )


def add(connection: sqlite3.Connection, run: int, tag: str, *, at: datetime, actor: Actor) -> bool:
    """Put `tag` on a run; False where it has it."""
    cursor = connection.execute(
        "INSERT INTO run_tags (run, tag, by, account, origin) VALUES (?, ?, ?, ?, ?) ON CONFLICT (run, tag)"
        " DO UPDATE SET by = excluded.by, account = excluded.account, origin = excluded.origin WHERE origin = ?",
        (run, tag, *actor.columns, ASKED),
    )
    if cursor.rowcount == 1:
        append(connection, at, "run", run, "tagged", actor, tag)
    return cursor.rowcount == 1


def remove(connection: sqlite3.Connection, run: int, tag: str, *, at: datetime, actor: Actor) -> bool:
    """Take `tag` off a run; False where it does not have it."""
    cursor = connection.execute("DELETE FROM run_tags WHERE run = ? AND tag = ?", (run, tag))
    if cursor.rowcount == 1:
        append(connection, at, "run", run, "tag removed", actor, tag)
    return cursor.rowcount == 1


def tagged(connection: sqlite3.Connection, tag: str, *, before: int | None = None) -> list[Run]:
    """Runs that have `tag`, newest first, those with an id below `before`."""
    found = connection.execute(
        "SELECT * FROM runs WHERE id IN (SELECT run FROM run_tags WHERE tag = ?) AND id < ? ORDER BY id DESC LIMIT ?",
        (tag, before or FAR, MOST),
    ).fetchall()
    return [runs.of_row(row) for row in found]


def of_runs(connection: sqlite3.Connection, runs: Iterable[int]) -> dict[int, list[str]]:
    """By run, those that have any."""
    wanted = tuple(runs)
    rows = connection.execute(
        f"SELECT run, tag FROM run_tags WHERE run IN ({marks(wanted)}) ORDER BY run, tag LIMIT 100000",  # noqa: S608
        wanted,
    ).fetchall()
    found: dict[int, list[str]] = {}
    for row in rows:
        found.setdefault(row["run"], []).append(row["tag"])
    return found
