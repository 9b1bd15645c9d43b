"""How a run ended, told to a person: what went wrong comes first."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from workbench.cli.terminal.hints import pasted
from workbench.cli.terminal.output import block, state
from workbench.model.run import Run, RunState
from workbench.text import clean, duration, one_line

if TYPE_CHECKING:
    from workbench.services.bench import Bench


def headline(run: Run) -> str:
    """`✗ 41 failed in 3s: ValueError: no rows (cell 7)` in its colour."""
    cell = state(str(run.state))
    glyph, word = cell.text.split(" ", 1)
    took = f" in {duration(run.seconds)}" if run.seconds is not None else ""
    head = click.style(f"{glyph} {run.id} {word}", fg=cell.color) + took
    about = what(run)
    return f"{head}: {about}" if about else head


def what(run: Run) -> str:
    """Why it is as it is, on one line; of a failure without a reason its error and cell; empty for none."""
    failure = run.failure
    if run.reason or failure is None:
        return one_line(run.reason, 400)
    error = f"{failure.error}: {failure.message}" if failure.message else failure.error
    return one_line(f"{error} (cell {failure.cell})" if failure.cell is not None else error, 400)


def trouble(run: Run, *, traceback: bool = True) -> None:
    """Cell, error and source of a run that did not succeed, then its traceback; nothing for one that did."""
    if run.failure:
        block(f"cell {run.failure.cell}" if run.failure.cell is not None else "source", run.failure.source)
        if traceback:
            block("traceback" if run.state is RunState.FAILED else "last words", run.failure.traceback)
    if run.hint:
        click.echo(pasted(clean(run.hint)))


def told(bench: Bench, run: Run) -> None:
    """The end of a run that was waited for, on stdout: headline, trouble, where its output is."""
    from workbench.services import runs
    from workbench.services.history import continuing, exact

    click.echo(headline(run))
    if not run.ended_well:
        trouble(run)
    if names := exact.differing(bench, run):
        said = f"not as they were for run {run.exactly}: {', '.join(names)}"
        click.echo(f"inputs  {one_line(said, 400)}")
    if kept := continuing.words(bench, run):
        click.echo(pasted(f"Its kernel is {kept}. Correct the cell, then: workbench runs continue {run.id}"))
    output = runs.artifacts(bench, run.id).notebook
    if output:
        click.echo(f"output  {clean(str(output))}")
