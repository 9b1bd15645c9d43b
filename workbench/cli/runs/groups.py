"""Groups on the command line: a sweep asked for, watched to its end, shown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from workbench.cli import names
from workbench.cli.facts import verdict
from workbench.cli.invocation import Invocation
from workbench.cli.shapes.group import GROUP
from workbench.cli.terminal import failure
from workbench.cli.terminal.asking import sure
from workbench.cli.terminal.output import Cell, emit, note, record, state, table
from workbench.cli.terminal.progress import ProgressLine
from workbench.model.run import ENDED, UNSUCCESSFUL
from workbench.text import age, duration

if TYPE_CHECKING:
    from workbench.model.group import Group, Standing
    from workbench.model.run import Request, Run
    from workbench.services.bench import Bench


def with_sweep(function: Any) -> Any:
    """Add `--sweep` and `--grid`; they arrive as one value named `sweep`, None for neither."""
    from functools import wraps

    @wraps(function)
    def wrapper(*args: Any, sweep: Sequence[str], grid: str | None, **more: Any) -> Any:
        return function(*args, sweep=_read(sweep, grid), **more)

    for decorator in (
        click.option(
            "--grid", metavar="FILE", type=click.Path(exists=True, dir_okay=False, readable=True),
            help="A YAML file of names with their values, or a list of combinations: a run for each.",
        ),
        click.option(
            "--sweep", metavar="NAME=VALUES", multiple=True,
            help="Several values of a parameter, as region=north,south or rows=10..50..10: a run for each combination.",
        ),
    ):  # fmt: skip
        wrapper = decorator(wrapper)
    return wrapper


def _read(words: Sequence[str], grid: str | None) -> Any:
    from workbench.cli.runs.given import text_of
    from workbench.declare.parameters import read_grid
    from workbench.model import sweep

    if grid and words:
        raise click.UsageError("Give --sweep or --grid, not both.")
    if grid:
        return sweep.read(read_grid(text_of(grid), title=grid), grid).data
    return sweep.of_words(words).data if words else None


def ask(call: Invocation, request: Request, *, yes: bool) -> None:
    """Say what a sweep becomes; many runs are asked about."""
    from workbench.model import sweep
    from workbench.services.asking import sweeps

    rows = sweeps.preview(call.changing(), request)
    if len(rows) > sweep.ASK:
        sure(call, f"Queue {sweep.told(rows)}?", yes=yes)


def is_group(text: str) -> bool:
    """Whether an id is one of a group."""
    return text[:1] == "g" and text[1:].isdigit()


def again(call: Invocation, group_id: int, *, failed: bool, exactly: bool, detach: bool) -> int:
    """Ask for a group once more; the command's exit code."""
    from workbench.services import groups

    made, count = groups.again(call.changing(), group_id, failed=failed, exactly=exactly)
    note(call, f"g{group_id} again as g{made}: {count} of its combinations")
    return wait_for(call, made, detach=detach)


def wait_for(call: Invocation, group_id: int, *, detach: bool) -> int:
    """Wait for a group that was just asked for, or only print its id; the command's exit code."""
    from workbench.cli.terminal import following
    from workbench.services import groups

    bench = call.changing()
    group = groups.get(bench, group_id)
    if detach:
        if call.json:
            emit({"id": group.label})
        else:
            click.echo(group.label)
        return 0
    line = ProgressLine(wanted=not call.quiet and not call.json)
    try:
        for _ in following.ticks(bench):
            so = groups.standing(bench, group_id)
            line.show(f"{state(so.state).text.split(' ', 1)[0]} {group.label} {so.words}")
            if so.ended:
                break
        line.end()
    except KeyboardInterrupt:
        line.end()
        note(
            call,
            f"{group.label} goes on. See: workbench runs show {group.label}   Cancel: workbench runs cancel {group.label}",
        )
        return failure.INTERRUPTED
    show(call, bench, group, trouble=True)
    return 0 if so.state == "succeeded" else failure.UNSUCCESSFUL


def show(call: Invocation, bench: Bench, group: Group, *, trouble: bool = False) -> None:
    """How it is, and each of its runs with what sets it apart. `trouble`: why the first failed, to the end."""
    from workbench.services import groups

    so, members = groups.standing(bench, group.id), groups.members(bench, group.id)
    if call.json:
        emit(as_json(group, so, members))
        return
    if call.quiet:
        click.echo(group.label)
        return
    cell = state(so.state)
    click.echo(f"{click.style(cell.text.replace(' ', f' {group.label} ', 1), fg=cell.color)}: {so.words}")
    if not trouble:
        now = bench.now()
        record(
            [
                ("notebook", f"{group.project}/{group.notebook}"),
                ("sweep", ", ".join(group.names)),
                ("schedule", group.schedule),
                ("due", f"{group.due.astimezone(bench.zone):%Y-%m-%d %H:%M %Z}" if group.due else None),
                ("asked", f"{group.created.astimezone(bench.zone):%Y-%m-%d %H:%M:%S %Z} ({age(group.created, now)} ago) by {group.by}, {group.origin}"),
            ]
        )  # fmt: skip
    table(
        call,
        ("ID", "STATE", *(name.upper() for name in group.names), "TOOK", "WHY"),
        [_row(group, run) for run in members],
        empty="Its runs were removed.",
        give=("WHY",),
    )
    failed = [run for run in members if run.state in UNSUCCESSFUL and run.failure]
    if trouble and failed:
        click.echo(f"\n{verdict.headline(failed[0])}")
        verdict.trouble(failed[0])


def as_json(group: Group, so: Standing, members: Sequence[Run]) -> dict[str, Any]:
    """A group with how it is and its runs."""
    return {
        **GROUP.of(group),
        "state": so.state,
        "counts": {str(word): count for word, count in so.counts.items()},
        "runs": [
            {
                "id": str(run.id),
                "state": str(run.state),
                "reason": verdict.what(run),
                "combination": group.combination(run),
            }
            for run in members
        ],
    }


def cancel(call: Invocation, group_id: int) -> tuple[str, int]:
    """Ask for the end of a group; its label, and of how many runs that was asked."""
    from workbench.services import groups

    return groups.get(call.changing(), group_id).label, groups.cancel(call.changing(), group_id)


def _row(group: Group, run: Run) -> tuple[Cell | str, ...]:
    from workbench.model.parameter import shown

    values = group.combination(run)
    return (
        str(run.id),
        state(str(run.state)),
        *(shown(values[name]) if name in values else "" for name in group.names),
        duration(run.seconds) if run.state in ENDED else "",
        "" if run.ended_well else verdict.what(run),
    )


def number(text: str) -> int:
    """The group that `g7` names; 0 for what is no group's name."""
    return names.number(text[1:]) if text[:1] == "g" and text[1:].isdecimal() else 0
