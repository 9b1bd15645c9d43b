"""`schedules`: notebooks that run by themselves."""

from __future__ import annotations

from typing import Any

import click

from workbench.cli import filters
from workbench.cli.grammar import noun, options, subcommand
from workbench.cli.invocation import Invocation
from workbench.cli.names import environment_names, project_names, schedule_names
from workbench.cli.output import answer, block, emit, iso, note, record, say, table
from workbench.cli.run import Given, wait_for, with_parameters
from workbench.cli.schedule_facts import coming_times, facts, row, when
from workbench.cli.shapes import DUE, SCHEDULE
from workbench.errors import NotFound
from workbench.model.run import MOST_RETRIES
from workbench.model.schedule import CatchUp, Overlap
from workbench.text import age

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
    for view in found:
        if view.problem and view.spec:
            note(call, f"{view.key}: its file as it is now is not read, the last good one holds: {view.problem}")


@subcommand(schedules, "add")
@click.argument("project", shell_complete=project_names)
@click.argument("name")
@click.option("--notebook", "-n", metavar="FILE", required=True, help="Relative to the project.")
@TIMES
@with_parameters
@click.option("-e", "--environment", metavar="NAME", shell_complete=environment_names, help="Another environment.")
@click.option("--timeout", type=filters.Span(), metavar="TIME", help="Limit of each run, as 45m.")
@click.option("--retries", type=click.IntRange(0, MOST_RETRIES), default=0, help="Further tries of a run.")
@click.option("--overlap", type=click.Choice([str(one) for one in Overlap]), help="While the run before goes on.")
@click.option("--catch-up", type=click.Choice([str(one) for one in CatchUp]), help="After a time of not running.")
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
    **more: Any,
) -> None:
    """Add a schedule; its file in the project's schedules/ folder can be edited afterwards."""
    from workbench.services import schedules as service

    if sum(value is not None for value in (cron, once, every)) != 1:
        raise click.UsageError("Give one of --cron, --once and --every.")
    bench = call.changing()
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
        parameters=given.read(),
        **{key: value for key, value in more.items() if value},
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
    block(
        "Last due times",
        "\n".join(
            f"{due.due.astimezone(bench.zone):%a %Y-%m-%d %H:%M}  {due.state}"
            f"{f'  run {due.run}' if due.run else ''}{f'  {due.reason}' if due.reason else ''}"
            for due in ledger
        ),
    )


@subcommand(schedules, "next")
@click.argument("key", metavar="[PROJECT/NAME]", required=False, shell_complete=schedule_names)
@TIMES
@click.option("-n", "--number", type=click.IntRange(1, 1000), default=10, show_default=True, help="How many times.")
def next_times(
    call: Invocation,
    key: str | None,
    cron: str | None,
    once: str | None,
    every: float | None,
    timezone: str | None,
    number: int,
) -> None:
    """Print when a schedule fires next, or when times that are not written down yet would."""
    from workbench.services import schedules as service

    bench = call.reading()
    if key is None and cron is None and once is None and every is None:
        raise click.UsageError("Give a schedule, or one of --cron, --once and --every.")
    if key is not None:
        view = service.get(bench, key)
        if view.spec is None:
            raise NotFound("times of schedule", key, hint=view.problem)
        cron, once, every, timezone = view.spec.cron, view.spec.once, view.spec.every, view.spec.timezone
    found = service.preview(bench, cron=cron, once=once, every=every, timezone=timezone, n=number)
    if call.json:
        emit({"words": found.words, "times": [iso(moment) for moment in found.times], "warnings": found.warnings})
        return
    say(call, found.words)
    for moment in found.times:
        click.echo(f"{moment:%a %Y-%m-%d %H:%M %Z}  {age(moment, bench.now())}")
    for line in found.warnings:
        note(call, line)


@subcommand(schedules, "now")
@KEY
@click.option("-d", "--detach", is_flag=True, help="Print the run's id and do not wait.")
def now(call: Invocation, key: str, detach: bool) -> int:
    """Run a schedule's notebook now, besides its times."""
    from workbench.services import schedules as service

    return wait_for(call, service.now(call.changing(), key), detach=detach)


@subcommand(schedules, "pause")
@KEY
@click.option("--reason", default="", help="Why, for others.")
def pause(call: Invocation, key: str, reason: str) -> None:
    """Pause a schedule; what is due meanwhile is not caught up."""
    from workbench.services import schedules as service

    bench = call.changing()
    changed = service.pause(bench, key, reason)
    view = service.get(bench, key)
    answer(call, f"Paused {view.key}." if changed else f"{view.key} was paused before.", SCHEDULE.of(view))


@subcommand(schedules, "resume")
@KEY
def resume(call: Invocation, key: str) -> None:
    """Resume a paused schedule, from now on."""
    from workbench.services import schedules as service

    bench = call.changing()
    service.resume(bench, key)
    view = service.get(bench, key)
    answer(call, f"Resumed {key}; next {when(view.next_due, bench)}", SCHEDULE.of(view))


@subcommand(schedules, "remove")
@KEY
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
def remove(call: Invocation, key: str, yes: bool) -> None:
    """Remove a schedule's file; its history and runs stay."""
    from workbench.cli.asking import sure
    from workbench.services import schedules as service

    bench = call.changing()
    view = service.get(bench, key)
    sure(call, f"Remove schedule {view.key}? Its runs stay.", yes=yes)
    path = service.remove(bench, view.key)
    answer(call, f"Removed {view.key}: {path}", {"removed": view.key, "file": path})
