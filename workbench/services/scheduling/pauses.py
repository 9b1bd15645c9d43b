"""Pause a schedule, with a reason and an end, and resume it. What is due meanwhile has its row, and says why."""

from __future__ import annotations

from datetime import datetime

from workbench.errors import Refused
from workbench.model import timetable
from workbench.model.clocks import instant
from workbench.services.bench import Bench
from workbench.services.scheduling import views as schedule_views
from workbench.services.supervision import control
from workbench.store import pauses as rows
from workbench.store import schedules as schedule_rows
from workbench.text import clean, one_line

LONGEST_REASON = 200


def pause(bench: Bench, key: str, reason: str = "", *, until: str | datetime | None = None) -> bool:
    """It fires no more until it is resumed, or `until` comes: wall time in the schedule's zone, or aware.

    False where it was paused before: then that pause has this reason and this end. Raises `Refused` for an end that is
    over.
    """
    view = schedule_views.get(bench, key)
    end = _moment(until, view.spec.timezone if view.spec else bench.zone.key)
    now = bench.now()
    if end is not None and end <= now:
        raise Refused(f"{until} is over", title="until", hint="Give a time that is still to come.")
    with bench.store.write() as connection:
        if view.row is None and view.spec:
            schedule_views.notice(connection, view.spec, now, bench.actor)
        changed = rows.begin(
            connection, view.key, at=now, actor=bench.actor, reason=one_line(clean(reason), LONGEST_REASON), until=end
        )
    control.tell(bench)
    return changed


def resume(bench: Bench, key: str) -> bool:
    """It fires again from now on, what was due meanwhile does not; False where it was not paused."""
    view = schedule_views.get(bench, key)
    with bench.store.write() as connection:
        if schedule_rows.get(connection, view.key) is None:
            return False
        changed = rows.end(connection, view.key, at=bench.now(), actor=bench.actor)
    control.tell(bench)
    return changed


def _moment(until: str | datetime | None, zone: str) -> datetime | None:
    if until is None or isinstance(until, datetime):
        return until
    return instant(timetable.wall("until", until), timetable.zone(zone))
