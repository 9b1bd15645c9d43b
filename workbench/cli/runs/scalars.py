"""`runs scalars` and `runs tag`: the numbers of several runs side by side, and words to keep runs by."""

from __future__ import annotations

import click

from workbench.cli import filters
from workbench.cli.grammar import subcommand
from workbench.cli.invocation import Invocation
from workbench.cli.names import run_id
from workbench.cli.runs.commands import IDS, STATE_GROUPS, runs
from workbench.cli.terminal.output import Cell, answer, emit, state, table
from workbench.model.run import RunState
from workbench.text import age, plural

WIDEST = 12  # numbers shown as columns; --json has all


@subcommand(runs, "scalars")
@filters.filtered
@click.option("--schedule", metavar="KEY", default="", help="Only those a schedule asked for, as churn/nightly.")
@click.option("-n", "--limit", type=click.IntRange(1, 10_000), default=20, show_default=True, help="At most so many.")
def scalars(call: Invocation, wanted: filters.Wanted, schedule: str, limit: int) -> None:
    """Show the numbers that runs tracked, newest run first.

    A notebook tracks a number by showing it with the MIME type application/vnd.workbench.scalars+json: see docs/guide.md.
    """
    from workbench.services import runs as service
    from workbench.services.history import scalars as tracked

    bench = call.reading()
    only = service.RunFilter(
        project=wanted.project,
        states=filters.states(wanted.state, RunState, STATE_GROUPS),
        schedule=schedule,
        since=filters.since(wanted.since, bench.now(), bench.zone) if wanted.since else None,
    )
    filters.check_project(bench, wanted.project)
    found = service.page(bench, only, limit=limit)
    numbers = tracked.of(bench, [run.id for run in found])
    if call.json:
        emit([{"run": str(run.id), "scalars": numbers[run.id]} for run in found if run.id in numbers])
        return
    names = list(dict.fromkeys(name for values in numbers.values() for name in values))[:WIDEST]
    rows: list[list[Cell | str]] = []
    for run in found:
        values = numbers.get(run.id)
        if values:
            shown = [tracked.text(values[name]) if name in values else "-" for name in names]
            rows.append([str(run.id), state(str(run.state)), run.name, age(run.created, bench.now()), *shown])
    table(call, ("ID", "STATE", "RUN", "AGE", *names), rows, empty="None of these runs tracked a number.")


@subcommand(runs, "tag")
@IDS
@click.option("-t", "--add", "tags", multiple=True, metavar="TAG", help="Put this on them; may be given again.")
@click.option("-r", "--remove", "others", multiple=True, metavar="TAG", help="Take this off them.")
def tag(call: Invocation, ids: tuple[str, ...], tags: tuple[str, ...], others: tuple[str, ...]) -> None:
    """Put tags on runs or take them off; with neither, say which they have. Runs that have one are kept whatever the retention says."""
    from workbench.services.history import tags as service

    asked = not tags and not others
    bench = call.reading() if asked else call.changing()
    numbers = [run_id(bench, text) for text in dict.fromkeys(ids)]
    if not asked:
        service.change(bench, numbers, tags, others)
    found = service.of(bench, numbers)
    answer(
        call,
        f"{plural(len(numbers), 'run')}: {', '.join(sorted({tag for run in found.values() for tag in run})) or 'no tags'}",
        {str(number): found.get(number, []) for number in numbers},
    )
