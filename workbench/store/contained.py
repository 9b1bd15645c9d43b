"""Rows of `contained`: projects whose code has run in a container, and the environment that each had then.

Code in a container can write in its project's folder. So what is found there later may be its own work, and does not
decide by itself in what the project runs, nor that it runs outside of a container.
"""

from __future__ import annotations

import sqlite3
from datetime import datetime

from workbench.model.environment import EngineName
from workbench.store.events import Actor
from workbench.store.rows import stamp


def note(
    connection: sqlite3.Connection, project: str, environment: str, *, named: bool, at: datetime, actor: Actor
) -> None:
    """A container of the project is about to be made. `environment` is empty for the home's default; the first one stays,
    until `project.yaml` has `named` another."""
    before = environment_of(connection, project)
    if before is None or (named and before != environment):
        connection.execute(
            "INSERT OR REPLACE INTO contained (project, environment, since, by, account, origin) VALUES (?, ?, ?, ?, ?, ?)",
            (project, environment, stamp(at), *actor.columns),
        )


def environment_of(connection: sqlite3.Connection, project: str) -> str | None:
    """The environment the project is settled on; empty for the home's default, None where it was in no container."""
    row = connection.execute("SELECT environment FROM contained WHERE project = ?", (project,)).fetchone()
    return str(row["environment"]) if row else None


def every(connection: sqlite3.Connection) -> dict[str, str]:
    """The environments of all projects that were in a container, by project."""
    rows = connection.execute("SELECT project, environment FROM contained LIMIT 10000").fetchall()
    return {row["project"]: row["environment"] for row in rows}


def forget(connection: sqlite3.Connection, project: str) -> None:
    """The project was removed."""
    connection.execute("DELETE FROM contained WHERE project = ?", (project,))


def home_uses(connection: sqlite3.Connection) -> bool:
    """Whether this home works with containers: any environment has that engine, or any code has run in one."""
    row = connection.execute(
        "SELECT EXISTS (SELECT 1 FROM contained) OR EXISTS (SELECT 1 FROM environments WHERE engine = ?) AS used",
        (EngineName.DOCKER,),
    ).fetchone()
    return bool(row["used"])
