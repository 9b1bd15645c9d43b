"""`doctor`: the examination, printed."""

from __future__ import annotations

import click

from workbench.cli.grammar import command
from workbench.cli.invocation import Invocation
from workbench.cli.terminal.failure import FAILED
from workbench.cli.terminal.hints import pasted
from workbench.cli.terminal.output import emit, state
from workbench.doctor.finding import Level
from workbench.text import clean, plural


@command("doctor", short_help="Check this machine and this home.")
def doctor(call: Invocation) -> int:
    """Check the installation, the home, the service, the engines and the machine; works with all of them down.

    With --quiet only what is not ok. Exits 1 when there is a problem; notices do not count.
    """
    from workbench.doctor.examination import examine
    from workbench.paths import find_home

    found = examine(find_home(call.home))
    problems = sum(1 for _, finding in found if finding.level is Level.PROBLEM)
    if call.json:
        emit(
            [
                {
                    "area": area,
                    "about": finding.about,
                    "level": str(finding.level),
                    "text": clean(finding.text),
                    "remedy": pasted(clean(finding.remedy)),
                }
                for area, finding in found
            ]
        )
        return FAILED if problems else 0
    last = ""
    for area, finding in found:
        if call.quiet and finding.level is Level.OK:
            continue
        if area != last:
            click.echo(click.style(area, bold=True))
            last = area
        mark = state(str(finding.level))
        click.echo(f"  {click.style(mark.text[0], fg=mark.color)} {finding.about:<15} {clean(finding.text)}")
        for line in pasted(clean(finding.remedy)).splitlines():
            click.echo(f"    {'':<15} → {line}")
    if problems:
        click.echo(click.style(plural(problems, "problem"), fg="red"))
    return FAILED if problems else 0
