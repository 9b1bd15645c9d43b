"""`schedules ledger` and `schedules backfill`: what became of due times, and making up for those that did not fire."""

from __future__ import annotations

import click

from workbench.cli import filters
from workbench.cli.facts.schedule import due_line
from workbench.cli.grammar import subcommand
from workbench.cli.invocation import Invocation
from workbench.cli.names import schedule_names
from workbench.cli.schedules.commands import KEY, schedules
from workbench.cli.shapes.schedule import DUE
from workbench.cli.terminal.output import emit, say, state, table
from workbench.model.schedule import DueState
from workbench.text import plural

SHOWN = 20  # due times that a dry run lists


@subcommand(schedules, "ledger")
@click.argument("key", metavar="[PROJECT/NAME]", required=False, shell_complete=schedule_names)
@click.option("--all", "everything", is_flag=True, help="Of all schedules, also of those that are gone.")
@click.option("--since", metavar="TIME", help="Only due from then on: 2h, today, 2025-11-20.")
@click.option("--state", "words", metavar="STATE", multiple=True, help="fired, skipped, missed; several with commas.")
@click.option("-n", "--limit", type=click.IntRange(1, 100_000), default=100, show_default=True, help="Lines shown.")
def ledger(
    call: Invocation, key: str | None, everything: bool, since: str | None, words: tuple[str, ...], limit: int
) -> None:
    """Show what became of every due time, newest first: fired, skipped or missed, with why and how late."""
    from workbench.errors import NotFound
    from workbench.services import schedules as service

    if (key is None) is not everything:
        raise click.UsageError("Give a schedule, or --all.")
    bench = call.reading()
    states = filters.states(words, DueState)
    start = filters.since(since, bench.now(), bench.zone) if since else None
    name = key or ""
    if key:
        try:
            name = service.get(bench, key).key
        except NotFound:
            if not service.lines(bench, key, limit=1):  # one whose file is gone has its ledger still
                raise
    found = service.lines(bench, name, since=start, states=states, limit=limit)
    if call.json:
        emit([DUE.of(line) for line in found])
        return
    rows = []
    for line in found:
        due, word, run, why = due_line(line, bench)
        rows.append((*((line.schedule,) if everything else ()), due, state(word), run, why))
    heads = ("DUE", "STATE", "RUN", "WHY")
    table(
        call, ("SCHEDULE", *heads) if everything else heads, rows,
        empty="Nothing matches." if states or start else "Nothing was due yet.", give=("WHY",),
    )  # fmt: skip


@subcommand(schedules, "backfill")
@KEY
@click.option(
    "--from", "first", metavar="TIME", required=True, help="The first due time: '2026-01-02 06:30', or a day."
)
@click.option("--to", "last", metavar="TIME", required=True, help="The last one; of a day alone all of it.")
@click.option("--failed", is_flag=True, help="Also those whose run did not succeed.")
@click.option("--again", is_flag=True, help="Also all others that fired.")
@click.option("--dry-run", is_flag=True, help="Only show what would run.")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
def backfill(
    call: Invocation, key: str, first: str, last: str, failed: bool, again: bool, dry_run: bool, yes: bool
) -> None:
    """Queue a run for each due time of a stretch that did not fire, oldest first, one after the other.

    They are lines of the ledger of their own. Times are meant in the schedule's zone.
    """
    from workbench.cli.terminal.asking import sure
    from workbench.services import schedules as service

    bench = call.reading() if dry_run else call.changing()
    plan = service.plan_backfill(bench, key, first, last, again=again, failed=failed)
    left = f"; {plural(len(plan.fired), 'due time')} fired and left out" if plan.fired else ""
    count = plural(len(plan.due), "run")
    if dry_run or not plan.due:
        if call.json:
            emit({"due": plan.due, "left_out": plan.fired, "runs": []})
            return
        say(call, f"{count} of {plan.spec.key}{left}")
        for moment in plan.due[:SHOWN]:
            click.echo(f"{moment.astimezone(bench.zone):%a %Y-%m-%d %H:%M}")
        if len(plan.due) > SHOWN:
            say(call, f"and {len(plan.due) - SHOWN} more")
        return
    sure(call, f"Queue {count} of {plan.spec.key}{left}?", yes=yes)
    made = service.backfill(bench, plan, again=again, failed=failed)
    if call.json:
        emit({"due": plan.due, "left_out": plan.fired, "runs": [str(run) for run in made]})
        return
    if not made:
        say(call, "All of them fired meanwhile.")
        return
    span = f"run {made[0]}" if len(made) == 1 else f"runs {made[0]} to {made[-1]}"
    say(call, f"Queued {span}: workbench runs --project {plan.spec.project}")
