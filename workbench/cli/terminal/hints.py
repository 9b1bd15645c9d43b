"""Command lines in what is printed: they name the home that this call was given."""

from __future__ import annotations

import click

from workbench.cli.invocation import Invocation
from workbench.paths import find_home
from workbench.services.command_lines import naming_home


def pasted(text: str, call: Invocation | None = None) -> str:
    """`text` with `--home` in every `workbench COMMAND` of it, where this call was given one that is not found by itself.

    The call is the one that click is at, unless it is given.
    """
    context = click.get_current_context(silent=True)
    found = call or (context.find_object(Invocation) if context else None)
    return naming_home(text, find_home(found.home)) if found and found.home else text
