"""`runs report`: the page to show to others."""

from __future__ import annotations

from pathlib import Path

import click

from workbench.cli.grammar import subcommand
from workbench.cli.invocation import Invocation
from workbench.cli.names import run_id
from workbench.cli.runs.commands import ID, runs
from workbench.cli.terminal.output import answer, note


@subcommand(runs, "report")
@ID
@click.option("--no-code", is_flag=True, help="Show what cells put out and the text between them, no code.")
@click.option(
    "-o", "--output", metavar="PATH", default="", help="Write it there, `-` prints it; beside the output unless given."
)
@click.option("--open", "show", is_flag=True, help="Open it in the browser.")
def report(call: Invocation, run: str, no_code: bool, output: str, show: bool) -> None:
    """Write the HTML report of a run, and print where it is.

    Nothing runs when the page is opened and it loads nothing; interactive plots are shown as the picture beside them. Cells
    tagged remove-cell, remove-input or remove-output are left out of it.
    """
    from workbench.cli.open import browse, has_browser
    from workbench.services.history import reports

    bench = call.changing()
    number = run_id(bench, run)
    if output == "-":
        click.echo(reports.page(bench, number, code=not no_code), nl=False)
        return
    path = reports.write(bench, number, code=not no_code, path=Path(output).absolute() if output else None)
    answer(call, str(path), {"report": str(path)})
    if show and not (has_browser() and browse(path.as_uri())):
        note(call, "There is no browser here: open the file on your own machine.")
