"""Rows of `pauses`: when each schedule was paused, by whom, why, and until when. The newest open one is also in `schedules`."""

from __future__ import annotations

import sqlite3
from datetime import datetime

from workbench.model.schedule import Pause
from workbench.store.events import Actor, append
from workbench.store.rows import moment, stamp


def begin(
    connection: sqlite3.Connection,
    key: str,
    *,
    at: datetime,
    actor: Actor,
    reason: str = "",
    until: datetime | None = None,
) -> bool:
    """Pause a schedule; False where it is paused already: then its reason and its end are what is said now."""
    cursor = connection.execute(
        "UPDATE schedules SET paused = 1, paused_by = ?, paused_account = ?, pause_reason = ?, paused_until = ?"
        " WHERE key = ? AND paused = 0",
        (actor.by, actor.account, reason, stamp(until), key),
    )
    if cursor.rowcount == 1:
        connection.execute(
            "INSERT INTO pauses (schedule, since, until, reason, by, account, origin) VALUES (?, ?, ?, ?, ?, ?, ?)",
            (key, stamp(at), stamp(until), reason, *actor.columns),
        )
        append(connection, at, "schedule", key, "paused", actor, _told(reason, until))
        return True
    changed = connection.execute(
        "UPDATE schedules SET pause_reason = ?, paused_until = ? WHERE key = ? AND paused = 1"
        " AND (pause_reason != ? OR paused_until IS NOT ?)",
        (reason, stamp(until), key, reason, stamp(until)),
    )
    if changed.rowcount == 1:
        connection.execute(
            "UPDATE pauses SET reason = ?, until = ? WHERE schedule = ? AND ended IS NULL", (reason, stamp(until), key)
        )
        append(connection, at, "schedule", key, "pause changed", actor, _told(reason, until))
    return False


def end(connection: sqlite3.Connection, key: str, *, at: datetime, actor: Actor, until: datetime | None = None) -> bool:
    """Resume a schedule at `at`; with `until` only where its pause still ends then. False where it is not paused."""
    cursor = connection.execute(
        "UPDATE schedules SET paused = 0, paused_by = '', paused_account = '', pause_reason = '', paused_until = NULL"
        " WHERE key = ? AND paused = 1 AND (? IS NULL OR paused_until = ?)",
        (key, stamp(until), stamp(until)),
    )
    if cursor.rowcount != 1:
        return False
    connection.execute(
        "UPDATE pauses SET ended = ?, ended_by = ? WHERE schedule = ? AND ended IS NULL", (stamp(at), actor.by, key)
    )
    append(connection, at, "schedule", key, "resumed", actor, "its pause was until then" if until else "")
    return True


def of(connection: sqlite3.Connection, key: str, since: datetime) -> list[Pause]:
    """Pauses of a schedule that ended after `since` or have not ended, oldest first."""
    rows = connection.execute(
        "SELECT * FROM pauses WHERE schedule = ? AND (ended IS NULL OR ended > ?) ORDER BY since LIMIT 1000",
        (key, stamp(since)),
    ).fetchall()
    return [
        Pause(
            row["schedule"], datetime.fromisoformat(row["since"]), moment(row["until"]), row["by"], row["reason"],
            moment(row["ended"]),
        )
        for row in rows
    ]  # fmt: skip


def _told(reason: str, until: datetime | None) -> str:
    end = f"until {until:%Y-%m-%d %H:%M} UTC" if until else ""
    return ", ".join(part for part in (reason, end) if part)
