"""Rows of `declared_schedules`: what each schedule's file said when it last could be read, and which file that was."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from workbench.store.events import Actor


@dataclass(frozen=True, slots=True)
class Declared:
    """`mark` names the file as it was, `digest` its `text`; `spec` is what it said, as JSON; empty where only the text says
    it. In a list the text is left out."""

    mark: str
    digest: str
    spec: str
    text: str = ""


def listing(connection: sqlite3.Connection) -> dict[str, Declared]:
    """All, by key."""
    rows = connection.execute("SELECT key, mark, digest, spec FROM declared_schedules LIMIT 1000000").fetchall()
    return {row["key"]: Declared(row["mark"], row["digest"], row["spec"]) for row in rows}


def get(connection: sqlite3.Connection, key: str) -> Declared | None:
    """That of one schedule."""
    row = connection.execute("SELECT * FROM declared_schedules WHERE key = ?", (key,)).fetchone()
    return Declared(row["mark"], row["digest"], row["spec"], row["text"]) if row else None


def keep(connection: sqlite3.Connection, found: Mapping[str, Declared], gone: Iterable[str], actor: Actor) -> None:
    """Write down what was read, and forget files that are there no more."""
    connection.executemany(
        "INSERT OR REPLACE INTO declared_schedules (key, mark, digest, spec, text, by, account, origin)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        [(key, one.mark, one.digest, one.spec, one.text, *actor.columns) for key, one in found.items()],
    )
    connection.executemany("DELETE FROM declared_schedules WHERE key = ?", [(key,) for key in gone])
