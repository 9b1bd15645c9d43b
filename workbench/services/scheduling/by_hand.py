"""A schedule run by hand: now, for a time of one's own choice, or for all due times of a stretch that did not fire.

Each is a line of the ledger of its own, beside the due times: what became of those stays as it was.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from workbench.errors import Refused
from workbench.model import timetable
from workbench.model.clocks import instant
from workbench.model.run import UNSUCCESSFUL
from workbench.model.schedule import ByHand, DueState, ScheduleSpec
from workbench.services.asking import checking, queueing
from workbench.services.asking.memo import Memo
from workbench.services.bench import Bench
from workbench.services.scheduling import views as schedule_views
from workbench.services.supervision import control
from workbench.store import groups
from workbench.store import ledger as rows
from workbench.store import runs as run_rows
from workbench.text import plural

if TYPE_CHECKING:
    from workbench.services.asking.requests import Checked

MOST = 1000  # runs that one backfill queues


@dataclass(frozen=True)
class Backfill:
    """What a backfill would run: `due` times, oldest first; `fired` those that are left out, for they have their run."""

    spec: ScheduleSpec
    first: datetime
    last: datetime
    due: tuple[datetime, ...]
    fired: tuple[datetime, ...]


def now(bench: Bench, key: str, *, due: str | datetime | None = None) -> int:
    """Run it now, once, beside its due times; what it is asked for may be another time, `due`, which its references then
    mean: wall time in its zone, or aware. The run's id."""
    spec = _spec(bench, key)
    meant = _moment(due, spec)
    present = bench.now()
    checked = checking.check(bench, schedule_views.request(spec, meant or present, of_schedule=meant is not None))
    with bench.store.write() as connection:
        run = _insert(bench, connection, spec, meant or present, ByHand.NOW, checked, None)
    control.tell(bench)
    return run


def plan_backfill(
    bench: Bench, key: str, first: str | datetime, last: str | datetime, *, again: bool = False, failed: bool = False
) -> Backfill:
    """What `backfill` would run of the due times from `first` to `last`: wall time in the schedule's zone, or aware; a day
    alone is all of it. `again`: also those that fired; `failed`: also those whose runs all ended without success. Raises
    `Refused` for more than may be queued at once."""
    spec = _spec(bench, key)
    begin, end = _moment(first, spec), _moment(last, spec, last=True)
    assert begin
    assert end
    if end < begin:
        raise Refused(f"{last} is before {first}", title="backfill", hint="Give the earlier one first.")
    if end > bench.now():
        raise Refused(f"{last} is still to come", title="backfill", hint="What is due then fires by itself.")
    due = timetable.of(spec).due_between(begin - timedelta(microseconds=1), end, 100_000)
    with bench.store.read() as connection:
        fired = _fired(connection, spec.key, begin, end, failed=failed)
    wanted = tuple(moment for moment in due if again or moment not in fired)
    if len(wanted) > MOST:
        raise Refused(
            f"{plural(len(wanted), 'due time')} in this stretch, more than {MOST} at once",
            title="backfill",
            hint=f"The first {MOST} end at {_local(wanted[MOST - 1], spec)}: do it in pieces.",
        )
    return Backfill(spec, begin, end, wanted, tuple(moment for moment in due if moment not in wanted))


def backfill(bench: Bench, plan: Backfill, *, again: bool = False, failed: bool = False) -> list[int]:
    """Queue a run for each due time of `plan`, oldest first, all or none, as one group (each sweep is one by itself).

    They run one after the other, but for `overlap: allow`. What has fired since it was planned is left out, unless `again`
    or `failed`. The runs' ids.
    """
    memo = Memo()
    checked = [(due, checking.check(bench, schedule_views.request(plan.spec, due), memo=memo)) for due in plan.due]
    made = []
    with bench.store.write() as connection:
        fired = set() if again else _fired(connection, plan.spec.key, plan.first, plan.last, failed=failed)
        for due, one in checked:
            if due not in fired:
                made.append(_insert(bench, connection, plan.spec, due, ByHand.BACKFILL, one, memo))
        if len(made) > 1 and not plan.spec.sweep:
            _together(bench, connection, plan.spec, made)
    control.tell(bench)
    return made


def _insert(
    bench: Bench, connection: sqlite3.Connection, spec: ScheduleSpec, due: datetime, kind: ByHand, checked: Checked,
    memo: Memo | None,
) -> int:  # fmt: skip
    run = queueing.insert(bench, connection, checked, bench.actor, memo)
    rows.add_by_hand(connection, spec.key, due, kind, run=run, at=bench.now(), actor=bench.actor)
    return run


def _together(bench: Bench, connection: sqlite3.Connection, spec: ScheduleSpec, made: Sequence[int]) -> None:
    """Make them one group: what sets its runs apart are the parameters that refer to something."""
    names = [name for name, value in spec.parameters.items() if "${" in str(value)]
    group = groups.insert(
        connection, project=spec.project, notebook=spec.notebook, name=spec.name, names=names, size=len(made),
        schedule=spec.key, due=None, created=bench.now(), actor=bench.actor,
    )  # fmt: skip
    for run in made:
        groups.take(connection, group, run)


def _fired(connection: sqlite3.Connection, key: str, first: datetime, last: datetime, *, failed: bool) -> set[datetime]:
    """Due times that have a run, their own or one of a backfill; with `failed` not those whose runs all failed."""
    found = set()
    for due, lines in rows.between(connection, key, first, last).items():
        for line in lines:
            fired = line.state is DueState.FIRED and line.by_hand in (None, ByHand.BACKFILL)
            run = run_rows.get(connection, line.run) if fired and failed and line.run else None
            if fired and not (run and run.state in UNSUCCESSFUL):
                found.add(due)
    return found


def _spec(bench: Bench, key: str) -> ScheduleSpec:
    view = schedule_views.get(bench, key)
    if view.spec is None:
        raise Refused(view.problem, title=view.key, hint="Mend the file first.")
    return view.spec


def _moment(time: str | datetime | None, spec: ScheduleSpec, *, last: bool = False) -> datetime | None:
    if time is None or isinstance(time, datetime):
        return time
    return instant(timetable.wall("time", time, last=last), timetable.zone(spec.timezone))


def _local(moment: datetime, spec: ScheduleSpec) -> str:
    return f"{moment.astimezone(timetable.zone(spec.timezone)):%Y-%m-%d %H:%M}"
