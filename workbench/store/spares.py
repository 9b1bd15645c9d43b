"""Spares in `sessions`: rows that are up before anybody asked, and what becomes of them.

A spare has a shape in `spare`, and the supervisor wants it up. Its row is of its own (`origin` says supervisor), or of
a session that a person has stopped, which is then at its next generation.
"""

from __future__ import annotations

import sqlite3
from datetime import datetime
from typing import Any

from workbench.model.session import Desired, Session, SessionState
from workbench.store import sessions
from workbench.store.events import SUPERVISOR, Actor, append
from workbench.store.rows import column, moment

S = SessionState


def request(
    connection: sqlite3.Connection,
    *,
    name: str,
    project: str,
    ide: str,
    environment: str,
    file: str,
    shape: str,
    at: datetime,
    actor: Actor,
) -> int | None:
    """Ask for a spare of this name: a row of its own, or the one of that name that a person stopped. Its id, or None."""
    old = sessions.named(connection, name)
    if old is None:
        made = sessions.insert(
            connection, name=name, project=project, ide=ide, environment=environment, file=file, at=at, actor=actor
        )
        sessions.set_facts(connection, made, spare=shape)
        return made
    told = old.reason or old.hint  # something to read, which stays
    if told or (old.project, old.ide, old.state, old.desired) != (project, ide, S.STOPPED, Desired.DOWN):
        return None
    cursor = connection.execute(
        "UPDATE sessions SET desired = ?, generation = generation + 1, environment = ?, file = ?, spare = ?"
        " WHERE id = ? AND state = ? AND desired = ? AND spare = '' AND removed IS NULL",
        (Desired.UP, environment, file or old.file, shape, old.id, S.STOPPED, Desired.DOWN),
    )
    if cursor.rowcount != 1:
        return None
    sessions.change(connection, old.id, S.STOPPED, S.QUEUED, at=at, actor=actor)
    return old.id


def take(
    connection: sqlite3.Connection, session: Session, *, warm: bool, at: datetime, actor: Actor, **fields: Any
) -> bool:
    """Make a spare the person's, as it is where it is `warm`, else begun anew. False where it is none any more.

    `session` is the row as it is in this transaction; `fields` are kept in it as well.
    """
    warm = warm and session.desired is Desired.UP and session.state in (S.QUEUED, S.PREPARING, S.STARTING, S.SPARE)
    columns: dict[str, Any] = {"spare": "", "desired": Desired.UP, **fields}
    if not warm:
        columns["generation"] = session.generation + 1
    if session.origin == SUPERVISOR:
        columns |= {"created": at, "by": actor.by, "account": actor.account, "origin": actor.origin}
    names = ", ".join(f"{name} = ?" for name in columns)
    cursor = connection.execute(
        f"UPDATE sessions SET {names} WHERE id = ? AND generation = ? AND state = ? AND spare != ''"  # noqa: S608 - our column names
        " AND removed IS NULL",
        (*(column(value) for value in columns.values()), session.id, session.generation, session.state),
    )
    if cursor.rowcount != 1:
        return False
    append(connection, at, "session", session.id, f"wanted {Desired.UP}", actor, "a spare" if warm else session.name)
    if warm and session.state is S.SPARE:
        sessions.change(connection, session.id, S.SPARE, S.STARTING, at=at, actor=actor)
    elif not warm and session.state in (S.STARTING, S.SPARE):
        sessions.change(connection, session.id, session.state, S.STOPPING, at=at, actor=actor)
    return True


def give_back(connection: sqlite3.Connection, session: int, *, at: datetime, actor: Actor, why: str) -> bool:
    """Want a spare down; False where it is none any more, or is on its way down."""
    cursor = connection.execute(
        "UPDATE sessions SET desired = ? WHERE id = ? AND desired = ? AND spare != '' AND removed IS NULL",
        (Desired.DOWN, session, Desired.UP),
    )
    if cursor.rowcount == 1:
        append(connection, at, "session", session, "spare given back", actor, why)
    return cursor.rowcount == 1


def say(connection: sqlite3.Connection, session: Session, reason: str) -> None:
    """Keep what is said of a spare, while it is one."""
    connection.execute(
        "UPDATE sessions SET reason = ? WHERE id = ? AND generation = ? AND state = ? AND spare != ''",
        (reason, session.id, session.generation, S.SPARE),
    )


def disown(connection: sqlite3.Connection, session: Session, actor: Actor) -> None:
    """A person's row whose spare is given back becomes the supervisor's, and goes with it."""
    sessions.set_facts(connection, session.id, by=SUPERVISOR, account=actor.account, origin=SUPERVISOR)


def ended(connection: sqlite3.Connection, session: Session, *, at: datetime) -> None:
    """A spare that stopped: a person's row is a stopped session again, one of its own is gone. `session`: as it is now."""
    gone = at if session.origin == SUPERVISOR else None
    sessions.set_facts(connection, session.id, spare="", desired=Desired.DOWN, reason="", hint="", removed=gone)


def listing(connection: sqlite3.Connection) -> list[Session]:
    """All spares, oldest first."""
    return [session for session in sessions.in_states(connection, set(S)) if session.spare]


def last_use(connection: sqlite3.Connection, project: str) -> datetime | None:
    """When a person last asked for a session of the project, or one ended; None where none ever was."""
    row = connection.execute(
        "SELECT max(max(created), max(coalesce(started, '')), max(coalesce(ended, ''))) AS used FROM sessions"
        " WHERE project = ? AND origin != ?",
        (project, SUPERVISOR),
    ).fetchone()
    return moment(row["used"] or None)
