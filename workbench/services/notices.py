"""Whom to tell of what, in which words; recent notices, and a test of them."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from pathlib import Path

from workbench.errors import Refused, WorkbenchError
from workbench.model import timetable
from workbench.model.notice import Notice, NoticeState, Notify, Occasion, special
from workbench.model.placeholder import Moments, expanded
from workbench.model.run import ENDED, Run
from workbench.model.schedule import ScheduleSpec
from workbench.services import projects
from workbench.services.bench import Bench
from workbench.services.supervision import control
from workbench.store import groups as group_rows
from workbench.store import notices as rows
from workbench.store import run_pages
from workbench.store.run_pages import RunFilter
from workbench.text import one_line


def of(bench: Bench, project: str, schedule: Notify | None) -> Notify:
    """Who is told of a run or a due time of `project`, with what its schedule says."""
    try:
        said = projects.get(bench, project).notify
    except WorkbenchError:  # it is gone: the home knows still whom to tell
        said = None
    return special(schedule, said, bench.settings.notify)


def deliveries(bench: Bench, run: Run, spec: ScheduleSpec | None) -> list[tuple[str, str]]:
    """Where what an ended run left is copied to, and what: absolute paths. One whose references hold nothing is as
    written: the delivery then fails and says so."""
    if spec is None or not spec.deliver:
        return []
    try:
        project = projects.get(bench, run.project)
    except WorkbenchError:
        return []
    zone = timetable.zone(spec.timezone)
    moments = Moments((run.due or run.created).astimezone(zone), run=run.id, scheduled=run.due is not None)
    found = []
    for one in spec.deliver:
        if run.ended_well or one.failed:
            try:
                to = str(expanded({"to": one.to}, moments, texts=("to",))["to"])
            except Refused:
                to = one.to
            found.append((str(project.path / Path(to).expanduser()), one.what))
    return found


def line(run: Run) -> str:
    """`run 41 sales/nightly failed: KeyError: 'a' (cell 7)`."""
    reason = f": {one_line(run.reason, 300)}" if run.reason else ""
    return f"run {run.id} {run.project}/{run.name} {run.state}{reason}"


def before(connection: sqlite3.Connection, run: Run) -> Run | None:
    """The run before it of the same schedule or, without one, the same notebook and name, that has ended. Of a sweep it
    is the one of the same combination in an earlier one."""
    only = RunFilter(project=run.project, schedule=run.schedule or "", notebook=run.notebook, states=ENDED)
    group = group_rows.get(connection, run.group) if run.group else None
    found = run_pages.page(connection, only, before=run.id, limit=2 * group.size if group else 20)
    alike = (one for one in found if one.name == run.name and one.cancel_asked is False)
    if group:
        alike = (one for one in alike if one.group != run.group and group.combination(one) == group.combination(run))
    return next(alike, None)


def recent(bench: Bench, *, run: int | None = None, limit: int = 50) -> list[Notice]:
    """The newest notices, or those about one run."""
    with bench.store.read() as connection:
        return rows.page(connection, run=run, limit=limit)


def why(bench: Bench, notice: Notice) -> str:
    """Why it is not sent, and when it is tried again; empty for one that is, or has not been tried yet."""
    if notice.state is NoticeState.PENDING and notice.reason:
        return f"{notice.reason}; tried again {notice.not_before.astimezone(bench.zone):%a %H:%M:%S}"
    return notice.reason


def test(bench: Bench, targets: Sequence[str]) -> list[str]:
    """Ask for a test letter to each of `targets`, or to everybody whom the home tells of anything. Whom it goes to."""
    declared = [one for each in (bench.settings.notify or Notify()).targets.values() for one in each]
    wanted = list(dict.fromkeys(targets or declared))
    if not wanted:
        raise Refused("nobody is named", hint="Name somebody, or write `notify:` into workbench.yaml.")
    subject = f"test {bench.now().isoformat()}"
    with bench.store.write() as connection:
        for target in wanted:
            text = f"{bench.actor.by} wanted to see whether this arrives."
            rows.add(connection, Occasion.TEST, subject, target, text, at=bench.now(), actor=bench.actor)
    control.tell(bench)
    return wanted
