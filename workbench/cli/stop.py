"""`stop`: whatever an id names, asked to end."""

from __future__ import annotations

import click

from workbench.cli.grammar import command
from workbench.cli.invocation import Invocation
from workbench.cli.names import Target, target, target_names
from workbench.cli.terminal.output import answer, note


@command("stop", short_help="Stop runs, sessions and builds.")
@click.argument("ids", metavar="ID...", nargs=-1, required=True, shell_complete=target_names)
def stop(call: Invocation, ids: tuple[str, ...]) -> None:
    """Ask for the end of runs (41), groups (g7), sessions (s7 or their name) and builds (b3); all or, where one is unknown, none."""
    bench = call.changing()
    targets = [target(bench, text) for text in dict.fromkeys(ids)]
    asked = [one for one in dict.fromkeys(targets) if _stop(call, one)]
    late = [str(one) for one in targets if one not in asked]
    if late:
        note(call, f"{', '.join(late)}: ended, or asked before")
    words = ", ".join(str(one) for one in asked)
    if asked or call.json:
        answer(call, f"Stopping {words}.", {"stopping": [str(one) for one in asked]})


def _stop(call: Invocation, one: Target) -> bool:
    from workbench.services import environments, groups, runs, sessions

    bench = call.changing()
    if one.kind == "run":
        return runs.cancel(bench, one.id)
    if one.kind == "group":
        return groups.cancel(bench, one.id) > 0
    if one.kind == "session":
        return sessions.stop(bench, one.id)
    return bool(environments.cancel_build(bench, one.id))
