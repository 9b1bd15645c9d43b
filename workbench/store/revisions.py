"""Rows of `revisions`: what was built, which is active, which an older one is held at, and which runs used them."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from datetime import datetime

from workbench.model.environment import Revision
from workbench.store.events import Actor, append
from workbench.store.rows import moment, stamp


@dataclass(frozen=True)
class RevisionRow:
    """A built revision: by whom and when, by which build, of which declaration; runs that used it, and the newest of them."""

    revision: Revision
    fingerprint: str
    created: datetime
    build: int | None
    by: str
    runs: int = 0
    last_run: int | None = None


@dataclass(frozen=True)
class Wish:
    """An older revision that somebody has asked for, not looked for yet."""

    environment: str
    revision: str


def add(
    connection: sqlite3.Connection,
    name: str,
    fingerprint: str,
    revision: Revision,
    *,
    build: int | None,
    at: datetime,
    actor: Actor,
) -> None:
    """Keep a built revision and make it the environment's active one."""
    connection.execute(
        "INSERT OR REPLACE INTO revisions (id, environment, fingerprint, body, created, build, by, account, origin)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (revision.id, name, fingerprint, revision.to_json(), stamp(at), build, *actor.columns),
    )
    _point(connection, name, revision.id, fingerprint, held=False)


def drop(connection: sqlite3.Connection, name: str, revision: str) -> None:
    """Forget a revision that is not on the engine any more."""
    connection.execute("DELETE FROM revisions WHERE environment = ? AND id = ?", (name, revision))
    connection.execute(
        "UPDATE environments SET revision = '', fingerprint = '', held = 0 WHERE name = ? AND revision = ?",
        (name, revision),
    )


def of_declaration(connection: sqlite3.Connection, name: str, fingerprint: str) -> Revision | None:
    """The newest built revision of this very declaration; None where it has to be built."""
    row = connection.execute(
        "SELECT body FROM revisions WHERE environment = ? AND fingerprint = ? ORDER BY created DESC LIMIT 1",
        (name, fingerprint),
    ).fetchone()
    return Revision.from_json(row["body"]) if row else None


def by_id(connection: sqlite3.Connection, name: str, revision_id: str) -> Revision | None:
    """A built revision by its id."""
    row = connection.execute(
        "SELECT body FROM revisions WHERE environment = ? AND id = ?", (name, revision_id)
    ).fetchone()
    return Revision.from_json(row["body"]) if row else None


def moments(connection: sqlite3.Connection) -> dict[tuple[str, str], datetime]:
    """When each revision was built, by environment and id."""
    rows = connection.execute("SELECT environment, id, created FROM revisions LIMIT 100000").fetchall()
    return {(row["environment"], row["id"]): datetime.fromisoformat(row["created"]) for row in rows}


def before(connection: sqlite3.Connection, name: str) -> list[Revision]:
    """The last revisions of an environment: the active one, then those built last."""
    rows = connection.execute(
        "SELECT r.body FROM revisions r LEFT JOIN environments e ON e.name = r.environment"
        " WHERE r.environment = ? ORDER BY r.id = e.revision DESC, r.created DESC LIMIT 8",
        (name,),
    ).fetchall()
    return [Revision.from_json(row["body"]) for row in rows]


def every(connection: sqlite3.Connection, name: str) -> list[RevisionRow]:
    """All built revisions of an environment, newest first."""
    used = {
        row["revision"]: (row["runs"], row["newest"])
        for row in connection.execute(
            "SELECT a.revision, count(DISTINCT a.run) AS runs, max(a.run) AS newest FROM attempts a"
            " JOIN runs r ON r.id = a.run WHERE r.environment = ? GROUP BY a.revision LIMIT 10000",
            (name,),
        ).fetchall()
    }
    rows = connection.execute(
        "SELECT * FROM revisions WHERE environment = ? ORDER BY created DESC LIMIT 1000", (name,)
    ).fetchall()
    return [_row(row, *used.get(row["id"], (0, None))) for row in rows]


def wish(connection: sqlite3.Connection, name: str, revision: str, *, at: datetime, actor: Actor) -> None:
    """Ask for an older revision; the supervisor looks whether its engine still has it."""
    connection.execute("UPDATE environments SET wanted = ?, refusal = '' WHERE name = ?", (revision, name))
    append(connection, at, "environment", name, "revision asked for", actor, revision)


def wishes(connection: sqlite3.Connection) -> list[Wish]:
    """All that was asked for and not looked for."""
    rows = connection.execute("SELECT name, wanted FROM environments WHERE wanted != '' LIMIT 1000").fetchall()
    return [Wish(row["name"], row["wanted"]) for row in rows]


def hold(connection: sqlite3.Connection, name: str, revision: str, *, at: datetime, actor: Actor) -> bool:
    """Make an older revision the active one, whatever the declaration says now; False where it is forgotten."""
    row = connection.execute(
        "SELECT fingerprint FROM revisions WHERE environment = ? AND id = ?", (name, revision)
    ).fetchone()
    if row is None:
        return False
    _point(connection, name, revision, row["fingerprint"], held=True)
    append(connection, at, "environment", name, "revision held", actor, revision)
    return True


def refuse(connection: sqlite3.Connection, name: str, reason: str, *, at: datetime, actor: Actor) -> None:
    """Say why a revision that was asked for is not made active."""
    connection.execute("UPDATE environments SET wanted = '', refusal = ? WHERE name = ?", (reason, name))
    append(connection, at, "environment", name, "revision refused", actor, reason)


def release(connection: sqlite3.Connection, name: str, fingerprint: str, *, at: datetime, actor: Actor) -> str:
    """Follow the declaration again; the id of the revision that is active then, empty where it has to be built."""
    row = connection.execute(
        "SELECT id FROM revisions WHERE environment = ? AND fingerprint = ? ORDER BY created DESC LIMIT 1",
        (name, fingerprint),
    ).fetchone()
    newest = str(row["id"]) if row else ""
    if newest:
        _point(connection, name, newest, fingerprint, held=False)
    else:
        connection.execute("UPDATE environments SET held = 0, wanted = '', refusal = '' WHERE name = ?", (name,))
    append(connection, at, "environment", name, "revision released", actor, newest)
    return newest


def follow(connection: sqlite3.Connection, name: str, revision: str, fingerprint: str) -> None:
    """A declaration is again what it was when this revision was built: it is the active one, unless one is held."""
    connection.execute(
        "UPDATE environments SET revision = ?, fingerprint = ? WHERE name = ? AND held = 0 AND revision != ?",
        (revision, fingerprint, name, revision),
    )


def _point(connection: sqlite3.Connection, name: str, revision: str, fingerprint: str, *, held: bool) -> None:
    connection.execute(
        "UPDATE environments SET revision = ?, fingerprint = ?, held = ?, wanted = '', refusal = '' WHERE name = ?",
        (revision, fingerprint, int(held), name),
    )


def _row(row: sqlite3.Row, runs: int, newest: int | None) -> RevisionRow:
    created = moment(row["created"])
    assert created is not None
    return RevisionRow(
        Revision.from_json(row["body"]), row["fingerprint"], created, row["build"], row["by"], runs, newest
    )
