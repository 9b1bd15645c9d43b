"""`runs list`: what ran, runs and will, a page at a time."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import click

from workbench.cli import filters
from workbench.cli.facts import verdict
from workbench.cli.grammar import options, subcommand
from workbench.cli.invocation import Invocation
from workbench.cli.names import group_id, group_names, run_id
from workbench.cli.runs.commands import STATE_GROUPS, runs
from workbench.cli.shapes.run import RUN
from workbench.cli.terminal.output import Cell, emit, note, state, table
from workbench.model.run import ACTIVE, ENDED, Run, RunState
from workbench.text import age, duration

NARROWER = options(
    click.option("--notebook", metavar="FILE", default="", help="Only those of it, as notebooks/start.ipynb."),
    click.option("--schedule", metavar="KEY", default="", help="Only those a schedule asked for, as churn/nightly."),
    click.option("--group", metavar="ID", default="", shell_complete=group_names, help="Only those of a sweep, as g7."),
    click.option("--tag", metavar="TAG", default="", help="Only those that have it."),
)


@subcommand(runs, "list")
@filters.filtered
@NARROWER
@click.option("-n", "--limit", type=click.IntRange(1, 10_000), default=50, show_default=True, help="At most so many.")
@click.option("--before", metavar="ID", help="Only older ones: the next page.")
def list_runs(
    call: Invocation,
    wanted: filters.Wanted,
    notebook: str,
    schedule: str,
    group: str,
    tag: str,
    limit: int,
    before: str | None,
) -> None:
    """List runs, newest first.

    States for --state are those in the list, or pending, active, ended, unsuccessful.
    """
    from workbench.services import runs as service
    from workbench.services.history import continuing, tags
    from workbench.services.supervision import control

    bench = call.reading()
    now = bench.now()
    only = service.RunFilter(
        project=wanted.project,
        states=filters.states(wanted.state, RunState, STATE_GROUPS),
        schedule=schedule,
        notebook=notebook,
        group_id=group_id(bench, group) if group else 0,
        since=filters.since(wanted.since, now, bench.zone) if wanted.since else None,
    )
    filters.check_project(bench, wanted.project)
    older = run_id(bench, before) if before else None
    found = (
        tags.page(bench, tag, only, before=older, limit=limit)
        if tag
        else service.page(bench, only, before=older, limit=limit)
    )
    if call.json:
        emit([RUN.of(run) for run in found])
        return
    narrowed = wanted.narrowed or bool(notebook or schedule or group or tag) or older is not None
    grouped, tagged = any(run.group for run in found), tags.of(bench, [run.id for run in found])
    table(
        call,
        ("ID", *["GROUP"] * grouped, "STATE", "NOTEBOOK", "CELLS", "AGE", "TOOK", *["TAGS"] * bool(tagged), "WHY"),
        [
            _row(run, now, tagged.get(run.id, ()) if tagged else None, continuing.words(bench, run), grouped=grouped)
            for run in found
        ],
        empty="Nothing matches." if narrowed else "No runs yet. Run one: workbench run NOTEBOOK",
        give=("NOTEBOOK", "WHY"),
    )
    if any(run.state not in ENDED for run in found) and not control.held(bench.home):
        note(call, "The supervisor does not run: states are as it last saw them. Start it: workbench service start")
    if len(found) == limit:
        note(call, f"Older ones: workbench runs --before {found[-1].id}")


def _row(run: Run, now: datetime, tags: Sequence[str] | None, kept: str, *, grouped: bool) -> tuple[Cell | str, ...]:
    """Its line; `tags` None where the list has no column for them, `kept` of its kernel."""
    took = duration(now - run.started) if run.state in ACTIVE and run.started else duration(run.seconds)
    return (
        str(run.id),
        *((f"g{run.group}" if run.group else "",) if grouped else ()),
        state(str(run.state)),
        f"{run.project}/{run.notebook}",
        f"{run.cells_done}/{run.cells}" if run.attempt else "-",
        age(run.created, now),
        took,
        *(() if tags is None else (", ".join(tags),)),
        "" if run.ended_well else f"{f'kernel {kept}; ' if kept else ''}{verdict.what(run)}",
    )
