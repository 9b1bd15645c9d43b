"""docs/keys.md, written from the registry: `python -m workbench.ui.keys docs/keys.md`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from workbench.ui.actions import LISTS, LOGS, PROGRAM, Action
from workbench.ui.modals.help import MOVING
from workbench.ui.registry import ACTIONS
from workbench.ui.widgets.lines import MODES

HEAD = """# Keys

Made from the program's registry of actions by `python -m workbench.ui.keys docs/keys.md`; a test checks that it is current.
`?` shows the keys of the screen that is up, `:` or `ctrl+p` the same acts by name. Acts marked *asks* ask first;
`--read-only` takes away those marked *changes*.
"""


def page() -> str:
    """The whole page."""
    parts = [HEAD, "## Moving\n", _table([(f"`{key}`", text, "") for key, text in MOVING])]
    areas = [*MODES, (LISTS, "Every list"), (LOGS, "Logs"), (PROGRAM, "The program")]
    for area, title in areas:
        rows = [action for action in ACTIONS if action.area == area]
        parts += [f"## {title}\n", _table([(_key(action), _what(action), _notes(action)) for action in rows])]
    return "\n".join(parts)


def _key(action: Action) -> str:
    return f"`{action.shown_key}`"


def _what(action: Action) -> str:
    return action.name.partition(": ")[2] or action.name


def _notes(action: Action) -> str:
    marks = ("asks", action.dangerous), ("changes", action.changes), ("several", action.many)
    return ", ".join(word for word, holds in marks if holds)


def _table(rows: Sequence[tuple[str, str, str]]) -> str:
    lines = ["| key | does | |", "|---|---|---|", *(f"| {key} | {text} | {notes} |" for key, text, notes in rows)]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Write it to the file named, else to the output."""
    if len(sys.argv) > 1:
        Path(sys.argv[1]).write_text(page(), encoding="utf-8")
    else:
        sys.stdout.write(page())


if __name__ == "__main__":
    main()
