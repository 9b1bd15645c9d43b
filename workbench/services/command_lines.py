"""Command lines in texts for people: they name the home, where without that they would mean another one."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

from workbench.paths import find_home

# The first words that the command line knows; a test compares.
COMMANDS = (
    "check", "completion", "demo", "disk", "doctor", "edit", "environments", "ides", "init", "logs", "notify", "open", "projects", "prune", "run", "runs",
    "schedules", "secrets", "service", "sessions", "status", "stop",
)  # fmt: skip
_LINE = re.compile(rf"(?<![\w./-])workbench (?=(?:{'|'.join(COMMANDS)})(?![\w-]))")


def found_by_itself(home: Path) -> bool:
    """Whether a command without `--home` would work on `home`."""
    try:
        return find_home().resolve() == home.expanduser().resolve()
    except (OSError, RuntimeError):
        return False  # as in a working folder that was removed


def beginning(home: Path) -> str:
    """`workbench`, or `workbench --home /srv/lab`."""
    return "workbench" if found_by_itself(home) else f"workbench --home {shlex.quote(str(home))}"


def naming_home(text: str, home: Path) -> str:
    """`text` with what is needed in every `workbench COMMAND` of it."""
    begin = beginning(home)
    return text if begin == "workbench" else _LINE.sub(lambda _: f"{begin} ", text)
