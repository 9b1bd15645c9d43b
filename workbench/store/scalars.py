"""Rows of `scalars`: the numbers that runs tracked."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping

from workbench.store.events import Actor
from workbench.store.rows import marks


def keep(connection: sqlite3.Connection, run: int, scalars: Mapping[str, float], actor: Actor) -> None:
    """Make `scalars` all that a run tracked."""
    connection.execute("DELETE FROM scalars WHERE run = ?", (run,))
    connection.executemany(
        "INSERT INTO scalars (run, place, name, value, by, account, origin) VALUES (?, ?, ?, ?, ?, ?, ?)",
        [(run, place, name, value, *actor.columns) for place, (name, value) in enumerate(scalars.items())],
    )


def of_runs(connection: sqlite3.Connection, runs: Iterable[int]) -> dict[int, dict[str, float]]:
    """By run, those that tracked any: name and number, in the order they came."""
    wanted = tuple(runs)
    rows = connection.execute(
        f"SELECT run, name, value FROM scalars WHERE run IN ({marks(wanted)}) ORDER BY run, place LIMIT 100000",  # noqa: S608
        wanted,
    ).fetchall()
    found: dict[int, dict[str, float]] = {}
    for row in rows:
        found.setdefault(row["run"], {})[row["name"]] = row["value"]
    return found
