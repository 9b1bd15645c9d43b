"""A new schedule: its file written as a person would, and removed again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.errors import Refused
from workbench.model import timetable
from workbench.model.code import AS_IT_IS, Code
from workbench.model.names import SLUG_RULE, is_slug
from workbench.model.schedule import CatchUp, Overlap, ScheduleSpec
from workbench.model.terms import priority_word
from workbench.services import preferences, projects
from workbench.services.asking import checking
from workbench.services.bench import Bench
from workbench.services.code import commits
from workbench.services.scheduling import left_behind, zones
from workbench.services.scheduling import views as schedule_views
from workbench.services.scheduling.files import folder_of
from workbench.services.scheduling.preview import span_text
from workbench.services.scheduling.text import to_json
from workbench.services.supervision import control
from workbench.store import declared
from workbench.store import schedules as rows
from workbench.store.declared import Declared
from workbench.text import one_line

if TYPE_CHECKING:
    from workbench.declare.single_keys import Single


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
    priority: int = 0,
    overlap: Overlap | str = Overlap.SKIP,
    catch_up: CatchUp | str = CatchUp.LATEST,
    catch_up_window: str | float | None = None,
    start: str | None = None,
    end: str | None = None,
    jitter: str | float | None = None,
    sweep: Any = None,
    code: Code = AS_IT_IS,
    inputs: Sequence[str] = (),
    keys: Single | None = None,
) -> ScheduleSpec:
    """Write `schedules/<name>.yaml` and start counting now. Spans in seconds or as `45m`; `keys`: whatever else its file
    says, by path.

    Where neither it nor the home has a time zone, the machine's is taken and kept as the home's. Raises `Refused`,
    `NotFound` or `Conflict`, and then nothing is written: also where the notebook could not be run with these
    parameters.
    """
    from workbench.declare import DeclarationError, load_schedule, single_keys, writer

    found = projects.get(bench, project)
    if not is_slug(name):
        raise Refused(f"{one_line(name, 80)!r} is no name for a schedule", hint=f"{SLUG_RULE}.".capitalize())
    zone = timezone or bench.settings.timezone or zones.machine_zone()
    data: dict[str, Any] = {"notebook": notebook}
    data |= {key: value for key, value in (("cron", cron), ("once", once)) if value is not None}
    if every is not None:
        data["every"] = span_text(every)
    data["timezone"] = zone
    data |= {key: value for key, value in (("start", start), ("end", end)) if value is not None}
    given = {
        "parameters": dict(parameters or {}),
        "sweep": sweep,
        "environment": environment,
        "code": code.declared,
        "inputs": list(inputs),
    }
    data |= {key: value for key, value in given.items() if value}
    data |= {
        key: span_text(value)
        for key, value in (("timeout", timeout), ("catch_up_window", catch_up_window), ("jitter", jitter))
        if value is not None
    }
    if priority:
        data["priority"] = priority_word(priority)
    if retries:
        data["retries"] = retries
    data |= {
        key: str(value)
        for key, value, usual in (("overlap", overlap, Overlap.SKIP), ("catch_up", catch_up, CatchUp.LATEST))
        if str(value) != usual
    }
    data = single_keys.merged(data, keys or {})
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
        what = "once" if spec.once else "end"
        raise Refused(timetable.of(spec).warnings(now)[0], title=what, hint="Give a time that is still to come.")
    asked = schedule_views.request(spec, first)
    if spec.code.fetch:
        commits.fetch(bench, found)
    checking.check(bench, asked, ahead=True)
    if timezone is None and bench.settings.timezone is None:
        preferences.set_timezone(bench, zone)
    writer.create(path, "schedule", data, home=bench.home.root)
    written = load_schedule(path, project=project, timezone=zone).get()
    with bench.store.write() as connection:
        schedule_views.notice(connection, written, now, bench.actor)
        # An edit may spoil the file before the supervisor has read it once.
        good = Declared("", written.digest, to_json(written), text)
        declared.keep(connection, {written.key: good}, (), bench.actor)
    control.tell(bench)
    return written


def remove(bench: Bench, key: str) -> Path:
    """Delete a schedule's file; what it ran stays. The file's path."""
    view = schedule_views.get(bench, key)
    try:
        view.path.unlink(missing_ok=True)
    except OSError as error:
        raise Refused(f"{view.path} cannot be removed: {error.strerror}") from error
    now = bench.now()
    with bench.store.write() as connection:
        left_behind.gone(connection, view.key, view.spec, rows.get(connection, view.key), now, bench.actor)
    control.wake(bench)
    return view.path
