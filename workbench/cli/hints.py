"""Command lines in what is printed: they name the home, where without that they would mean another one."""

from __future__ import annotations

import functools
import re
import shlex
from pathlib import Path

import click

from workbench.cli.invocation import Invocation
from workbench.paths import find_home


def pasted(text: str, call: Invocation | None = None) -> str:
    """`text` with `--home` in every `workbench COMMAND` of it, where this call was given one that is not found by itself.

    The call is the one that click is at, unless it is given.
    """
    context = click.get_current_context(silent=True)
    found = call or (context.find_object(Invocation) if context else None)
    if found is None or not found.home or _found_by_itself(found.home):
        return text
    line = f"workbench --home {shlex.quote(str(find_home(found.home)))} "
    return _commands().sub(lambda _: line, text)


def _found_by_itself(home: str) -> bool:
    try:
        return find_home().resolve() == Path(home).expanduser().resolve()
    except (OSError, RuntimeError):
        return False  # as in a working folder that was removed


@functools.cache
def _commands() -> re.Pattern[str]:
    from workbench.cli.program import ENTRIES

    return re.compile(rf"(?<![\w./-])workbench (?=(?:{'|'.join(ENTRIES)})(?![\w-]))")
