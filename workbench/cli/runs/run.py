"""`run`: a notebook with parameters, spelled as papermill's command spells them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from workbench.cli.facts import parameters as parameter_facts
from workbench.cli.grammar import command
from workbench.cli.invocation import Invocation
from workbench.cli.names import environment_names
from workbench.cli.runs import groups
from workbench.cli.runs.code import located, with_code, with_inputs
from workbench.cli.runs.given import Given, with_parameters
from workbench.cli.runs.terms import with_terms
from workbench.cli.shapes.run import RUN
from workbench.cli.terminal import failure
from workbench.cli.terminal.output import emit, note
from workbench.cli.terminal.progress import ProgressLine
from workbench.model.code import Code
from workbench.model.terms import Terms


@command("run", short_help="Run a notebook, with parameters.")
@click.argument("notebook", type=click.Path(dir_okay=False))
@with_parameters
@groups.with_sweep
@click.option("-e", "--environment", metavar="NAME", shell_complete=environment_names, help="Another environment.")
@with_code
@with_inputs
@with_terms
@click.option("--name", metavar="NAME", help="What to call it; the notebook's name unless given.")
@click.option("--help-notebook", is_flag=True, help="Show what NOTEBOOK takes, and do not run it.")
@click.option("--unknown", is_flag=True, help="Also take parameters the notebook does not declare.")
@click.option("--yes", is_flag=True, help="Do not ask, however many runs a sweep becomes.")
@click.option("-d", "--detach", is_flag=True, help="Print the run's id and do not wait.")
def run(
    call: Invocation,
    notebook: str,
    given: Given,
    sweep: Any,
    environment: str | None,
    code: Code,
    inputs: tuple[str, ...],
    priority: int | None,
    timeout: float | None,
    retries: int | None,
    terms: Terms,
    name: str | None,
    unknown: bool,
    help_notebook: bool,
    yes: bool,
    detach: bool,
) -> int:
    """Run NOTEBOOK, or a script, with papermill, in its project's environment.

    The project is found from the path. Waits and shows how far it is; ctrl+c leaves the run alone. Exits 3 when the run
    ends in anything but success. With --sweep or --grid it is one run for each combination, as a group (g7).
    """
    from workbench.model.run import Request
    from workbench.services import runs
    from workbench.services.asking import requests

    bench = call.reading() if help_notebook else call.changing()
    project, relative = located(bench, Path(notebook), code)
    takes = requests.parameters_of(bench, project.name, relative, code=code) if given.values or help_notebook else None
    if takes and help_notebook:
        parameter_facts.tell(call, takes)
        return 0
    request = Request(
        project=project.name,
        notebook=relative,
        parameters=given.read(takes),
        environment=environment,
        code=code,
        inputs=inputs,
        name=name,
        timeout=timeout,
        retries=retries,
        priority=priority,
        terms=terms,
        allow_unknown_parameters=unknown,
        sweep=sweep,
        at=bench.now().astimezone(bench.zone),
    )
    if sweep:
        groups.ask(call, request, yes=yes)
    return wait_for(call, runs.submit(bench, request), detach=detach)


def wait_for(call: Invocation, run_id: int, *, detach: bool) -> int:
    """Wait for a run that was just asked for, or only print its id; the command's exit code. The group, where it is the
    first of one."""
    from workbench.cli.facts import verdict
    from workbench.cli.terminal import following
    from workbench.services import runs

    bench = call.changing()
    group = runs.get(bench, run_id).group
    if group:
        return groups.wait_for(call, group, detach=detach)
    if detach:
        if call.json:
            emit({"id": str(run_id)})
        else:
            click.echo(run_id)
        return 0
    line = ProgressLine(wanted=not call.quiet and not call.json)
    try:
        ended = following.run_to_end(bench, run_id, line=line, stream=not call.quiet and not call.json)
    except KeyboardInterrupt:
        line.end()
        note(call, f"run {run_id} goes on. Follow: workbench logs {run_id} -f   Cancel: workbench runs cancel {run_id}")
        return failure.INTERRUPTED
    if call.json:
        emit(RUN.of(ended))
    elif call.quiet and ended.ended_well:
        click.echo(run_id)
    else:
        verdict.told(bench, ended)
    return 0 if ended.ended_well else failure.UNSUCCESSFUL
