"""`disk` and `prune`: what the home takes, what would go, and letting it go."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from workbench.cli.filters import Span
from workbench.cli.grammar import command
from workbench.cli.invocation import Invocation
from workbench.cli.names import environment_names
from workbench.cli.terminal.output import answer, emit, note, record, table
from workbench.text import plural, size

if TYPE_CHECKING:
    from workbench.model.disk import Entry


@command("disk", short_help="What all this takes on the disk.")
def disk(call: Invocation) -> None:
    """Measure what this home takes, by environment and revision.

    ITS OWN are the bytes that would be free without it: layers that other images have too are not in it. What another home
    uses is not counted as ours to free.
    """
    from workbench.services import disk as service

    bench = call.changing()
    found = service.report(bench, service.measure(bench))
    if call.json:
        emit(found.to_json())
        return
    _table(call, found.entries, "STAYS BECAUSE")
    if call.quiet:
        return
    facts = [(name, size(taken)) for name, taken in found.folders.items() if taken]
    if found.cache:
        facts.append(("build cache", f"{size(found.cache)}, everybody's on that engine: docker builder prune"))
    if found.free is not None:
        facts.append(("free", size(found.free)))
    click.echo()
    record(facts)
    for problem in found.problems:
        note(call, problem)
    if found.going:
        note(call, f"{size(found.freed)} can go: workbench prune --dry-run")


@command("prune", short_help="Remove what nothing needs.")
@click.option("--dry-run", is_flag=True, help="Say what would go, and let nothing go.")
@click.option(
    "--keep", type=click.IntRange(min=0), default=1, show_default=True, help="Older revisions to keep of each."
)
@click.option("--older", type=Span(), default=0.0, metavar="TIME", help="Only revisions older than that, as 30d.")
@click.option(
    "--environment",
    "name",
    default="",
    metavar="NAME",
    help="Only revisions of this one.",
    shell_complete=environment_names,
)
@click.option("--shared", is_flag=True, help="Also images that another home of the engine uses or may use.")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
def prune(call: Invocation, dry_run: bool, keep: int, older: float, name: str, shared: bool, yes: bool) -> None:
    """Remove what nothing needs: older revisions, what broken builds have left, homes of projects that are gone, code
    that was kept for runs that have ended.

    What is active, what a container, a run or a session uses, and what another home has stays. The build cache is the
    engine's and is left alone, but for what it kept of removed images.
    """
    from workbench.cli.terminal.asking import sure
    from workbench.model.disk import Policy
    from workbench.services import disk as service

    bench = call.changing()
    plan = service.plan(bench, Policy(keep=keep, older=older, environment=name, shared=shared))
    found = service.report(bench, plan)
    for problem in found.problems:
        note(call, problem)
    if dry_run and call.json:
        emit({**found.to_json(), "entries": [entry for entry in found.to_json()["entries"] if not entry["stays"]]})
        return
    if not call.json:
        _table(call, found.going, "")
    if dry_run or not found.going:
        answer(call, f"{size(found.freed)} would go." if found.going else "Nothing to remove.", found.to_json())
        return
    sure(call, f"Remove {plural(len(found.going), 'thing')}, {size(found.freed)}?", yes=yes)
    done = service.report(bench, service.prune(bench, plan))
    for problem in done.problems:
        note(call, problem)
    answer(call, f"Removed {plural(len(done.entries), 'thing')}, {size(done.freed)}.", done.to_json())


def _table(call: Invocation, entries: tuple[Entry, ...], why: str) -> None:
    headers = ("KIND", "NAME", "ENGINE", "SIZE", "ITS OWN", *((why,) if why else ()))
    rows = [
        (
            entry.kind,
            entry.name,
            entry.engine or "-",
            size(entry.size),
            size(entry.own),
            *((entry.stays,) if why else ()),
        )
        for entry in entries
    ]
    table(
        call, headers, rows, empty="Nothing of an environment is on a disk." if why else "", give=(why,) if why else ()
    )
