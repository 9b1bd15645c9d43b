"""`schedules set`: parameters and other keys of a schedule, changed in its file."""

from __future__ import annotations

from typing import Any

import click

from workbench.cli.grammar import subcommand
from workbench.cli.invocation import Invocation
from workbench.cli.runs import groups
from workbench.cli.runs.given import Given, with_parameters
from workbench.cli.schedules.commands import KEY, TIMES, schedules
from workbench.cli.schedules.keys import with_keys
from workbench.cli.shapes.schedule import SCHEDULE
from workbench.cli.terminal.output import answer


@subcommand(schedules, "set")
@KEY
@click.option("--notebook", "-n", metavar="FILE", help="Another notebook, relative to the project.")
@TIMES
@with_parameters
@click.option("--unset", metavar="NAME", multiple=True, help="Leave a parameter to the notebook again.")
@groups.with_sweep
@click.option("--no-sweep", is_flag=True, help="Run it once each time again.")
@with_keys
@click.option("--clear", metavar="KEY", multiple=True, help="Take a key out of its file, as end or timeout.cell.")
def set_keys(
    call: Invocation,
    key: str,
    notebook: str | None,
    cron: str | None,
    once: str | None,
    every: float | None,
    timezone: str | None,
    given: Given,
    unset: tuple[str, ...],
    sweep: Any,
    no_sweep: bool,
    keys: dict[tuple[str, ...], Any],
    clear: tuple[str, ...],
) -> None:
    """Change a schedule: its parameters, its times, or any other key, from its next due time on.

    All else in its file stays as it is, comments too.
    """
    from workbench.declare.single_keys import path_of
    from workbench.services import schedules as service
    from workbench.services.asking import requests
    from workbench.services.scheduling import changing as schedule_changing
    from workbench.services.scheduling import parameter_lines
    from workbench.services.scheduling.preview import span_text

    said = {"notebook": notebook, "cron": cron, "once": once, "every": every and span_text(every), "timezone": timezone}
    wanted: dict[tuple[str, ...], Any] = {(name,): value for name, value in said.items() if value is not None}
    wanted |= keys | {path_of(word): None for word in clear}
    if sum(one is not None for one in (cron, once, every)) > 1:
        raise click.UsageError("Give only one of --cron, --once and --every.")
    if given.none and not (unset or sweep or no_sweep or wanted):
        raise click.UsageError("Say what to change: a parameter, a time, or another key.")
    bench = call.changing()
    spec = service.get(bench, key).spec
    takes = requests.parameters_of(bench, spec.project, notebook or spec.notebook) if spec and given.values else None
    swept = {"sweep": sweep or None} if sweep or no_sweep else {}
    written = schedule_changing.change(bench, key, wanted, parameters=given.read(takes), unset=unset, **swept)
    view = service.get(bench, written.key)
    lines = parameter_lines.of(bench, written, view.next_due)
    told = "\n".join((f"Changed {written.key}; it holds from its next time on.", *(f"  {line}" for line in lines)))
    answer(call, told, SCHEDULE.of(view))
