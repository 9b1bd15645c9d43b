"""Rows of `builds`; a build's state changes here, as `model.build.ALLOWED` says."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable
from dataclasses import asdict
from datetime import datetime
from typing import Any

from workbench.model.build import ALLOWED, ENDED, Build, BuildProgress, BuildState
from workbench.model.environment import EngineName
from workbench.store.events import Actor, append
from workbench.store.rows import marks, moment, stamp
from workbench.store.transitions import Machine

STATES = Machine("build", "builds", ALLOWED, ENDED)


def request(
    connection: sqlite3.Connection,
    environment: str,
    fingerprint: str,
    *,
    at: datetime,
    actor: Actor,
    force: bool = False,
    engine: str = "",
) -> int:
    """Queue a build of this declaration, or find the one that is open already. Its id.

    `engine` is the one that was asked for, where the environment has none yet.
    """
    row = connection.execute(
        "SELECT id FROM builds WHERE environment = ? AND fingerprint = ? AND state IN (?, ?)",
        (environment, fingerprint, BuildState.QUEUED, BuildState.BUILDING),
    ).fetchone()
    if row:
        return int(row["id"])
    cursor = connection.execute(
        "INSERT INTO builds (environment, fingerprint, engine, state, created, force, by, account, origin)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            environment,
            fingerprint,
            engine,
            BuildState.QUEUED,
            stamp(at),
            int(force),
            *actor.columns,
        ),
    )
    build = int(cursor.lastrowid or 0)
    append(connection, at, "build", build, BuildState.QUEUED, actor, environment)
    return build


def engines(connection: sqlite3.Connection) -> set[EngineName]:
    """Engines that builds were begun on, also of environments that have none by now or have another."""
    found = {str(row["engine"]) for row in connection.execute("SELECT DISTINCT engine FROM builds")}
    return {name for name in EngineName if name in found}


def change(
    connection: sqlite3.Connection,
    build: int,
    old: BuildState,
    new: BuildState,
    *,
    at: datetime,
    actor: Actor,
    **fields: Any,
) -> bool:
    """Move `build` from `old` to `new` if it still is in `old`; False when another was first."""
    if new is BuildState.BUILDING:
        fields.setdefault("started", at)
    return STATES.change(connection, build, old, new, at=at, actor=actor, fields=fields)


def note_progress(connection: sqlite3.Connection, build: int, progress: BuildProgress) -> None:
    """Keep the newest moment of a build, for lists and forms."""
    connection.execute("UPDATE builds SET progress = ? WHERE id = ?", (json.dumps(asdict(progress)), build))


def note_waiting(connection: sqlite3.Connection, build: int, reason: str) -> None:
    """Say why a queued build does not begin yet."""
    connection.execute("UPDATE builds SET reason = ? WHERE id = ? AND state = ?", (reason, build, BuildState.QUEUED))


def set_engine(connection: sqlite3.Connection, build: int, engine: str) -> None:
    """Say on which engine a build is made."""
    connection.execute("UPDATE builds SET engine = ? WHERE id = ?", (engine, build))


def progress(connection: sqlite3.Connection, build: int) -> BuildProgress | None:
    """The newest moment of a build; None before the first."""
    row = connection.execute("SELECT progress FROM builds WHERE id = ?", (build,)).fetchone()
    return BuildProgress(**json.loads(row["progress"])) if row and row["progress"] else None


def ask_cancel(connection: sqlite3.Connection, build: int, *, at: datetime, actor: Actor) -> bool:
    """Note that somebody wants `build` cancelled; False where it has ended or was asked before."""
    return STATES.ask_cancel(connection, build, at=at, actor=actor)


def get(connection: sqlite3.Connection, build: int) -> Build | None:
    """One build; None where there is none of that id."""
    row = connection.execute("SELECT * FROM builds WHERE id = ?", (build,)).fetchone()
    return _build(row) if row else None


def forced(connection: sqlite3.Connection, build: int) -> bool:
    """Whether it was asked to build again although nothing changed."""
    row = connection.execute("SELECT force FROM builds WHERE id = ?", (build,)).fetchone()
    return bool(row and row["force"])


def in_states(connection: sqlite3.Connection, states: Iterable[BuildState]) -> list[Build]:
    """Builds in any of `states`, oldest first."""
    wanted = tuple(states)
    rows = connection.execute(
        f"SELECT * FROM builds WHERE state IN ({marks(wanted)}) ORDER BY id LIMIT 1000",  # noqa: S608 - question marks
        wanted,
    ).fetchall()
    return [_build(row) for row in rows]


def newest(connection: sqlite3.Connection, environment: str) -> Build | None:
    """The newest build of an environment; None before the first."""
    row = connection.execute(
        "SELECT * FROM builds WHERE environment = ? ORDER BY id DESC LIMIT 1", (environment,)
    ).fetchone()
    return _build(row) if row else None


def behind(connection: sqlite3.Connection, since: datetime) -> list[Build]:
    """Newest builds that failed since then of environments that have an older revision in use, newest first."""
    rows = connection.execute(
        "SELECT b.* FROM builds b JOIN environments e ON e.name = b.environment WHERE b.state = ? AND b.ended >= ?"
        " AND e.revision != '' AND b.id = (SELECT max(id) FROM builds WHERE environment = b.environment)"
        " ORDER BY b.id DESC LIMIT 50",
        (BuildState.FAILED, stamp(since)),
    ).fetchall()
    return [_build(row) for row in rows]


def page(connection: sqlite3.Connection, environment: str = "", *, limit: int = 100) -> list[Build]:
    """Newest first, of one environment or of all."""
    rows = connection.execute(
        "SELECT * FROM builds WHERE ? IN ('', environment) ORDER BY id DESC LIMIT ?", (environment, limit)
    ).fetchall()
    return [_build(row) for row in rows]


def usual_seconds(connection: sqlite3.Connection, environment: str) -> float | None:
    """How long the environment's last build that became ready took; None before the first.

    One that only found what another had built told no progress, and says nothing of how long building takes.
    """
    row = connection.execute(
        "SELECT started, ended FROM builds WHERE environment = ? AND state = ? AND started IS NOT NULL AND progress != ''"
        " ORDER BY id DESC LIMIT 1",
        (environment, BuildState.READY),
    ).fetchone()
    if not row:
        return None
    started, ended = moment(row["started"]), moment(row["ended"])
    return (ended - started).total_seconds() if started and ended else None


def _build(row: sqlite3.Row) -> Build:
    return Build(
        id=row["id"],
        environment=row["environment"],
        fingerprint=row["fingerprint"],
        engine=row["engine"],
        revision=row["revision"],
        state=BuildState(row["state"]),
        created=datetime.fromisoformat(row["created"]),
        started=moment(row["started"]),
        ended=moment(row["ended"]),
        reason=row["reason"],
        hint=row["hint"],
        by=row["by"],
        account=row["account"],
        origin=row["origin"],
        cancel_asked=bool(row["cancel_asked"]),
    )
