"""Rows of `environments` and `engines`: which engine an environment has, its active revision, who answers."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from datetime import datetime

from workbench.model.environment import EngineName
from workbench.store.events import Actor, append
from workbench.store.rows import moment, stamp


@dataclass(frozen=True)
class Chosen:
    """An environment's engine, chosen once, and its active revision with the fingerprint it was built from.

    `held`: it stays active though the declaration has moved on. `wanted` is one that was asked for and not looked for yet,
    `refusal` why the last that was asked for is not active.
    """

    name: str
    engine: EngineName
    engine_reason: str
    revision: str
    fingerprint: str
    held: bool = False
    wanted: str = ""
    refusal: str = ""


@dataclass(frozen=True)
class EngineRow:
    """An engine as the supervisor last saw it; `problem` is empty when it answers, else it does not since `since`."""

    name: EngineName
    endpoint: str
    source: str
    version: str
    identity: str
    problem: str
    hint: str
    checked: datetime
    since: datetime | None = None


def choose_engine(
    connection: sqlite3.Connection,
    name: str,
    engine: EngineName,
    reason: str,
    *,
    at: datetime,
    actor: Actor,
    declared: bool = False,
) -> Chosen:
    """Write down the engine of an environment at its first build. That choice stays until another is `declared`."""
    values = (name, engine, reason, stamp(at), *actor.columns)
    change = "DO NOTHING"
    if declared:
        change = "DO UPDATE SET engine = excluded.engine, engine_reason = excluded.engine_reason, revision = '',"
        change += " fingerprint = '', held = 0, wanted = '' WHERE engine != excluded.engine"
    cursor = connection.execute(
        "INSERT INTO environments (name, engine, engine_reason, chosen, by, account, origin) VALUES (?, ?, ?, ?, ?, ?, ?)"  # noqa: S608 - our own words
        f" ON CONFLICT (name) {change}",
        values,
    )
    if cursor.rowcount == 1:
        append(connection, at, "environment", name, "engine chosen", actor, f"{engine}: {reason}")
    found = chosen(connection, name)
    assert found is not None
    return found


def chosen(connection: sqlite3.Connection, name: str) -> Chosen | None:
    """What is written down of an environment; None before its first build."""
    row = connection.execute("SELECT * FROM environments WHERE name = ?", (name,)).fetchone()
    return _chosen(row) if row else None


def all_chosen(connection: sqlite3.Connection) -> dict[str, Chosen]:
    """What is written down of every environment, by name."""
    rows = connection.execute("SELECT * FROM environments ORDER BY name LIMIT 10000").fetchall()
    return {row["name"]: _chosen(row) for row in rows}


def forget(connection: sqlite3.Connection, name: str, *, at: datetime, actor: Actor) -> None:
    """Remove an environment's engine and revisions from the store; its builds stay as history."""
    connection.execute("DELETE FROM revisions WHERE environment = ?", (name,))
    connection.execute("DELETE FROM environments WHERE name = ?", (name,))
    append(connection, at, "environment", name, "removed", actor)


def note_engine(connection: sqlite3.Connection, seen: EngineRow, *, actor: Actor) -> None:
    """Keep what the supervisor last saw of an engine."""
    connection.execute(
        "INSERT OR REPLACE INTO engines (name, endpoint, source, version, identity, problem, hint, checked, since, by,"
        " account, origin) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            seen.name,
            seen.endpoint,
            seen.source,
            seen.version,
            seen.identity,
            seen.problem,
            seen.hint,
            stamp(seen.checked),
            stamp(seen.since),
            *actor.columns,
        ),
    )


def engines(connection: sqlite3.Connection) -> dict[EngineName, EngineRow]:
    """The engines as last seen; empty before the supervisor first looked."""
    rows = connection.execute("SELECT * FROM engines ORDER BY name").fetchall()
    return {
        EngineName(row["name"]): EngineRow(
            EngineName(row["name"]),
            row["endpoint"],
            row["source"],
            row["version"],
            row["identity"],
            row["problem"],
            row["hint"],
            datetime.fromisoformat(row["checked"]),
            moment(row["since"]),
        )
        for row in rows
    }


def _chosen(row: sqlite3.Row) -> Chosen:
    return Chosen(
        row["name"], EngineName(row["engine"]), row["engine_reason"], row["revision"], row["fingerprint"],
        bool(row["held"]), row["wanted"], row["refusal"],
    )  # fmt: skip
