"""`runs`: what was run, what runs, and what each left."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from workbench.cli.facts import record as record_facts
from workbench.cli.facts import verdict
from workbench.cli.grammar import noun, subcommand
from workbench.cli.invocation import Invocation
from workbench.cli.names import group_id, run_id, run_names
from workbench.cli.runs import groups, terms
from workbench.cli.runs.given import Given, with_parameters
from workbench.cli.runs.run import wait_for
from workbench.cli.shapes.run import ATTEMPT, RUN
from workbench.cli.terminal.output import Cell, answer, block, emit, note, record
from workbench.errors import NotFound, Refused
from workbench.model.run import ACTIVE, ENDED, PENDING, UNSUCCESSFUL, Run
from workbench.text import age, duration, one_line, plural

if TYPE_CHECKING:
    from workbench.services.bench import Bench

STATE_GROUPS = {"pending": PENDING, "active": ACTIVE, "ended": ENDED, "unsuccessful": UNSUCCESSFUL}
runs = noun("runs", "Notebooks that ran, run or will run.")
ID = click.argument("run", metavar="ID", shell_complete=run_names)
IDS = click.argument("ids", metavar="ID...", nargs=-1, required=True, shell_complete=run_names)


@subcommand(runs, "show")
@ID
def show(call: Invocation, run: str) -> None:
    """Show a run; of one that did not succeed, cell, error and source first. A group (g7) with all its runs."""
    from workbench.services import groups as group_service
    from workbench.services import revisions
    from workbench.services import runs as service
    from workbench.services.history import scalars, tags

    bench = call.reading()
    if groups.number(run):
        groups.show(call, bench, group_service.get(bench, groups.number(run)))
        return
    found = service.get(bench, run_id(bench, run))
    tries = service.attempts(bench, found.id)
    left = service.artifacts(bench, found.id)
    files = {"notebook": left.notebook, "log": left.log, "record": left.record}
    numbers, words = scalars.of(bench, [found.id]).get(found.id, {}), tags.of(bench, [found.id]).get(found.id, [])
    if call.json:
        pinned = not revisions.borrowed(bench, found.environment, found.revision)
        more = {"pinned": pinned, "attempts": [ATTEMPT.of(one) for one in tries], "scalars": numbers, "tags": words}
        more["record"] = record_facts.of(bench, found)
        emit({**RUN.of(found), **more, "files": files})
        return
    click.echo(verdict.headline(found))
    verdict.trouble(found)
    tracked = "\n".join(f"{name} = {scalars.text(value)}" for name, value in numbers.items())
    record(
        [
            *_facts(bench, found, len(tries)),
            *record_facts.lines(bench, found),
            ("tracked", tracked),
            ("tags", ", ".join(words)),
            ("output", str(left.notebook) if left.notebook else None),
            ("log", str(left.log) if left.log else None),
            ("record", str(left.record) if left.record else None),
        ]
    )
    if len(tries) > 1:
        block("tries", "\n".join(f"{one.number}  {one.state}  {duration(one.seconds)}  {one.reason}" for one in tries))


@subcommand(runs, "output")
@ID
@click.option("--text", is_flag=True, help="Print what the cells put out, as text.")
def output(call: Invocation, run: str, text: bool) -> None:
    """Print where a run's output notebook is, or what is in it."""
    from workbench.services import runs as service

    bench = call.reading()
    left = service.artifacts(bench, run_id(bench, run))
    if left.notebook is None:
        raise NotFound("output of run", run, hint=f"How it is: workbench runs show {run}")
    if call.json:
        cells = _outputs(left.notebook) if text else None
        emit({"notebook": left.notebook, "folder": left.folder, **({"cells": cells} if text else {})})
    elif text:
        for cell in _outputs(left.notebook):
            block(f"cell {cell['cell']}", cell["text"])
    else:
        click.echo(str(left.notebook))


@subcommand(runs, "cancel")
@IDS
def cancel(call: Invocation, ids: tuple[str, ...]) -> None:
    """Ask for the end of runs, or of all runs of a group (g7); they end as cancelled a moment later."""
    from workbench.services import runs as service

    bench = call.changing()
    numbers = list(dict.fromkeys(number for text in ids for number in _named(bench, text)))
    asked = service.cancel_all(bench, numbers)
    late = [str(number) for number in numbers if number not in asked]
    if late:
        note(call, f"{', '.join(late)}: ended, or asked before")
    answer(call, f"Cancelling {_these(asked)}." if asked else "", {"cancelling": [str(number) for number in asked]})


@subcommand(runs, "again")
@ID
@with_parameters
@click.option("--unknown", is_flag=True, help="Also take new parameters the notebook does not declare.")
@click.option("--failed", is_flag=True, help="Of a group, only what did not succeed.")
@click.option("--exactly", is_flag=True, help="The notebook, code and revision of its environment as they were.")
@click.option("-d", "--detach", is_flag=True, help="Print the new run's id and do not wait.")
def again(call: Invocation, run: str, given: Given, unknown: bool, failed: bool, exactly: bool, detach: bool) -> int:
    """Run the notebook of a run once more, as it is now; parameters given replace single ones of it.

    Of a group, as g7, all its combinations, as a new group. With --exactly what ran is run: refused where some of it is
    not there any more. Data are not kept: inputs that differ are told.
    """
    from workbench.model.placeholder import escaped
    from workbench.services import runs as service
    from workbench.services.history import exact

    bench = call.changing()
    if exactly and not given.none:
        raise click.UsageError("Exactly the same has the same parameters.")
    if groups.is_group(run) or failed:
        if not given.none:
            raise click.UsageError("A group is run again with its own parameters.")
        return groups.again(call, group_id(bench, run), failed=failed, exactly=exactly, detach=detach)
    if exactly:
        return wait_for(call, exact.again(bench, run_id(bench, run)), detach=detach)
    old = service.get(bench, run_id(bench, run))
    parameters = None if given.none else {**escaped(old.parameters), **given.read()}
    return wait_for(call, service.again(bench, old.id, parameters, allow_unknown=unknown), detach=detach)


@subcommand(runs, "priority", short_help="Make runs that wait more or less urgent.")
@IDS
@click.argument("level", type=terms.Priority(), metavar="LEVEL")
def priority(call: Invocation, ids: tuple[str, ...], level: int) -> None:
    """Make runs that wait, or those of a group (g7), more or less urgent: low, normal, high, or a number."""
    from workbench.services import priorities

    bench = call.changing()
    numbers = [number for text in dict.fromkeys(ids) for number in _named(bench, text)]
    done = [number for number in numbers if priorities.set_priority(bench, number, level)]
    late = [str(number) for number in numbers if number not in done]
    if late:
        note(call, f"{', '.join(late)}: began, or ended, before")
    if not done:
        raise Refused("none of them waits any more")
    answer(call, terms.changed(done, level), {"changed": [str(number) for number in done], "priority": level})


@subcommand(runs, "remove")
@IDS
@click.option("--outputs", is_flag=True, help="Also remove what they left in the project's runs/ folder.")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
def remove(call: Invocation, ids: tuple[str, ...], outputs: bool, yes: bool) -> None:
    """Forget ended runs."""
    from workbench.cli.terminal.asking import sure
    from workbench.services import runs as service

    bench = call.changing()
    numbers = [run_id(bench, text) for text in dict.fromkeys(ids)]
    effect = "Their output folders go too." if outputs else "Their output folders stay."
    sure(call, f"Remove {_these(numbers)}? {effect}", yes=yes)
    for number in numbers:
        service.remove(bench, number, outputs=outputs)
    answer(call, f"Removed {_these(numbers)}.", {"removed": [str(number) for number in numbers]})


def _facts(bench: Bench, run: Run, tries: int) -> list[tuple[str, Cell | str | None]]:
    from json import dumps

    from workbench.services import revisions, runs
    from workbench.services.asking import beginning
    from workbench.services.history import continuing

    by = partial(beginning.with_file, runs.noted(bench, run.id))

    def when(moment: datetime | None) -> str | None:
        if moment is None:
            return None
        return f"{moment.astimezone(bench.zone):%Y-%m-%d %H:%M:%S %Z} ({age(moment, bench.now())} ago)"

    given = {name: one_line(dumps(value, ensure_ascii=False), 1000) for name, value in run.parameters.items()}
    values = "\n".join(f"{name} = {value}" for name, value in given.items())
    loose = ", not pinned" if revisions.borrowed(bench, run.environment, run.revision) else ""
    return [
        ("notebook", f"{run.project}/{run.notebook}"),
        ("parameters", values),
        ("environment", " ".join(part for part in (run.environment, run.engine, run.revision) if part) + loose),
        ("group", f"g{run.group}" if run.group else None),
        ("schedule", run.schedule),
        ("due", when(run.due)),
        (
            "asked",
            f"{when(run.created)} by {run.by}{f' as {run.account}' if run.account != run.by else ''}, {run.origin}",
        ),
        ("started", when(run.started)),
        ("ended", when(run.ended)),
        ("cells", f"{run.cells_done} of {run.cells}" if run.attempt else None),
        ("priority", by("priority", terms.urgent(run))),
        ("timeout", by("timeout", terms.limits(run))),
        ("kernel", continuing.words(bench, run)),
        ("went on", continuing.went_on(bench, run)),
        ("changed", run.changed),
        ("tries", by("retries", terms.tries(run, tries))),
    ]


def _named(bench: Bench, text: str) -> list[int]:
    """The run that an id names, or those of a group that have not ended."""
    from workbench.services import groups as service

    if not groups.number(text):
        return [run_id(bench, text)]
    members = service.members(bench, group_id(bench, text))
    return [run.id for run in members if run.state not in ENDED] or [run.id for run in members]


def _outputs(notebook: Path) -> list[dict[str, Any]]:
    import json

    from workbench.notebooks.outputs import cells_of, render

    content = json.loads(notebook.read_text(encoding="utf-8"))
    texts = ((number, render(cell)) for number, cell in cells_of(content))
    return [{"cell": number, "text": text} for number, text in texts if text]


def _these(numbers: list[int]) -> str:
    return f"run {numbers[0]}" if len(numbers) == 1 else plural(len(numbers), "run")
