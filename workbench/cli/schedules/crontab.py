"""`schedules import`: lines of a crontab that run notebooks, moved over."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from workbench.cli.grammar import subcommand
from workbench.cli.invocation import Invocation
from workbench.cli.runs.given import text_of
from workbench.cli.schedules.commands import schedules
from workbench.cli.terminal.failure import FAILED
from workbench.cli.terminal.output import emit, note, say
from workbench.errors import WorkbenchError
from workbench.text import clean, one_line, plural

if TYPE_CHECKING:
    from workbench.services.scheduling.crontab import Left, Proposal


@subcommand(schedules, "import")
@click.argument("crontab", metavar="CRONTAB|-")
@click.option("--with-user", is_flag=True, help="Its sixth field is the account, as in /etc/crontab.")
@click.option("--write", is_flag=True, help="Write the schedules; without it they are only shown.")
def import_crontab(call: Invocation, crontab: str, with_user: bool, write: bool) -> int:
    """Show which schedules the lines of a crontab become, and why others do not; with --write, write them.

    Lines that run papermill, or jupyter nbconvert --execute, on a notebook in a project of this home are understood: cd,
    variables, quotes, %, `$(date +\\%F)`, timeout and flock too. `crontab -l | workbench schedules import -` reads your own.
    What is in the crontab stays there: take the lines out when their schedules run.
    """
    from workbench.services.scheduling import crontab as crontabs

    bench = call.changing() if write else call.reading()
    text = sys.stdin.read() if crontab == "-" else text_of(crontab)
    found = list(crontabs.proposals(bench, text, with_user=with_user))
    wrong: dict[int, str] = {}
    written: list[str] = []
    for place, one in enumerate(found):
        if write and isinstance(one, crontabs.Proposal) and not one.there:
            try:
                written.append(crontabs.write(bench, one))
            except WorkbenchError as error:
                wrong[place] = f"{error.message}. {error.hint}" if error.hint else error.message
    if call.json:
        emit([_json(one, written, wrong.get(place, "")) for place, one in enumerate(found)])
        return FAILED if wrong else 0
    _tell(call, found, written, wrong)
    new = sum(isinstance(one, crontabs.Proposal) and not one.there for one in found)
    if write:
        say(call, f"Wrote {plural(len(written), 'schedule')}. Take their lines out of the crontab: else both run.")
    elif new:
        where = "-" if crontab == "-" else crontab
        user = " --with-user" if with_user else ""
        note(
            call,
            f"Nothing was written. To write {plural(new, 'schedule')}: workbench schedules import {where}{user} --write",
        )
    elif not found:
        say(call, "No line of it runs anything.")
    return FAILED if wrong else 0


def _tell(call: Invocation, found: list[Proposal | Left], written: list[str], wrong: dict[int, str]) -> None:
    if call.quiet:
        for key in written:
            click.echo(key)
        return
    for place, one in enumerate(found):
        _show(one, written, wrong.get(place, ""))


def _show(one: Proposal | Left, written: list[str], wrong: str) -> None:
    from workbench.declare import writer
    from workbench.model import cron
    from workbench.services.scheduling.crontab import Left

    click.echo(click.style(f"{one.line.number}: {clean(one_line(one.line.text, 160))}", dim=True))
    if isinstance(one, Left):
        click.echo(f"  not moved: {clean(one.why)}")
        if one.hint:
            click.echo(f"    {clean(one.hint)}")
        return
    if one.there:
        click.echo(f"  is there already: {one.key}")
        return
    told = {"refused": "not written", "written": "written", "proposed": "would be"}[_state(one, written, wrong)]
    click.echo(f"  {click.style(one.key, bold=True)}  {told}: {cron.words(one.line.cron)}, {one.zone} time")
    if wrong:
        click.echo(f"  {clean(wrong)}")
    for text in writer.dump(one.data).splitlines():
        click.echo(f"    {clean(text)}")
    for text in one.notes:
        click.echo(f"  note: {clean(text)}")


def _state(one: Proposal, written: list[str], wrong: str) -> str:
    if one.there:
        return "there"
    if wrong:
        return "refused"
    return "written" if one.key in written else "proposed"


def _json(one: Proposal | Left, written: list[str], wrong: str) -> dict[str, Any]:
    from workbench.services.scheduling.crontab import Left

    begin = {"line": one.line.number, "text": one.line.text}
    if isinstance(one, Left):
        return {**begin, "schedule": None, "why": one.why, "hint": one.hint}
    return {
        **begin,
        "schedule": one.key,
        "state": _state(one, written, wrong),
        "why": wrong,
        "declares": one.data,
        "notes": list(one.notes),
    }
