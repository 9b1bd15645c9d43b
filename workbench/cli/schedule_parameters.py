"""`schedules set`: the parameters of a schedule, changed in its file."""

from __future__ import annotations

from typing import Any

import click

from workbench.cli import groups
from workbench.cli.grammar import subcommand
from workbench.cli.invocation import Invocation
from workbench.cli.run import Given, with_parameters
from workbench.cli.schedules import KEY, schedules
from workbench.cli.shapes.schedule import SCHEDULE
from workbench.cli.terminal.output import answer


@subcommand(schedules, "set")
@KEY
@with_parameters
@click.option("--unset", metavar="NAME", multiple=True, help="Leave a parameter to the notebook again.")
@groups.with_sweep
@click.option("--no-sweep", is_flag=True, help="Run it once each time again.")
def set_parameters(
    call: Invocation, key: str, given: Given, unset: tuple[str, ...], sweep: Any, no_sweep: bool
) -> None:
    """Change parameters of a schedule, from its next due time on; all else in its file stays as it is."""
    from workbench.services import schedules as service
    from workbench.services.asking import requests
    from workbench.services.scheduling import changing as schedule_changing
    from workbench.services.scheduling import parameter_lines

    if given.none and not (unset or sweep or no_sweep):
        raise click.UsageError("Give parameters, --unset, --sweep or --no-sweep.")
    bench = call.changing()
    spec = service.get(bench, key).spec
    takes = requests.parameters_of(bench, spec.project, spec.notebook) if spec and given.values else None
    changed = {"sweep": sweep or None} if sweep or no_sweep else {}
    written = schedule_changing.change_parameters(bench, key, given.read(takes), unset=unset, **changed)
    view = service.get(bench, written.key)
    lines = parameter_lines.of(bench, written, view.next_due)
    told = "\n".join((f"Changed {written.key}; it holds from its next time on.", *(f"  {line}" for line in lines)))
    answer(call, told, SCHEDULE.of(view))
