"""Schedules as they are: the list, one of them, what each asks to be run.

`schedules` beside it has all verbs in one place.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from workbench.errors import Conflict, NotFound
from workbench.model import timetable
from workbench.model.run import Request, Run
from workbench.model.schedule import DueTime, Schedule, ScheduleSpec
from workbench.services import runs
from workbench.services.bench import Bench
from workbench.services.scheduling.files import UNREADABLE, ScheduleFile, ScheduleFiles
from workbench.services.scheduling.scan import OTHER, SUFFIX
from workbench.store import ledger
from workbench.store import runs as run_rows
from workbench.store import schedules as rows
from workbench.store.events import Actor
from workbench.text import one_line

if TYPE_CHECKING:
    import sqlite3

    from workbench.declare import Problem

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

    def pause_told(self, zone: ZoneInfo) -> str:
        """`by ann: holidays, until 2026-01-07 08:00 CET`; empty where it is not paused."""
        if not (self.row and self.row.paused):
            return ""
        until = self.row.paused_until
        end = f", until {until.astimezone(zone):%Y-%m-%d %H:%M %Z}" if until else ""
        return f"by {self.row.paused_by}{f': {self.row.pause_reason}' if self.row.pause_reason else ''}{end}"

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
        last = ledger.newest(connection)
        fired = {
            due.run: run for due in last.values() if due.run is not None and (run := run_rows.get(connection, due.run))
        }
    return [
        _view(bench, file, known.get(key), last.get(key), fired)
        for key, file in sorted(files.items())
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
    from workbench.declare import Problem

    looked = _looked(bench)
    files = looked.look()[0].values()
    unread = [
        Problem(file.path, 0, 0, file.problem)
        for file in files
        if not file.problems and file.problem.startswith(UNREADABLE)
    ]
    strange = [
        Problem(path, 0, 0, f"is not read: the name ends in {OTHER}", f"rename it to end in {SUFFIX}")
        for folder in sorted(looked.folders)
        for path in sorted(Path(folder).glob(f"*{OTHER}"))
    ]
    found = [problem for file in files for problem in file.problems]
    return found + [problem.labelled(bench.home.root) for problem in (*unread, *strange)]


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
        priority=spec.priority,
        terms=spec.terms,
        schedule=spec.key,
        due=due if of_schedule else None,
        at=local,
        sweep=spec.sweep,
        code=spec.code,
        inputs=spec.inputs,
        tags=spec.tags,
    )


def _files(bench: Bench) -> dict[str, ScheduleFile]:
    return _looked(bench).look()[0]


def _looked(bench: Bench) -> ScheduleFiles:
    files: ScheduleFiles = bench.memory.setdefault("schedule files", ScheduleFiles(bench))
    return files


def _view(
    bench: Bench, file: ScheduleFile, row: Schedule | None, last: DueTime | None, fired: Mapping[int, Run]
) -> ScheduleView:
    following = _next(bench, file.spec, row) if file.spec and file.spec.enabled else None
    run = fired.get(last.run) if last and last.run is not None else None
    last = replace(last, run_state=run.state) if last and run else last
    return ScheduleView(
        file.key, file.project, file.name, file.path, file.spec, row, following, last, run, file.problem
    )


def _next(bench: Bench, spec: ScheduleSpec, row: Schedule | None) -> datetime | None:
    """When it is due next; of one that is paused after the pause, None where that has no end.

    Reckoned anew only once it has passed.
    """
    begin = bench.now()
    if row and row.paused:
        if row.paused_until is None:
            return None
        begin = max(begin, row.paused_until - timedelta(microseconds=1))
    known: dict[str, tuple[str, datetime, datetime | None]] = bench.memory.setdefault("next due times", {})
    timing, asked, following = known.get(spec.key, ("", begin, None))
    if timing != spec.timing or begin < asked or (following and following <= begin):
        following = timetable.of(spec).after(begin)
        known[spec.key] = spec.timing, begin, following
    return following
