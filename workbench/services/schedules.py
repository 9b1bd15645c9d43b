"""Schedules: list, add, pause, run now, preview, and what became of every due time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.errors import Conflict, NotFound, Refused
from workbench.model import timetable
from workbench.model.names import SLUG_RULE, is_slug
from workbench.model.run import Request, Run
from workbench.model.schedule import CatchUp, DueState, DueTime, Overlap, Schedule, ScheduleSpec
from workbench.services import control, preferences, projects, requests, runs, zones
from workbench.services.bench import Bench
from workbench.services.preview import Preview, preview, span_text
from workbench.services.schedule_files import ScheduleFile, ScheduleFiles, folder_of
from workbench.services.tonight import tonight
from workbench.store import runs as run_rows
from workbench.store import schedules as rows
from workbench.store.events import Actor
from workbench.text import one_line

if TYPE_CHECKING:
    import sqlite3

    from workbench.declare import Problem

__all__ = ["Preview", "preview", "tonight"]

STATES = ("active", "paused", "off", "done", "invalid")


@dataclass(frozen=True)
class ScheduleView:
    """A schedule for lists: its declaration (`spec`, the last good one), its row, and its due times.

    `spec` is None where it never could be read, `row` before the supervisor noticed the file. `last` is the newest
    due time that has passed, `run` what it fired. `problem` says why the file as it is now does not hold.
    """

    key: str
    project: str
    name: str
    path: Path
    spec: ScheduleSpec | None
    row: Schedule | None
    next_due: datetime | None
    last: DueTime | None
    run: Run | None
    problem: str

    @property
    def paused(self) -> bool:
        """Whether somebody paused it."""
        return bool(self.row and self.row.paused)

    @property
    def state(self) -> str:
        """One word: invalid, paused, off (`enabled: false`), done (no time comes any more), active."""
        if self.problem and self.spec is None:
            return "invalid"
        if self.paused:
            return "paused"
        if self.spec and not self.spec.enabled:
            return "off"
        return "active" if self.next_due else "done"


def listing(bench: Bench, project: str = "") -> list[ScheduleView]:
    """All schedules whose files are there, or those of one project, by key."""
    files = _files(bench)
    with bench.store.read() as connection:
        known = rows.listing(connection)
        last = rows.last_due(connection)
        fired = {
            due.run: run for due in last.values() if due.run is not None and (run := run_rows.get(connection, due.run))
        }
    now = bench.now()
    return [
        _view(file, known.get(key), last.get(key), fired, now)
        for key, file in files.items()
        if project in ("", file.project)
    ]


def get(bench: Bench, key: str) -> ScheduleView:
    """One schedule by `<project>/<name>`, or by its name where only one has it. Raises `NotFound`."""
    views = listing(bench)
    found = [view for view in views if view.key == key] or [view for view in views if view.name == key]
    if len(found) > 1:
        raise Conflict(f"several schedules are named {key}", hint=", ".join(view.key for view in found))
    if not found:
        raise NotFound("schedule", one_line(key, 120), [view.key for view in views])
    return found[0]


def newest_run(bench: Bench, view: ScheduleView) -> Run | None:
    """Its newest run: one that it fired, or one that was asked for beside its times; None where there is none."""
    only = runs.RunFilter(project=view.project, notebook=view.spec.notebook if view.spec else "")
    found = (run for run in runs.page(bench, only) if run.schedule == view.key or run.name == view.name)
    return next(found, None)


def problems(bench: Bench) -> list[Problem]:
    """Everything wrong or worth knowing in the files of schedules."""
    return [problem for file in _files(bench).values() for problem in file.problems]


def add(
    bench: Bench,
    project: str,
    name: str,
    *,
    notebook: str,
    cron: str | None = None,
    once: str | None = None,
    every: str | float | None = None,
    timezone: str | None = None,
    parameters: Mapping[str, Any] | None = None,
    environment: str | None = None,
    timeout: str | float | None = None,
    retries: int = 0,
    overlap: Overlap | str = Overlap.SKIP,
    catch_up: CatchUp | str = CatchUp.LATEST,
    catch_up_window: str | float | None = None,
) -> ScheduleSpec:
    """Write `schedules/<name>.yaml` and start counting now. Spans in seconds or as `45m`.

    Where neither it nor the home has a time zone, the machine's is taken and kept as the home's. Raises `Refused`,
    `NotFound` or `Conflict`, and then nothing is written: also where the notebook could not be run with these
    parameters.
    """
    from workbench.declare import DeclarationError, load_schedule, writer

    projects.get(bench, project)
    if not is_slug(name):
        raise Refused(f"{one_line(name, 80)!r} is no name for a schedule", hint=f"{SLUG_RULE}.".capitalize())
    zone = timezone or bench.settings.timezone or zones.machine_zone()
    data: dict[str, Any] = {"notebook": notebook}
    data |= {key: value for key, value in (("cron", cron), ("once", once)) if value is not None}
    if every is not None:
        data["every"] = span_text(every)
    data["timezone"] = zone
    if parameters:
        data["parameters"] = dict(parameters)
    if environment:
        data["environment"] = environment
    data |= {
        key: span_text(value)
        for key, value in (("timeout", timeout), ("catch_up_window", catch_up_window))
        if value is not None
    }
    if retries:
        data["retries"] = retries
    data |= {
        key: str(value)
        for key, value, usual in (("overlap", overlap, Overlap.SKIP), ("catch_up", catch_up, CatchUp.LATEST))
        if str(value) != usual
    }
    text = writer.dump(data)
    path = folder_of(bench, project) / f"{name}.yaml"
    reading = load_schedule(text, project=project, name=name, timezone=zone)
    if reading.value is None:
        # Told with the file that was to be written, and without lines of it: it is not there.
        raise DeclarationError(replace(problem, path=path, line=0, excerpt="") for problem in reading.problems)
    spec = reading.value
    now = bench.now()
    first = timetable.of(spec).after(now)
    if first is None:
        raise Refused(timetable.of(spec).warnings(now)[0], title="once", hint="Give a time that is still to come.")
    requests.check(bench, request(spec, first))
    if timezone is None and bench.settings.timezone is None:
        preferences.set_timezone(bench, zone)
    writer.create(path, "schedule", data, home=bench.home.root)
    written = load_schedule(path, project=project, timezone=zone).get()
    with bench.store.write() as connection:
        notice(connection, written, now, bench.actor)
    control.ensure(bench)
    control.wake(bench)
    return written


def notice(connection: sqlite3.Connection, spec: ScheduleSpec, at: datetime, actor: Actor) -> bool:
    """Take a schedule's file into the store as it is; True where that changed anything."""
    return rows.notice(
        connection,
        key=spec.key,
        project=spec.project,
        name=spec.name,
        digest=spec.digest,
        timing=spec.timing,
        problem="",
        at=at,
        actor=actor,
    )


def remove(bench: Bench, key: str) -> Path:
    """Delete a schedule's file; what it ran stays. The file's path."""
    view = get(bench, key)
    try:
        view.path.unlink(missing_ok=True)
    except OSError as error:
        raise Refused(f"{view.path} cannot be removed: {error.strerror}") from error
    with bench.store.write() as connection:
        rows.gone(connection, view.key, at=bench.now(), actor=bench.actor)
    control.wake(bench)
    return view.path


def pause(bench: Bench, key: str, reason: str = "") -> bool:
    """It fires no more until it is resumed; False where it was paused before."""
    return _pause(bench, key, True, reason)


def resume(bench: Bench, key: str) -> bool:
    """It fires again from now on, what was due meanwhile does not; False where it was not paused."""
    return _pause(bench, key, False, "")


def now(bench: Bench, key: str) -> int:
    """Run it now, once, beside its due times. The run's id."""
    view = get(bench, key)
    if view.spec is None:
        raise Refused(view.problem, title=view.key, hint="Mend the file first.")
    checked = requests.check(bench, request(view.spec, bench.now(), of_schedule=False))
    with bench.store.write() as connection:
        run = runs.insert(bench, connection, checked, bench.actor)
    control.ensure(bench)
    control.wake(bench)
    return run


def request(spec: ScheduleSpec, due: datetime, *, of_schedule: bool = True) -> Request:
    """What a schedule asks to be run for a due time; `of_schedule` False: for no due time of its own."""
    local = due.astimezone(timetable.zone(spec.timezone))
    return Request(
        project=spec.project,
        notebook=spec.notebook,
        parameters=spec.parameters,
        environment=spec.environment,
        name=spec.name,
        timeout=spec.timeout,
        retries=spec.retries,
        schedule=spec.key,
        due=due if of_schedule else None,
        at=local,
    )


def ledger(bench: Bench, key: str, *, before: datetime | None = None, limit: int = 100) -> list[DueTime]:
    """What became of its due times, newest first; also of a schedule whose file is gone."""
    with bench.store.read() as connection:
        return rows.ledger(connection, key, before=before, limit=limit)


def _files(bench: Bench) -> dict[str, ScheduleFile]:
    files: ScheduleFiles = bench.memory.setdefault("schedule files", ScheduleFiles(bench))
    return files.look()[0]


def _pause(bench: Bench, key: str, paused: bool, reason: str) -> bool:
    view = get(bench, key)
    with bench.store.write() as connection:
        if view.row is None and view.spec:
            notice(connection, view.spec, bench.now(), bench.actor)
        if paused and view.spec:
            _settle(bench, connection, view.spec)
        changed = rows.pause(connection, view.key, paused, at=bench.now(), actor=bench.actor, reason=reason)
    control.ensure(bench)
    control.wake(bench)
    return changed


def _settle(bench: Bench, connection: sqlite3.Connection, spec: ScheduleSpec) -> None:
    """Give what was due before a pause, and not fired by then, its rows: nothing looks at that time any more."""
    row, until = rows.get(connection, spec.key), bench.now()
    if row is None or row.paused or not spec.enabled:
        return
    for due in timetable.of(spec).due_between(row.evaluated_until, until):
        why = "the schedule was paused before it could be fired"
        rows.add_due(connection, spec.key, due, DueState.MISSED, at=until, actor=bench.actor, reason=why)
    rows.evaluated(connection, spec.key, row.evaluated_until, max(until, row.evaluated_until))


def _view(
    file: ScheduleFile, row: Schedule | None, last: DueTime | None, fired: Mapping[int, Run], now: datetime
) -> ScheduleView:
    spec = file.spec
    following = None
    if spec and spec.enabled and not (row and row.paused):
        following = timetable.of(spec).after(now)
    run = fired.get(last.run) if last and last.run is not None else None
    return ScheduleView(file.key, file.project, file.name, file.path, spec, row, following, last, run, file.problem)
