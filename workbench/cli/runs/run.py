"""`run`: a notebook with parameters, spelled as papermill's command spells them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from workbench.cli.facts import parameters as parameter_facts
from workbench.cli.grammar import command, options
from workbench.cli.invocation import Invocation
from workbench.cli.names import environment_names
from workbench.cli.runs import groups
from workbench.cli.runs.code import located, with_code, with_inputs
from workbench.cli.runs.terms import with_terms
from workbench.cli.shapes.run import RUN
from workbench.cli.terminal import failure
from workbench.cli.terminal.output import emit, note
from workbench.cli.terminal.progress import ProgressLine
from workbench.errors import Refused
from workbench.model.code import Code
from workbench.model.terms import Terms
from workbench.text import size

if TYPE_CHECKING:
    from workbench.notebooks.parameters import Parameters

LARGEST = 4_000_000  # characters of a file of parameters; what is in it may be smaller still


@dataclass(frozen=True)
class Given:
    """Parameters as written on a command line, each kind in the order it was given."""

    values: Sequence[tuple[str, str]] = ()
    raw: Sequence[tuple[str, str]] = ()
    files: Sequence[str] = ()
    yaml: Sequence[str] = ()
    base64: Sequence[str] = ()

    @property
    def none(self) -> bool:
        """Whether nothing was given."""
        return not (self.values or self.raw or self.files or self.yaml or self.base64)

    def read(self, takes: Parameters | None = None) -> dict[str, Any]:
        """Their values, typed as papermill types them; later kinds win in its order: -b, -f, -y, -p, -r.

        `${…}` in them are references, but for -r, which is text as it stands. `takes`: what is declared as text stays it.
        """
        if self.none:
            return {}
        from workbench.declare.parameters import read_parameters
        from workbench.model.placeholder import escaped
        from workbench.notebooks.parameters import decode_base64, gather

        return gather(
            base64_mappings=[read_parameters(decode_base64(text), title="-b") for text in self.base64],
            file_mappings=[read_parameters(text_of(name), title=name) for name in self.files],
            yaml_mappings=[read_parameters(text, title="-y") for text in self.yaml],
            values=self.values,
            raw=escaped(self.raw),
            takes=takes,
        )


def with_parameters(function: Any) -> Any:
    """Add papermill's options `-p -r -f -y -b`; they arrive as one `Given` named `given`."""
    from functools import wraps

    @wraps(function)
    def wrapper(*args: Any, p: Any, r: Any, f: Any, y: Any, b: Any, **more: Any) -> Any:
        return function(*args, given=Given(p, r, f, y, b), **more)

    pair: dict[str, Any] = {"nargs": 2, "multiple": True, "metavar": "NAME VALUE"}
    return options(
        click.option("-p", "--parameters", "p", **pair, help="A parameter, typed as it is declared; else numbers, True, False and None, as papermill does."),
        click.option("-r", "--parameters_raw", "--parameters-raw", "r", **pair, help="A parameter, as text."),
        click.option(
            "-f", "--parameters_file", "--parameters-file", "f", multiple=True, metavar="FILE",
            type=click.Path(exists=True, dir_okay=False, readable=True), help="A YAML or JSON file of parameters.",
        ),
        click.option("-y", "--parameters_yaml", "--parameters-yaml", "y", multiple=True, metavar="YAML", help="Parameters as YAML."),
        click.option(
            "-b", "--parameters_base64", "--parameters-base64", "b", multiple=True, metavar="TEXT",
            help="Parameters as YAML in base64.",
        ),
    )(wrapper)  # fmt: skip


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


def text_of(name: str) -> str:
    """The text of a file of values. Raises `Refused`."""
    try:
        with Path(name).open(encoding="utf-8") as file:
            text = file.read(LARGEST + 1)  # a device would have no end
    except (OSError, UnicodeDecodeError) as error:
        raise Refused(f"cannot be read: {error}", title=os.fsdecode(name)) from error
    if len(text) > LARGEST:
        raise Refused(
            f"larger than {size(LARGEST)}", title=os.fsdecode(name), hint="Put data into a file and pass its name."
        )
    return text
