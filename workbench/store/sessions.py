"""Rows of `sessions` and `ports`; an observed state changes here, as `model.session.ALLOWED` says."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from workbench.model import forward
from workbench.model.session import ALLOWED, ENDED, Desired, Session, SessionState
from workbench.store.events import Actor, append
from workbench.store.rows import column, marks, moment, stamp
from workbench.store.transitions import Machine

STATES = Machine("session", "sessions", ALLOWED, ENDED)


def insert(
    connection: sqlite3.Connection,
    *,
    name: str,
    project: str,
    ide: str,
    environment: str,
    file: str,
    at: datetime,
    actor: Actor,
    idle_asked: float | None = None,
) -> int:
    """Ask for a new session, wanted up. Raises sqlite3.IntegrityError where the name is in use. Its id."""
    cursor = connection.execute(
        "INSERT INTO sessions (name, project, ide, environment, file, desired, generation, state, created, by, account,"
        " origin, idle_asked) VALUES (?, ?, ?, ?, ?, ?, 1, ?, ?, ?, ?, ?, ?)",
        (
            name,
            project,
            ide,
            environment,
            file,
            Desired.UP,
            SessionState.QUEUED,
            stamp(at),
            *actor.columns,
            idle_asked,
        ),
    )
    session = int(cursor.lastrowid or 0)
    append(connection, at, "session", session, SessionState.QUEUED, actor, name)
    return session


def want(
    connection: sqlite3.Connection,
    session: Session,
    desired: Desired,
    *,
    at: datetime,
    actor: Actor,
    again: bool = False,
) -> bool:
    """Set what is wanted; wanting it up where it has ended, or `again`, is a new generation. False: nothing to do.

    `session` is the row as it is in this transaction. One that is up and wanted `again` is not ready from now on.
    """
    fresh = desired is Desired.UP and (again or session.state in ENDED)
    if not fresh and session.desired is desired:
        return False
    generation = session.generation + 1 if fresh else session.generation
    cursor = connection.execute(
        "UPDATE sessions SET desired = ?, generation = ?, stops_at = NULL, busy = '' WHERE id = ? AND desired = ? AND generation = ? AND removed IS NULL",
        (desired, generation, session.id, session.desired, session.generation),
    )
    if cursor.rowcount != 1:
        return False
    if fresh and session.state in ENDED:
        change(connection, session.id, session.state, SessionState.QUEUED, at=at, actor=actor)
    elif fresh and session.state in (SessionState.STARTING, SessionState.READY):
        change(connection, session.id, session.state, SessionState.STOPPING, at=at, actor=actor)
    append(connection, at, "session", session.id, f"wanted {desired}", actor, session.name)
    return True


def change(
    connection: sqlite3.Connection,
    session: int,
    old: SessionState,
    new: SessionState,
    *,
    at: datetime,
    actor: Actor,
    **fields: Any,
) -> bool:
    """Move `session` from `old` to `new` if it still is in `old`; False when another was first."""
    columns = {"reason": "", "hint": "", **fields}
    if new is SessionState.READY:
        columns = {"started": at, "ended": None, **columns}
    return STATES.change(connection, session, old, new, at=at, actor=actor, fields=columns, only={"removed": None})


def set_facts(connection: sqlite3.Connection, session: int, **fields: Any) -> None:
    """Keep facts of a session beside its state: engine, revision, handle, port, reason."""
    names = ", ".join(f"{name} = ?" for name in fields)
    connection.execute(
        f"UPDATE sessions SET {names} WHERE id = ?",  # noqa: S608 - our own column names
        (*(column(value) for value in fields.values()), session),
    )


def settle(connection: sqlite3.Connection, session: int, generation: int) -> bool:
    """It ended unasked: it is wanted no more. True where a newer generation is wanted up already: that stays."""
    cursor = connection.execute(
        "UPDATE sessions SET desired = ? WHERE id = ? AND generation = ?", (Desired.DOWN, session, generation)
    )
    if cursor.rowcount == 1:
        return False
    row = connection.execute("SELECT desired FROM sessions WHERE id = ?", (session,)).fetchone()
    return bool(row and row["desired"] == Desired.UP)


def stop_idle(connection: sqlite3.Connection, session: Session, *, at: datetime, actor: Actor, reason: str) -> bool:
    """Want a session down for want of work; `stops_at` stays as the sign of it. False where it is not as `session` is."""
    cursor = connection.execute(
        "UPDATE sessions SET desired = ? WHERE id = ? AND desired = ? AND generation = ? AND state = ?",
        (Desired.DOWN, session.id, Desired.UP, session.generation, session.state),
    )
    if cursor.rowcount != 1:
        return False
    append(connection, at, "session", session.id, f"wanted {Desired.DOWN}", actor, reason)
    return change(connection, session.id, session.state, SessionState.STOPPING, at=at, actor=actor, reason=reason)


def keep(connection: sqlite3.Connection, session: Session, kept: bool, *, at: datetime, actor: Actor) -> bool:
    """Call its idle stop off until it is started again, or on again; False where that is so already."""
    cursor = connection.execute(
        "UPDATE sessions SET kept = ?, stops_at = NULL, busy = '' WHERE id = ? AND kept != ? AND removed IS NULL",
        (kept, session.id, kept),
    )
    if cursor.rowcount == 1:
        append(connection, at, "session", session.id, "kept" if kept else "not kept", actor, session.name)
    return cursor.rowcount == 1


def note_countdown(connection: sqlite3.Connection, session: Session, busy: str, stops_at: datetime | None) -> None:
    """Keep how the countdown of this start stands, unless it was called off meanwhile."""
    connection.execute(
        "UPDATE sessions SET busy = ?, stops_at = ? WHERE id = ? AND generation = ? AND state = ? AND kept = ?",
        (busy, stamp(stops_at), session.id, session.generation, session.state, session.kept),
    )


def note_kills(connection: sqlite3.Connection, session: Session, kills: int, *, at: datetime, actor: Actor) -> None:
    """Keep how many processes in it were killed for want of memory, and when the last was noticed."""
    connection.execute(
        "UPDATE sessions SET oom_kills = ?, oom_at = ? WHERE id = ? AND generation = ?",
        (kills, stamp(at), session.id, session.generation),
    )
    append(connection, at, "session", session.id, "out of memory inside", actor, f"{kills} killed")


def set_shell(connection: sqlite3.Connection, session: int, argv: Sequence[str]) -> None:
    """Keep the command that gives a shell in it, as the engine told."""
    connection.execute("UPDATE sessions SET shell = ? WHERE id = ?", (json.dumps(list(argv)), session))


def shell(connection: sqlite3.Connection, session: int) -> list[str]:
    """The command that gives a shell in it; empty before it was started."""
    row = connection.execute("SELECT shell FROM sessions WHERE id = ?", (session,)).fetchone()
    return [str(part) for part in json.loads(row["shell"])] if row else []


def remove(connection: sqlite3.Connection, session: int, *, at: datetime, actor: Actor) -> bool:
    """Take an ended session from the lists; its name is free again. False where it has not ended."""
    cursor = connection.execute(
        f"UPDATE sessions SET removed = ? WHERE id = ? AND removed IS NULL AND state IN ({marks(ENDED)})",  # noqa: S608
        (stamp(at), session, *ENDED),
    )
    if cursor.rowcount == 1:
        append(connection, at, "session", session, "removed", actor)
    return cursor.rowcount == 1


def port_of(connection: sqlite3.Connection, name: str) -> int:
    """The port kept for sessions of this name; 0 where none is kept yet."""
    row = connection.execute("SELECT port FROM ports WHERE name = ?", (name,)).fetchone()
    return int(row["port"]) if row else 0


def keep_port(connection: sqlite3.Connection, name: str, port: int, *, actor: Actor) -> bool:
    """Keep `port` for sessions of this name; False where another name has it."""
    taken = connection.execute("SELECT 1 FROM ports WHERE port = ? AND name != ?", (port, name)).fetchone()
    if taken:
        return False
    connection.execute(
        "INSERT OR REPLACE INTO ports (name, port, by, account, origin) VALUES (?, ?, ?, ?, ?)",
        (name, port, *actor.columns),
    )
    return True


def forwarding(connection: sqlite3.Connection, host_name: str) -> str:
    """The name of the session that shows one of its ports at `host_name`; empty for none."""
    row = connection.execute(
        "SELECT name FROM sessions WHERE removed IS NULL AND instr(forwards, ?) LIMIT 1", (json.dumps(host_name),)
    ).fetchone()
    return str(row["name"]) if row else ""


def kept_ports(connection: sqlite3.Connection) -> set[int]:
    """Ports that are kept for sessions, up or not."""
    return {int(row["port"]) for row in connection.execute("SELECT port FROM ports").fetchall()}


def get(connection: sqlite3.Connection, session: int) -> Session | None:
    """One session, also a removed one; None where there is none of that id."""
    row = connection.execute("SELECT * FROM sessions WHERE id = ?", (session,)).fetchone()
    return _session(row) if row else None


def named(connection: sqlite3.Connection, name: str) -> Session | None:
    """The session of this name that was not removed."""
    row = connection.execute("SELECT * FROM sessions WHERE name = ? AND removed IS NULL", (name,)).fetchone()
    return _session(row) if row else None


def listing(connection: sqlite3.Connection, project: str = "", *, limit: int = 500) -> list[Session]:
    """Sessions that were not removed, newest first."""
    rows = connection.execute(
        "SELECT * FROM sessions WHERE removed IS NULL AND ? IN ('', project) ORDER BY id DESC LIMIT ?", (project, limit)
    ).fetchall()
    return [_session(row) for row in rows]


def in_states(connection: sqlite3.Connection, states: Iterable[SessionState]) -> list[Session]:
    """Sessions in any of `states` that were not removed, oldest first."""
    wanted = tuple(states)
    rows = connection.execute(
        f"SELECT * FROM sessions WHERE removed IS NULL AND state IN ({marks(wanted)}) ORDER BY id LIMIT 1000",  # noqa: S608
        wanted,
    ).fetchall()
    return [_session(row) for row in rows]


def _session(row: sqlite3.Row) -> Session:
    return Session(
        id=row["id"],
        name=row["name"],
        project=row["project"],
        ide=row["ide"],
        environment=row["environment"],
        engine=row["engine"],
        revision=row["revision"],
        desired=Desired(row["desired"]),
        generation=row["generation"],
        state=SessionState(row["state"]),
        reason=row["reason"],
        hint=row["hint"],
        port=row["port"],
        handle=row["handle"],
        file=row["file"],
        created=datetime.fromisoformat(row["created"]),
        started=moment(row["started"]),
        ended=moment(row["ended"]),
        by=row["by"],
        account=row["account"],
        origin=row["origin"],
        idle_asked=row["idle_asked"],
        idle_stop=row["idle_stop"],
        stops_at=moment(row["stops_at"]),
        busy=row["busy"],
        kept=bool(row["kept"]),
        oom_kills=row["oom_kills"],
        oom_at=moment(row["oom_at"]),
        moved_from=row["moved_from"],
        boot=row["boot"],
        spare=row["spare"],
        forwards=forward.from_json(row["forwards"]),
    )
