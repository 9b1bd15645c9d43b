"""The ledger: what became of every due time, and what was run by hand beside them."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from workbench.model.run import RunState
from workbench.model.schedule import ByHand, DueState, DueTime
from workbench.store.events import Actor
from workbench.store.rows import marks, stamp

_RUN = (  # its state, and while it has not begun also why
    "(SELECT r.state FROM runs r WHERE r.id = d.run) AS run_state,"
    " (SELECT r.reason FROM runs r WHERE r.id = d.run AND r.attempt = 0) AS run_reason"
)
_DUE = f"SELECT schedule, due, state, reason, run, noticed, NULL AS kind, by, {_RUN} FROM due_times d"  # noqa: S608 - our own words
_HAND = f"SELECT schedule, due, 'fired' AS state, reason, run, noticed, kind, by, {_RUN} FROM by_hand d"  # noqa: S608


def page(
    connection: sqlite3.Connection,
    schedule: str = "",
    *,
    since: datetime | None = None,
    before: datetime | None = None,
    states: Iterable[DueState] = (),
    limit: int = 100,
) -> list[DueTime]:
    """Lines of one schedule, or of all, newest due time first: from `since` on, below `before`."""
    wanted = tuple(states)
    where, values = ["1"], list[Any]()
    for condition, value in (("schedule = ?", schedule), ("due >= ?", stamp(since)), ("due < ?", stamp(before))):
        if value:
            where.append(condition)
            values.append(value)
    regular, extra = list(where), list(values)
    if wanted:
        regular.append(f"state IN ({marks(wanted)})")
        extra += wanted
    rows = connection.execute(
        f"{_DUE} WHERE {' AND '.join(regular)} ORDER BY due DESC LIMIT ?",
        (*extra, limit),
    ).fetchall()
    if not wanted or DueState.FIRED in wanted:
        rows += connection.execute(
            f"{_HAND} WHERE {' AND '.join(where)} ORDER BY due DESC LIMIT ?",
            (*values, limit),
        ).fetchall()
        rows.sort(key=lambda row: (row["due"], row["noticed"], row["kind"] is not None), reverse=True)
    return [_line(row) for row in rows[:limit]]


def newest(connection: sqlite3.Connection) -> Mapping[str, DueTime]:
    """The newest due time of each schedule, without what became of its run."""
    rows = connection.execute(
        "SELECT d.schedule, d.due, d.state, d.reason, d.run, d.noticed, NULL AS kind, d.by, NULL AS run_state,"
        " '' AS run_reason FROM schedules s"
        " JOIN due_times d ON d.schedule = s.key AND d.due = (SELECT max(due) FROM due_times WHERE schedule = s.key)"
        " LIMIT 1000000"
    ).fetchall()
    return {row["schedule"]: _line(row) for row in rows}


def between(
    connection: sqlite3.Connection, schedule: str, first: datetime, last: datetime
) -> dict[datetime, list[DueTime]]:
    """All lines of a schedule with due times from `first` to `last`, by due time."""
    found: dict[datetime, list[DueTime]] = {}
    for source in (_DUE, _HAND):
        rows = connection.execute(
            f"{source} WHERE schedule = ? AND due >= ? AND due <= ? ORDER BY due LIMIT 1000000",
            (schedule, stamp(first), stamp(last)),
        ).fetchall()
        for row in rows:
            line = _line(row)
            found.setdefault(line.due, []).append(line)
    return found


def add_by_hand(
    connection: sqlite3.Connection,
    schedule: str,
    due: datetime,
    kind: ByHand,
    *,
    run: int,
    at: datetime,
    actor: Actor,
    reason: str = "",
) -> None:
    """Write down a run that a person asked for, for `due`: beside the due times."""
    connection.execute(
        "INSERT INTO by_hand (schedule, due, kind, run, noticed, reason, by, account, origin)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (schedule, stamp(due), kind, run, stamp(at), reason, *actor.columns),
    )


def runs_by_hand(connection: sqlite3.Connection, runs: Iterable[int]) -> set[int]:
    """Those of `runs` that a person asked for beside the due times; of a sweep the ledger names the first."""
    wanted = tuple(runs)
    rows = connection.execute(
        f"SELECT id FROM runs r WHERE id IN ({marks(wanted)}) AND (EXISTS (SELECT 1 FROM by_hand WHERE run = r.id)"  # noqa: S608
        " OR EXISTS (SELECT 1 FROM runs f JOIN by_hand b ON b.run = f.id WHERE f.group_id = r.group_id))",
        wanted,
    ).fetchall()
    return {row[0] for row in rows}


def _line(row: sqlite3.Row) -> DueTime:
    return DueTime(
        row["schedule"],
        datetime.fromisoformat(row["due"]),
        DueState(row["state"]),
        row["reason"],
        row["run"],
        datetime.fromisoformat(row["noticed"]),
        ByHand(row["kind"]) if row["kind"] else None,
        row["by"],
        RunState(row["run_state"]) if row["run_state"] else None,
        row["run_reason"] or "",
    )
