"""`environments revisions` and `environments activate`: what was built, and going back to it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import click

from workbench.cli.environments.commands import NAME, environments
from workbench.cli.grammar import subcommand
from workbench.cli.invocation import Invocation
from workbench.cli.names import revision_names
from workbench.cli.shapes.things import REVISION
from workbench.cli.terminal.output import answer, emit, note, state, table
from workbench.errors import Refused
from workbench.text import age, size

if TYPE_CHECKING:
    from workbench.services.bench import Bench

PATIENCE = 15.0  # seconds in which the supervisor says whether a revision is still there
LOOK = 0.05  # seconds between two looks


@subcommand(environments, "revisions")
@NAME
def revisions(call: Invocation, name: str) -> None:
    """List what was built of an environment, newest first: which is active, and how many runs used each."""
    from workbench.services import revisions as service

    bench = call.reading()
    found = service.listing(bench, name)
    if call.json:
        emit([REVISION.of(view) for view in found])
        return
    now = bench.now()
    table(
        call,
        ("REVISION", "STATE", "BUILT", "BY", "ENGINE", "SIZE", "PACKAGES", "RUNS", "LAST"),
        [
            (
                view.id,
                state(view.state) if view.state else "",
                age(view.created, now),
                view.row.by,
                f"{view.revision.engine}{', not pinned' if view.revision.borrowed else ''}",
                size(view.revision.size) if view.revision.size else "-",
                str(len(view.revision.packages)),
                str(view.row.runs or "-"),
                str(view.row.last_run or "-"),
            )
            for view in found
        ],
        empty=f"Nothing was built yet. Build it: workbench environments build {name}",
    )


@subcommand(environments, "activate")
@NAME
@click.argument("revision", required=False, shell_complete=revision_names)
@click.option("--newest", is_flag=True, help="Follow the declaration again.")
def activate(call: Invocation, name: str, revision: str | None, newest: bool) -> None:
    """Have runs and sessions use an older revision, whatever the declaration says, until a build makes another active.

    What runs already goes on as it is. Variables, secrets and limits are always the declaration's.
    """
    from workbench.services import revisions as service

    bench = call.changing()
    if newest == bool(revision):
        raise click.UsageError("Name a revision, or say --newest.")
    if not revision:
        active = service.release(bench, name)
        built = f"revision {active} is active" if active else "it is built when it is needed next"
        answer(call, f"{name} follows its declaration: {built}.", {"revision": active or None, "held": False})
        return
    found = service.activate(bench, name, revision)
    waiting, refusal = _settled(bench, name)
    if refusal:
        raise Refused(refusal, title=name, hint=f"Build what is declared: workbench environments build {name}")
    if waiting:
        note(call, f"{found.engine} does not answer: {found.id} will be used once it is seen to be there.")
    view = service.find(bench, name, found.id)
    held = view.held or waiting
    text = f"{name} is held at revision {found.id}" if held else f"Revision {found.id} of {name} is active"
    answer(call, f"{text}.", {"revision": found.id, "held": held})


def _settled(bench: Bench, name: str) -> tuple[bool, str]:
    """Whether the supervisor has still to look for it, and why it is not active."""
    from workbench.services import revisions as service

    deadline = time.monotonic() + PATIENCE
    while True:
        waiting, refusal = service.wish(bench, name)
        if not waiting or time.monotonic() > deadline:
            return waiting, refusal
        time.sleep(LOOK)
