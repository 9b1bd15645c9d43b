"""How a schedule is told to a person: its line in the list, and all that is known of it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from workbench.cli.terminal.output import Cell, state
from workbench.model.schedule import DueTime, ScheduleSpec
from workbench.text import age, duration

if TYPE_CHECKING:
    from workbench.services.bench import Bench
    from workbench.services.schedules import Preview, ScheduleView


def row(view: ScheduleView, bench: Bench) -> tuple[Cell | str, ...]:
    """Its line in the list."""
    last = view.last
    return (
        view.key,
        state(view.state),
        _timing(view.spec, bench) if view.spec else "-",
        when(view.next_due, bench) if view.next_due else "-",
        f"{age(last.due, bench.now())} {last.run_told or last.state}" if last else "-",
        view.spec.notebook if view.spec else view.problem,
    )


def facts(
    view: ScheduleView, bench: Bench, coming: Preview | None, times: Sequence[datetime]
) -> list[tuple[str, Cell | str | None]]:
    """Names and values, in the order they are shown."""
    from workbench.services.asking import beginning
    from workbench.services.scheduling import parameter_lines

    spec = view.spec
    return [
        ("schedule", view.key),
        ("state", state(view.state)),
        ("paused", view.pause_told(bench.zone)),
        ("problem", view.problem),
        ("meanwhile", "the last good declaration holds" if view.problem and spec else None),
        ("file", str(view.path)),
        ("notebook", spec.notebook if spec else None),
        ("parameters", "\n".join(parameter_lines.of(bench, spec, view.next_due)) if spec else None),
        ("environment", _environment(view, bench)),
        ("code", str(spec.code) if spec and not spec.code.live else None),
        ("when", f"{spec.when}: {coming.words}" if spec and coming else None),
        *(beginning.facts(bench, spec) if spec else ()),
        ("tags", ", ".join(spec.tags) if spec else None),
        ("told", _told_to(spec) if spec else None),
        ("delivers", ", ".join(f"{one.what} to {one.to}" for one in spec.deliver) if spec else None),
        ("inputs", ", ".join(spec.inputs) if spec else None),
        ("start", spec.start if spec else None),
        ("end", spec.end if spec else None),
        ("jitter", duration(spec.jitter) if spec and spec.jitter else None),
        ("overlap", str(spec.overlap) if spec else None),
        ("catch-up", _catch_up(spec) if spec else None),
        ("next", "\n".join(when(moment, bench) for moment in times)),
        ("note", "\n".join(_told(coming)) if coming else None),
    ]


def _told_to(spec: ScheduleSpec) -> str:
    """`failure: ann@acme.example`, one a line."""
    said = spec.notify.targets.items() if spec.notify else ()
    return "\n".join(f"{occasion}: {', '.join(targets) or 'nobody'}" for occasion, targets in said)


def _told(coming: Preview) -> list[str]:
    """What one would not expect of its times."""
    return [line for line in (*coming.warnings, *coming.notes, *coming.changes, coming.overlap) if line]


def _timing(spec: ScheduleSpec, bench: Bench) -> str:
    """As written, with its zone where that is not the home's, in which NEXT stands beside it."""
    return spec.when if spec.every or spec.timezone == bench.zone.key else f"{spec.when} {spec.timezone}"


def due_line(line: DueTime, bench: Bench) -> tuple[str, str, str, str]:
    """A line of the ledger: when it was due, what became of it, its run, and why."""
    return (
        f"{line.due.astimezone(bench.zone):%a %Y-%m-%d %H:%M}",
        str(line.state),
        line.run_told,
        line.why,
    )


def _catch_up(spec: ScheduleSpec) -> str:
    within = f", within {duration(spec.catch_up_window)}" if spec.catch_up_window is not None else ""
    return f"{spec.catch_up}{within}"


def _environment(view: ScheduleView, bench: Bench) -> str:
    """What it names, else what its project uses."""
    from workbench.services import projects
    from workbench.services.declared import catalogue

    if view.spec and view.spec.environment:
        return view.spec.environment
    project = projects.get(bench, view.project)
    return "" if project.problem else f"{catalogue.name_for(bench, project)} (the project's)"


def when(moment: datetime | None, bench: Bench) -> str:
    """A due time on the home's clock, and how soon that is."""
    if moment is None:
        return "never"
    return f"{moment.astimezone(bench.zone):%a %Y-%m-%d %H:%M} ({age(moment, bench.now())})"


def coming_times(view: ScheduleView, bench: Bench, count: int) -> Preview | None:
    """Its next times, in words too; None where its file never could be read."""
    from workbench.services import schedules as service

    return service.of_schedule(bench, view.spec, count, row=view.row) if view.spec else None
