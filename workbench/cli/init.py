"""`init`: a home, and the time zone its schedules go by, asked once."""

from __future__ import annotations

import shlex

import click

from workbench.cli.grammar import command
from workbench.cli.invocation import Invocation
from workbench.cli.terminal.asking import interactive
from workbench.cli.terminal.output import emit, say
from workbench.errors import Refused
from workbench.paths import find_home
from workbench.services.scheduling.zones import checked_zone, machine_zone


@command("init", short_help="Make a home and choose its time zone.")
@click.argument("folder", required=False, type=click.Path(file_okay=False))
@click.option("--timezone", metavar="ZONE", help="As Europe/Berlin; the machine's where nobody can be asked.")
def init(call: Invocation, folder: str | None, timezone: str | None) -> None:
    """Make a home of workbench in FOLDER (else --home, WORKBENCH_HOME, or ~/workbench) and choose its time zone.

    Done twice it changes nothing, unless --timezone names another zone.
    """
    from workbench.services import preferences

    if folder and call.home and folder != call.home:
        raise Refused("two folders are named", hint="Give FOLDER or --home, not both.")
    zone = checked_zone(timezone) if timezone else None
    call.home = folder or call.home
    bench = call.changing()
    before = bench.settings.timezone
    if zone is None and before is None:
        zone = _asked(call)
    if zone is not None and zone != before:
        preferences.set_timezone(bench, zone)
    chosen = bench.settings.timezone
    if call.json:
        emit({"home": bench.home.root, "state": bench.home.state, "timezone": chosen})
        return
    say(call, f"Home {bench.home.root}, time zone {chosen}.")
    if bench.home.state.parent != bench.home.root:
        say(call, f"It is on a network file system, so its state is in {bench.home.state}.")
    if find_home() != bench.home.root:
        say(call, f"To work on it from elsewhere: export WORKBENCH_HOME={shlex.quote(str(bench.home.root))}")
    say(call, "Next: workbench projects new NAME   or   workbench projects add FOLDER")


def _asked(call: Invocation) -> str:
    suggestion = machine_zone()
    if call.json or call.quiet or not interactive():
        return suggestion
    while True:
        typed = click.prompt("Time zone for schedules", default=suggestion, err=True)
        try:
            return checked_zone(str(typed))
        except Refused as error:
            click.echo(f"{error.message}. {error.hint}", err=True)
