"""A schedule changed in its file, comments kept: its parameters, and any other key. From its next due time on it holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.errors import Refused
from workbench.model import timetable
from workbench.model.schedule import ScheduleSpec
from workbench.services.asking import checking
from workbench.services.bench import Bench
from workbench.services.scheduling import left_behind
from workbench.services.scheduling import views as schedule_views
from workbench.services.supervision import control
from workbench.store import schedules as rows
from workbench.text import one_line

if TYPE_CHECKING:
    from workbench.declare.single_keys import Single

KEEP: Any = object()  # the sweep stays as it is
TIMES = ("cron", "once", "every")


def said(path: Path) -> dict[str, Any]:
    """What a schedule's file says, as data. Raises `DeclarationError`, `OSError`."""
    from workbench.declare.reader import read
    from workbench.declare.scalars import free

    found: dict[str, Any] = free(read(path).data)
    return found


def change(
    bench: Bench, key: str, keys: Single, *, parameters: Mapping[str, Any] | None = None, unset: Sequence[str] = (),
    sweep: Any = KEEP,
) -> ScheduleSpec:  # fmt: skip
    """Set keys by path (None takes one away) and single parameters; `sweep` None takes the sweep away.

    Raises `Refused` or `DeclarationError`, and then nothing is written, also where the notebook could not be run with them.
    A run that is queued already keeps what it was asked for with.
    """
    from workbench.declare import DeclarationError, load_schedule, single_keys, writer

    view = schedule_views.get(bench, key)
    spec = view.spec
    if spec is None or view.problem:
        raise Refused(view.problem, title=view.key, hint="Mend the file first.")
    wanted = dict(keys)
    if given := [name for name in TIMES if keys.get((name,)) is not None]:
        wanted |= {(name,): None for name in TIMES if name not in given}  # one replaces another
    changes = dict(single_keys.changes(said(view.path), wanted))
    changes |= _of_parameters(view.key, spec, dict(parameters or {}), unset)
    if sweep is not KEEP:
        changes["sweep",] = sweep
    zone = bench.settings.timezone or "UTC"
    text = writer.changed(view.path, "schedule", changes)
    reading = load_schedule(text, project=view.project, name=view.name, timezone=zone)
    if reading.value is None:
        raise DeclarationError(replace(problem, path=view.path, line=0, excerpt="") for problem in reading.problems)
    new, now = reading.value, bench.now()
    due = timetable.of(new).after(now)
    if due is None and new.timing != spec.timing:
        raise Refused(timetable.of(new).warnings(now)[0], title=view.key, hint="Give a time that is still to come.")
    checking.check(bench, schedule_views.request(new, due or now), ahead=True)
    writer.update(view.path, "schedule", changes)
    written = load_schedule(view.path, project=view.project, timezone=zone).get()
    with bench.store.write() as connection:
        row = rows.get(connection, view.key)
        if row and row.present and row.timing == spec.timing != written.timing:
            left_behind.write(connection, spec, row, now, left_behind.CHANGED, at=now, actor=bench.actor)
        schedule_views.notice(connection, written, now, bench.actor)
    control.tell(bench)
    return written


def _of_parameters(key: str, spec: ScheduleSpec, given: dict[str, Any], unset: Sequence[str]) -> Single:
    """What is written of them. Raises `Refused` for one that is not set."""
    lacking = [name for name in unset if name not in spec.parameters]
    if lacking:
        there = f"It has: {', '.join(spec.parameters)}." if spec.parameters else "It has none."
        raise Refused(f"{one_line(', '.join(lacking), 120)}: not set", title=key, hint=there)
    parameters = {name: value for name, value in {**spec.parameters, **given}.items() if name not in unset}
    if (given or unset) and (not parameters or None in given.values()):  # a null is no value to the writer
        return {("parameters",): parameters or None}
    return {("parameters", name): given.get(name) for name in (*given, *unset)}
