"""`secrets`: values that environments name and no file holds."""

from __future__ import annotations

import sys

import click

from workbench.cli.grammar import noun, subcommand
from workbench.cli.invocation import Invocation
from workbench.cli.names import secret_names
from workbench.cli.shapes.things import SECRET
from workbench.cli.terminal.asking import interactive, sure
from workbench.cli.terminal.output import answer, emit, state, table
from workbench.errors import Refused
from workbench.text import age

secrets = noun("secrets", "Values that environments name and no file holds.")
NAME = click.argument("name", shell_complete=secret_names)
MOST = 1 << 20  # characters that are read: more is no secret


@subcommand(secrets, "list")
def list_secrets(call: Invocation) -> None:
    """List secrets: when each was set and which environments name it. A value is never shown."""
    from workbench.services import secrets as service

    bench = call.reading()
    found = service.listing(bench)
    if call.json:
        emit([SECRET.of(view) for view in found])
        return
    now = bench.now()
    table(
        call,
        ("NAME", "STATE", "SET", "KEPT IN", "USED BY"),
        [
            (
                view.name,
                state(view.state),
                f"{age(view.changed, now)} ago" if view.changed else "-",
                view.kept or "-",
                ", ".join(view.environments) or "-",
            )
            for view in found
        ],
        empty="No secrets. An environment names them: secrets: [PGPASSWORD]",
        give=("USED BY",),
    )


@subcommand(secrets, "set")
@NAME
@click.argument("rest", nargs=-1, metavar="")
def set_secret(call: Invocation, name: str, rest: tuple[str, ...]) -> None:
    """Set a secret. It is asked for without echo, or read from what is piped in; one end of line at its end is not part
    of it.
    """
    from workbench.services import secrets as service
    from workbench.vault import check_name

    bench = call.changing()
    if rest:
        raise click.UsageError(
            "The value is not given on the command line, where others can read it: pipe it in, or be asked for it."
        )
    check_name(name)
    if sys.stdin.isatty():
        if call.json or not interactive():
            raise Refused(
                "there is nobody to ask for the value", hint=f"Pipe it in: workbench secrets set {name} < FILE"
            )
        value = click.prompt(f"Value of {name}", hide_input=True, confirmation_prompt=True, err=True)
    else:
        try:
            value = sys.stdin.buffer.read(MOST).decode("utf-8")
        except UnicodeDecodeError as error:
            raise Refused("the value is not UTF-8 text", title=name, hint="Encode it, as base64 does.") from error
    service.put(bench, name, value)
    answer(call, f"{name} is set.", {"name": name, "state": "set"})


@subcommand(secrets, "remove")
@NAME
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
def remove(call: Invocation, name: str, yes: bool) -> None:
    """Remove a secret. What runs now keeps it; what is started later fails where its environment names it."""
    from workbench.services import secrets as service

    bench = call.changing()
    sure(call, f"Remove secret {service.get(bench, name).name}?", yes=yes)
    view = service.remove(bench, name)
    used = f" Without it nothing of {', '.join(view.environments)} starts." if view.environments else ""
    answer(call, f"Removed {name}.{used}", {"removed": name, "environments": list(view.environments)})
