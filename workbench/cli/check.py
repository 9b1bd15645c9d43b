"""`check`: every declaration read, every problem with its place."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from workbench.cli.grammar import command
from workbench.cli.invocation import Invocation
from workbench.cli.terminal.failure import FAILED
from workbench.cli.terminal.output import emit, say
from workbench.text import clean, plural

if TYPE_CHECKING:
    from workbench.declare.problem import Problem


@command("check", short_help="Check every declaration.")
def check(call: Invocation) -> int:
    """Read workbench.yaml and every environment, project and schedule; print each problem as file:line:column.

    Exits 1 when there is one; notices alone do not count.
    """
    from workbench.services.problems import remarks_of

    return report(call, remarks_of(call.reading()))


def report(call: Invocation, found: list[Problem]) -> int:
    """Print problems and notices; the exit code."""
    wrong = [problem for problem in found if not problem.notice]
    if call.json:
        emit(
            [
                {
                    "file": problem.path,
                    "line": problem.line or None,
                    "column": problem.column or None,
                    "message": clean(problem.message),
                    "hint": clean(problem.hint),
                    "notice": problem.notice,
                }
                for problem in found
            ]
        )
        return FAILED if wrong else 0
    for problem in found:
        head, *picture = problem.described.splitlines()
        mark = click.style("!", fg="yellow") if problem.notice else click.style("✗", fg="red")
        click.echo(f"{mark} {clean(head)}")
        for line in picture:
            click.echo(f"  {clean(line)}")
    if not found:
        say(call, "All declarations are well.")
    elif not wrong:
        say(call, f"No problems, {plural(len(found), 'notice')}.")
    else:
        say(call, f"{plural(len(wrong), 'problem')}.")
    return FAILED if wrong else 0
