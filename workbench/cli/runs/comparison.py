"""`runs compare`: two runs side by side."""

from __future__ import annotations

from dataclasses import asdict

import click

from workbench.cli.grammar import subcommand
from workbench.cli.invocation import Invocation
from workbench.cli.names import run_id, run_names
from workbench.cli.runs.commands import ID, runs
from workbench.cli.terminal.output import emit, note, table


@subcommand(runs, "compare")
@ID
@click.argument("other", metavar="[ID]", default="", shell_complete=run_names)
@click.option("--tolerance", type=click.FloatRange(0, 1), help="Of numbers, relative; a millionth unless given.")
def compare(call: Invocation, run: str, other: str, tolerance: float | None) -> int:
    """Compare two runs: parameters, environment, code, inputs, outputs, times. With one, with the success before it.

    Numbers in outputs may differ by the tolerance; addresses, days, clock times and what went to stderr count for nothing.
    Exit code 1 where their outputs differ.
    """
    from workbench.services.history import comparison

    bench = call.reading()
    first = run_id(bench, run)
    pair = (first, run_id(bench, other)) if other else (comparison.before(bench, first), first)
    found = comparison.compare(bench, *pair, tolerance)
    differ = any(one.what != "code" for one in found.cells)
    if call.json:
        emit(
            {
                "runs": [str(number) for number in pair],
                "facts": [dict(zip(("name", "first", "second"), fact, strict=True)) for fact in found.facts],
                "cells": [asdict(one) for one in found.cells],
                "outputs_differ": differ,
            }
        )
        return int(differ)
    table(
        call,
        ("WHAT", f"RUN {pair[0]}", f"RUN {pair[1]}"),
        found.rows,
        empty="They do not differ.",
        give=(f"RUN {pair[0]}", f"RUN {pair[1]}"),
    )
    if found.rows and not differ:
        note(call, "What their cells put out is the same.")
    return int(differ)
