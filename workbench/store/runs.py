"""Rows of `runs` and `attempts`; a state changes here and nowhere else, and only as `model.run.ALLOWED` says."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from workbench.model.run import ACTIVE, ALLOWED, ENDED, PENDING, Attempt, Failure, Run, RunState
from workbench.model.terms import Terms
from workbench.store.events import Actor, append
from workbench.store.rows import column, marks, moment, stamp
from workbench.store.transitions import Machine

STATES = Machine("run", "runs", ALLOWED, ENDED)


def insert(
    connection: sqlite3.Connection,
    *,
    project: str,
    notebook: str,
    name: str,
    environment: str,
    parameters: Mapping[str, Any],
    cells: int,
    created: datetime,
    actor: Actor,
    schedule: str | None = None,
    due: datetime | None = None,
    timeout: float | None = None,
    retries: int = 0,
    priority: int = 0,
    terms: Terms | None = None,
    record: Mapping[str, Any] | None = None,
    continues: int | None = None,
    kernel: str = "",
) -> int:
    """Queue a run: this row is the request. Its id."""
    terms = terms or Terms()
    cursor = connection.execute(
        "INSERT INTO runs (project, notebook, name, environment, parameters, cells, created, schedule, due, timeout,"
        " retries, record, priority, terms, begin_by, continues, kernel, state, by, account, origin)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            project, notebook, name, environment, json.dumps(parameters), cells, stamp(created), schedule, stamp(due),
            timeout, retries, json.dumps(record or {}), priority, terms.to_json(), stamp(terms.begin_by(created)),
            continues, kernel, RunState.QUEUED, *actor.columns,
        ),
    )  # fmt: skip
    run = int(cursor.lastrowid or 0)
    append(connection, created, "run", run, RunState.QUEUED, actor, schedule or "")
    return run


def change(
    connection: sqlite3.Connection,
    run: int,
    old: RunState,
    new: RunState,
    *,
    attempt: int,
    at: datetime,
    actor: Actor,
    **fields: Any,
) -> bool:
    """Move `run` from `old` to `new` if it still is in `old` at `attempt`; False when another was first.

    `fields` are columns to set along (failure as `Failure`, times as aware datetimes). Raises ValueError for a change
    that `ALLOWED` does not hold: that is a bug of the caller.
    """
    columns = {"reason": "", "hint": "", **fields}
    return STATES.change(connection, run, old, new, at=at, actor=actor, fields=columns, only={"attempt": attempt})


def begin_attempt(
    connection: sqlite3.Connection,
    run: Run,
    *,
    token: str,
    revision: str,
    engine: str,
    at: datetime,
    actor: Actor,
) -> bool:
    """Claim a pending run for its next try: `starting`, attempt + 1, a row of `attempts`; False when lost."""
    number = run.attempt + 1
    if not change(
        connection, run.id, run.state, RunState.STARTING, attempt=run.attempt, at=at, actor=actor,
        engine=engine, revision=revision, started=at, failure=None, cells_done=0, not_before=None,
    ):  # fmt: skip
        return False
    connection.execute("UPDATE runs SET attempt = ? WHERE id = ?", (number, run.id))
    connection.execute(
        "INSERT INTO attempts (run, number, token, state, revision, started, by, account, origin)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (run.id, number, token, RunState.STARTING, revision, stamp(at), *actor.columns),
    )
    return True


def withdraw_attempt(connection: sqlite3.Connection, run: Run, *, at: datetime, actor: Actor, reason: str) -> bool:
    """Put a `starting` run whose runner provably never began back in the queue; that attempt did not count."""
    if not change(
        connection, run.id, RunState.STARTING, RunState.QUEUED, attempt=run.attempt, at=at, actor=actor,
        reason=reason, started=None,
    ):  # fmt: skip
        return False
    connection.execute("DELETE FROM attempts WHERE run = ? AND number = ?", (run.id, run.attempt))
    connection.execute("UPDATE runs SET attempt = ? WHERE id = ?", (run.attempt - 1, run.id))
    return True


def end_attempt(
    connection: sqlite3.Connection,
    run: int,
    number: int,
    *,
    state: RunState,
    at: datetime,
    reason: str = "",
    failure: Failure | None = None,
    seconds: float | None = None,
) -> None:
    """Write down how a try ended."""
    connection.execute(
        "UPDATE attempts SET state = ?, reason = ?, failure = ?, ended = ?, seconds = ?"
        " WHERE run = ? AND number = ? AND ended IS NULL",
        (state, reason, column(failure), stamp(at), seconds, run, number),
    )


def note_progress(connection: sqlite3.Connection, run: int, attempt: int, *, cells: int, done: int) -> None:
    """Keep how far an active run is, for lists."""
    connection.execute(
        "UPDATE runs SET cells = ?, cells_done = ? WHERE id = ? AND attempt = ?", (cells, done, run, attempt)
    )


def ask_cancel(connection: sqlite3.Connection, run: int, *, at: datetime, actor: Actor) -> bool:
    """Note that somebody wants `run` cancelled; False where it has ended or was asked before."""
    return STATES.ask_cancel(connection, run, at=at, actor=actor)


def set_reason(connection: sqlite3.Connection, run: int, reason: str, hint: str = "") -> None:
    """Say why a pending run does not start yet; one that has started says so itself."""
    connection.execute(
        f"UPDATE runs SET reason = ?, hint = ? WHERE id = ? AND state IN ({marks(PENDING)})",  # noqa: S608
        (reason, hint, run, *PENDING),
    )


def get(connection: sqlite3.Connection, run: int) -> Run | None:
    """One run; None where there is none of that id."""
    row = connection.execute("SELECT * FROM runs WHERE id = ?", (run,)).fetchone()
    return of_row(row) if row else None


def record(connection: sqlite3.Connection, run: int) -> dict[str, Any]:
    """What was noted for `record.json` when the run was asked for."""
    row = connection.execute("SELECT record FROM runs WHERE id = ?", (run,)).fetchone()
    return dict(json.loads(row["record"])) if row else {}


def token(connection: sqlite3.Connection, run: int, attempt: int) -> str:
    """The fencing token of a try; empty where there is none."""
    row = connection.execute("SELECT token FROM attempts WHERE run = ? AND number = ?", (run, attempt)).fetchone()
    return str(row["token"]) if row else ""


def in_states(
    connection: sqlite3.Connection, states: Iterable[RunState], limit: int = 10_000, *, cancel_asked: bool = False,
    after: int = 0,
) -> list[Run]:  # fmt: skip
    """Runs in any of `states`, oldest first, after that id; with `cancel_asked` only those to be cancelled."""
    wanted = tuple(states)
    rows = connection.execute(
        f"SELECT * FROM runs WHERE state IN ({marks(wanted)}) AND cancel_asked >= ? AND id > ? ORDER BY id LIMIT ?",  # noqa: S608
        (*wanted, int(cancel_asked), after, limit),
    ).fetchall()
    return [of_row(row) for row in rows]


def active_of_schedule(connection: sqlite3.Connection, schedule: str) -> list[Run]:
    """Runs of `schedule` that have not ended."""
    wanted = (*PENDING, *ACTIVE)
    rows = connection.execute(
        f"SELECT * FROM runs WHERE schedule = ? AND state IN ({marks(wanted)}) ORDER BY id",  # noqa: S608
        (schedule, *wanted),
    ).fetchall()
    return [of_row(row) for row in rows]


def counts(connection: sqlite3.Connection) -> dict[RunState, int]:
    """How many runs are in each state that is not an end."""
    wanted = (*PENDING, *ACTIVE)
    rows = connection.execute(
        f"SELECT state, count(*) FROM runs WHERE state IN ({marks(wanted)}) GROUP BY state",  # noqa: S608
        wanted,
    ).fetchall()
    return {RunState(row[0]): row[1] for row in rows}


def attempts(connection: sqlite3.Connection, run: int) -> list[Attempt]:
    """All tries of a run, first to last."""
    rows = connection.execute("SELECT * FROM attempts WHERE run = ? ORDER BY number", (run,)).fetchall()
    return [
        Attempt(
            row["run"], row["number"], RunState(row["state"]), row["reason"], Failure.from_json(row["failure"]),
            datetime.fromisoformat(row["started"]), moment(row["ended"]), row["seconds"], row["revision"],
        )
        for row in rows
    ]  # fmt: skip


def usual_seconds(connection: sqlite3.Connection, project: str, notebook: str) -> float | None:
    """The median length of the notebook's last nine successes; None before the first."""
    rows = connection.execute(
        "SELECT seconds FROM runs WHERE project = ? AND notebook = ? AND state = ? AND seconds IS NOT NULL"
        " ORDER BY id DESC LIMIT 9",
        (project, notebook, RunState.SUCCEEDED),
    ).fetchall()
    lengths = sorted(row[0] for row in rows)
    return lengths[len(lengths) // 2] if lengths else None


def delete(connection: sqlite3.Connection, run: int, *, at: datetime, actor: Actor) -> bool:
    """Remove an ended run's rows; False where it is not there or has not ended. Its due time's row stays."""
    cursor = connection.execute(f"DELETE FROM runs WHERE id = ? AND state IN ({marks(ENDED)})", (run, *ENDED))  # noqa: S608
    if cursor.rowcount == 1:
        append(connection, at, "run", run, "removed", actor)
    return cursor.rowcount == 1


def of_row(found: sqlite3.Row) -> Run:
    """A row of `runs` as it is known elsewhere."""
    row = dict(zip(found.keys(), found, strict=True))  # a name is looked for among all others in the row itself
    return Run(
        id=row["id"], project=row["project"], notebook=row["notebook"], name=row["name"],
        environment=row["environment"], engine=row["engine"], revision=row["revision"],
        parameters=json.loads(row["parameters"]), state=RunState(row["state"]), attempt=row["attempt"],
        reason=row["reason"], hint=row["hint"], failure=Failure.from_json(row["failure"]), schedule=row["schedule"],
        due=moment(row["due"]), timeout=row["timeout"], retries=row["retries"], cells=row["cells"],
        cells_done=row["cells_done"], output=row["output"], created=datetime.fromisoformat(row["created"]),
        started=moment(row["started"]), ended=moment(row["ended"]), seconds=row["seconds"], by=row["by"],
        account=row["account"], origin=row["origin"], cancel_asked=bool(row["cancel_asked"]),
        not_before=moment(row["not_before"]), group=row["group_id"], priority=row["priority"],
        terms=Terms.from_json(row["terms"]), peak_memory=row["peak_memory"], cpu_seconds=row["cpu_seconds"], changed=row["changed"],
        exactly=row["exactly"],
        continues=row["continues"], kernel=row["kernel"], kept_until=moment(row["kept_until"]), kept_cell=row["kept_cell"],
        kept_memory=row["kept_memory"],
    )  # fmt: skip
