"""Due times that nothing looked at before their schedule was given others, or was removed: they have their rows too."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from workbench.errors import WorkbenchError
from workbench.model import timetable
from workbench.model.schedule import LATE, DueState, Pause, Schedule, ScheduleSpec
from workbench.store import pauses as pause_rows
from workbench.store import schedules as rows
from workbench.store.events import Actor

MOST = 10_000  # of one schedule
CHANGED = "its times were changed before it was fired"
REMOVED = "the schedule was removed before it was fired"
ABSENT = "workbench did not run then; when it looked again, the schedule's file was gone"


def write(
    connection: sqlite3.Connection, spec: ScheduleSpec, row: Schedule, until: datetime, why: str, *, at: datetime,
    actor: Actor,
) -> int:  # fmt: skip
    """Give due times up to `until` their rows, in the caller's transaction: how many. Those in a pause were skipped."""
    try:
        table = timetable.of(spec)
    except WorkbenchError:  # a zone that this machine lost
        return 0
    due = table.due_between(row.evaluated_until, until, MOST) if spec.enabled else []
    pauses = pause_rows.of(connection, row.key, row.evaluated_until) if due else []
    for moment in due:
        # What was about to be fired was taken away by a person; what is older was not looked at in its time.
        taken = why == REMOVED and moment + spec.delay(moment) + LATE > until
        state, reason = held(moment, pauses) or (DueState.SKIPPED if taken else DueState.MISSED, why)
        rows.add_due(connection, row.key, moment, state, at=at, actor=actor, reason=reason)
    return len(due)


def gone(
    connection: sqlite3.Connection, key: str, spec: ScheduleSpec | None, row: Schedule | None, now: datetime,
    actor: Actor, *, seen: bool = True,
) -> bool:  # fmt: skip
    """A schedule is off from now on; what was due before, and was not fired, has its row. `spec`: what it said.

    Where nobody has `seen` it go, it went when something in its folder changed last at the latest.
    """
    if spec and row and row.present and row.timing == spec.timing:
        until = now if seen else min(now, _last_touched(spec.source.parent, now))
        write(connection, spec, row, until, REMOVED if seen else ABSENT, at=now, actor=actor)
    return rows.gone(connection, key, at=now, actor=actor)


def _last_touched(folder: Path, now: datetime) -> datetime:
    """When a file of the folder, or of the nearest one above that is there, came or went last."""
    while not folder.is_dir() and folder != folder.parent:
        folder = folder.parent
    try:
        return datetime.fromtimestamp(folder.stat().st_mtime, UTC)
    except OSError:
        return now


def held(due: datetime, pauses: Sequence[Pause]) -> tuple[DueState, str] | None:
    """What a pause makes of a due time; None where none has a say."""
    for pause in pauses:
        if pause.covers(due):
            return DueState.SKIPPED, str(pause)
    if any(due <= pause.since for pause in pauses):
        return DueState.MISSED, "the schedule was paused before it could be fired"
    return None
