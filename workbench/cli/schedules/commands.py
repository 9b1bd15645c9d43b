"""`schedules`: notebooks that run by themselves."""

from __future__ import annotations

from typing import Any

import click

from workbench.cli import filters
from workbench.cli.facts.schedule import coming_times, due_line, facts, row, when
from workbench.cli.grammar import noun, options, subcommand
from workbench.cli.invocation import Invocation
from workbench.cli.names import project_names, schedule_names
from workbench.cli.runs import groups
from workbench.cli.runs.given import Given, with_parameters
from workbench.cli.runs.run import wait_for
from workbench.cli.schedules.keys import with_keys
from workbench.cli.shapes.schedule import DUE, SCHEDULE
from workbench.cli.terminal.output import answer, block, columns, emit, iso, note, record, say, table

schedules = noun("schedules", "Notebooks that run by themselves.", also={"new": "add"})
KEY = click.argument("key", metavar="PROJECT/NAME", shell_complete=schedule_names)
TIMES = options(
    click.option("--cron", metavar="LINE", help="Five fields, as '30 6 * * mon-fri', or @daily."),
    click.option("--once", metavar="TIME", help="A single time, as '2026-01-02 06:30'."),
    click.option("--every", type=filters.Span(), metavar="TIME", help="An interval, as 2h."),
    click.option("--timezone", metavar="ZONE", help="The home's unless given; the machine's where that has none."),
)


@subcommand(schedules, "list")
@filters.filtered
def list_schedules(call: Invocation, wanted: filters.Wanted) -> None:
    """List schedules by their next time.

    --state takes active, paused, off, done and invalid; --since shows only those that were due since then.
    """
    from workbench.services import other_homes
    from workbench.services import schedules as service

    bench = call.reading()
    now = bench.now()
    states = filters.states(wanted.state, service.STATES)
    filters.check_project(bench, wanted.project)
    start = filters.since(wanted.since, now, bench.zone) if wanted.since else None
    found = [
        view
        for view in service.listing(bench)
        if (not wanted.project or view.project == wanted.project)
        and (not states or view.state in states)
        and (not start or (view.last is not None and view.last.due >= start))
    ]
    found.sort(key=lambda view: (view.next_due is None, view.next_due or now, view.key))
    if call.json:
        emit([SCHEDULE.of(view) for view in found])
        return
    table(
        call,
        ("SCHEDULE", "STATE", "WHEN", "NEXT", "LAST", "NOTEBOOK"),
        [row(view, bench) for view in found],
        empty="Nothing matches."
        if wanted.narrowed
        else "No schedules. Add one: workbench schedules add PROJECT NAME --notebook FILE --cron LINE",
        give=("NOTEBOOK",),
    )
    if not found and not wanted.narrowed:
        note(call, other_homes.with_schedules(bench))
    for view in found:
        if view.problem and view.spec:
            note(call, f"{view.key}: its file as it is now is not read, the last good one holds: {view.problem}")


@subcommand(schedules, "add")
@click.argument("project", shell_complete=project_names)
@click.argument("name")
@click.option("--notebook", "-n", metavar="FILE", required=True, help="Relative to the project.")
@TIMES
@with_parameters
@groups.with_sweep
@with_keys
def add(
    call: Invocation,
    project: str,
    name: str,
    notebook: str,
    cron: str | None,
    once: str | None,
    every: float | None,
    timezone: str | None,
    given: Given,
    sweep: Any,
    keys: dict[tuple[str, ...], Any],
) -> None:
    """Add a schedule; its file in the project's schedules/ folder can be edited afterwards, and changed by `schedules set`."""
    from workbench.model.code import LIVE, code
    from workbench.services import schedules as service
    from workbench.services.asking import requests

    if sum(value is not None for value in (cron, once, every)) != 1:
        raise click.UsageError("Give one of --cron, --once and --every.")
    bench = call.changing()
    seen = code(str(keys.get(("code", "ref"), LIVE))).after_fetch
    takes = requests.parameters_of(bench, project, notebook, code=seen) if given.values else None
    chosen = bench.settings.timezone
    spec = service.add(
        bench,
        project,
        name,
        notebook=notebook,
        cron=cron,
        once=once,
        every=every,
        timezone=timezone,
        parameters=given.read(takes),
        sweep=sweep,
        keys=keys,
    )
    view = service.get(bench, spec.key)
    tonight = service.tonight(bench, spec)
    if call.json:
        emit({**SCHEDULE.of(view), "tonight": tonight})
        return
    if call.quiet:
        click.echo(spec.key)
    say(call, f"Added {spec.key}: {spec.source}")
    if bench.settings.timezone != chosen:
        kept = bench.home.settings_file
        note(call, f"This home had no time zone: {bench.settings.timezone}, the machine's, is now in {kept}")
    coming = coming_times(view, bench, 1)
    say(call, f"{coming.words if coming else spec.when}; next {when(view.next_due, bench)}")
    for line in coming.warnings if coming else ():
        note(call, line)
    for line in tonight:
        note(call, line)


@subcommand(schedules, "show")
@KEY
@click.option("-n", "--limit", type=click.IntRange(1, 1000), default=10, show_default=True, help="Due times shown.")
def show(call: Invocation, key: str, limit: int) -> None:
    """Show a schedule: its times in words, what is due next, what became of the last due times."""
    from workbench.services import schedules as service

    bench = call.reading()
    view = service.get(bench, key)
    ledger = service.ledger(bench, view.key, limit=limit)
    coming = coming_times(view, bench, 5)
    times = coming.times if coming and view.next_due else ()
    if call.json:
        more = {
            "words": coming.words if coming else "",
            "coming": [iso(moment) for moment in times],
            "warnings": coming.warnings if coming else (),
            "ledger": [DUE.of(due) for due in ledger],
        }
        emit({**SCHEDULE.of(view), **more})
        return
    record(facts(view, bench, coming, times))
    block("Last due times", "\n".join(columns(due_line(due, bench) for due in ledger)))


@subcommand(schedules, "now")
@KEY
@click.option("--due", metavar="TIME", help="Have it run as for that time: '2026-01-02 06:30', or a day; in its zone.")
@click.option("-d", "--detach", is_flag=True, help="Print the run's id and do not wait.")
def now(call: Invocation, key: str, due: str | None, detach: bool) -> int:
    """Run a schedule's notebook now, besides its times.

    With --due what its parameters say of the due time means that one. The due time itself keeps what became of it.
    """
    from workbench.services import schedules as service

    return wait_for(call, service.now(call.changing(), key, due=due), detach=detach)


@subcommand(schedules, "pause")
@KEY
@click.option("--reason", default="", help="Why, for others.")
@click.option("--until", metavar="TIME", help="Resume by itself then: '2026-01-02 06:30', or a day; in its zone.")
def pause(call: Invocation, key: str, reason: str, until: str | None) -> None:
    """Pause a schedule; what is due meanwhile is not caught up, and is in its ledger as skipped.

    Of one that is paused the reason and the end are changed.
    """
    from workbench.services import schedules as service

    bench = call.changing()
    changed = service.pause(bench, key, reason, until=until)
    view = service.get(bench, key)
    end = view.row.paused_until if view.row else None
    lasts = f" until {when(end, bench)}" if end else ""
    text = (
        f"Paused {view.key}{lasts}." if changed else f"{view.key} was paused before; it is{lasts or ' without an end'}."
    )
    answer(call, text, SCHEDULE.of(view))


@subcommand(schedules, "resume")
@KEY
def resume(call: Invocation, key: str) -> None:
    """Resume a paused schedule, from now on."""
    from workbench.services import schedules as service

    bench = call.changing()
    resumed = service.resume(bench, key)
    view = service.get(bench, key)
    told = f"Resumed {view.key}" if resumed else f"{view.key} was not paused"
    answer(call, f"{told}; next {when(view.next_due, bench)}", SCHEDULE.of(view))


@subcommand(schedules, "remove")
@KEY
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
def remove(call: Invocation, key: str, yes: bool) -> None:
    """Remove a schedule's file; its history and runs stay."""
    from workbench.cli.terminal.asking import sure
    from workbench.services import schedules as service

    bench = call.changing()
    view = service.get(bench, key)
    sure(call, f"Remove schedule {view.key}? Its runs stay.", yes=yes)
    path = service.remove(bench, view.key)
    answer(call, f"Removed {view.key}: {path}", {"removed": view.key, "file": path})
