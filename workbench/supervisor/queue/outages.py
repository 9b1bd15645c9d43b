"""Runs that wait for an engine that is away: how long they may, and that people are told once of each time it is away."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from workbench.model.environment import EngineName
from workbench.model.run import Run, RunState
from workbench.model.schedule import ScheduleSpec
from workbench.store import environments as rows
from workbench.store import events
from workbench.store.environments import EngineRow
from workbench.text import duration, one_line, plural


def left(run: Run, spec: ScheduleSpec | None, now: datetime) -> float | None:
    """Seconds for which a waiting run may still begin by its schedule's `catch_up_window`; None where it may at any time."""
    waits = run.state is RunState.WAITING and run.attempt == 0 and run.origin == "schedule"
    if not waits or run.due is None or spec is None or spec.catch_up_window is None:
        return None
    return (_last(run.due, spec, spec.catch_up_window) - now).total_seconds()


def in_time(connection: sqlite3.Connection, run: Run, spec: ScheduleSpec) -> bool:
    """Whether it began to wait for its engine while it might: one that others kept until later waits as long as it takes."""
    told = next(
        (line for line in reversed(events.of(connection, "run", run.id)) if line.what == RunState.WAITING), None
    )
    last = _last(run.due, spec, spec.catch_up_window or 0) if run.due else None
    return told is not None and last is not None and told.at <= last


def _last(due: datetime, spec: ScheduleSpec, window: float) -> datetime:
    return due + spec.delay(due) + timedelta(seconds=window)


def over(run: Run, spec: ScheduleSpec) -> tuple[str, str]:
    """Why such a run ends without having begun, and what to do."""
    within = f"its catch_up_window of {duration(spec.catch_up_window or 0)} is over"
    return f"{run.reason}; {within}", f"Run it for that time: workbench schedules now {run.schedule} --due TIME"


def awaited(connection: sqlite3.Connection, run: Run) -> EngineRow | None:
    """The engine that is away and that a waiting run waits for."""
    if run.state is not RunState.WAITING:
        return None
    chosen = rows.chosen(connection, run.environment)
    row = rows.engines(connection).get(chosen.engine if chosen else EngineName.DOCKER)
    return row if row and row.problem and row.since else None


def subject(row: EngineRow) -> str:
    """What one time of being away is called, once and for all."""
    return f"{row.name} down {row.since:%Y-%m-%dT%H:%M:%S%z}"


def told(row: EngineRow, waiting: Sequence[Run], zone: ZoneInfo) -> str:
    """What people are told of it, who are named for these runs."""
    since = row.since.astimezone(zone) if row.since else None
    first = waiting[0]
    one = len(waiting) == 1
    who = f"run {first.id} {first.name} waits" if one else f"{plural(len(waiting), 'run')} wait"
    which = "" if one else f", the first run {first.id} {first.name}"
    return (
        f"{row.name} is down since {since:%Y-%m-%d %H:%M}: {one_line(row.problem, 200)}; {who} for it since"
        f" {'its time' if one else 'their times'}{which}; whatever else is due waits too"
    )
