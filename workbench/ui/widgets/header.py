"""The one line on top: which home, which engine and its problem, the queue, and how many things need somebody."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from rich.cells import cell_len
from textual.content import Content
from textual.widgets import Static

from workbench.model.environment import EngineName
from workbench.services.overview import Overview
from workbench.text import one_line
from workbench.ui.messages import Overviewed
from workbench.ui.needs import entries
from workbench.ui.tone import STYLES, Cell, Tone

SPACE = 3


def shortened(path: Path) -> str:
    """`~/workbench` for a path below the person's own home."""
    own = Path.home()
    return f"~/{path.relative_to(own)}" if path.is_relative_to(own) and path != own else str(path)


def engine_cells(overview: Overview, *, short: bool = False) -> list[Cell]:
    """Who answers: `Docker Engine 27.3.1+dfsg1`, or `docker 27.3.1`; else the problem and what still works."""
    docker = overview.engines.get(EngineName.DOCKER)
    if not overview.engines:
        return [Cell("engines not looked at yet", Tone.MUTED)]
    if docker is None or (docker.problem and not docker.endpoint):
        return [Cell("● local processes", Tone.GOOD)]
    if docker.problem:
        return [Cell("✗ docker does not answer", Tone.WARN), Cell("● local processes", Tone.GOOD)]
    version = one_line(docker.version)
    named = version if version[:1].isalpha() else f"docker {version}"
    number = re.search(r"[0-9]+(\.[0-9]+)*", version)
    if short:
        named = f"{named.split()[0].lower()} {number.group() if number else ''}"
    return [Cell(f"● {named}".rstrip(), Tone.GOOD)]


def queue_cell(overview: Overview) -> Cell:
    """`2 running · 5 waiting`."""
    if not overview.running and not overview.waiting:
        return Cell("nothing runs", Tone.MUTED)
    parts = [f"{overview.running} running", f"{overview.waiting} waiting"]
    return Cell(" · ".join(parts), Tone.BUSY)


def needs_cell(seen: Overviewed | None, hung: str = "") -> Cell | None:
    """How many things need somebody; None for nothing."""
    count = len(entries(seen, hung))
    return Cell(f"! {count} need{'s' if count == 1 else ''} you", Tone.WARN) if count else None


def arranged(left: Sequence[Cell], right: Cell | None, room: int) -> Content:
    """Cells with spaces between, `right` at the end; the last of `left` are left out where room is short."""
    tail = cell_len(right.text) if right else 0
    shown: list[Cell] = []
    used = 0
    for cell in left:
        width = cell_len(cell.text) + (SPACE if shown else 0)
        if used + width + (tail + SPACE if tail else 0) > room:
            break
        shown.append(cell)
        used += width
    parts: list[tuple[str, str]] = []
    for index, cell in enumerate(shown):
        parts += [(" " * SPACE if index else "", ""), (cell.text, STYLES[cell.tone])]
    if right:
        parts += [(" " * max(1, room - used - tail), ""), (right.text, STYLES[right.tone])]
    return Content.assemble(*parts)


class HeaderLine(Static):
    """Drawn anew when the overview or the width changes."""

    def __init__(self, home: Path, read_only: bool) -> None:
        super().__init__(markup=False, id="header")
        self._home = one_line(shortened(home))
        self._read_only = read_only
        self._seen: Overviewed | None = None
        self._hung = ""

    def show(self, seen: Overviewed | None, hung: str = "") -> None:
        """Take the newest facts."""
        self._seen = seen
        self._hung = hung
        self._draw()

    def on_resize(self) -> None:
        """Fit the new width."""
        self._draw()

    def _draw(self) -> None:
        left = [Cell("workbench", Tone.STRONG)]
        if self._read_only:
            left.append(Cell("READ-ONLY", Tone.WARN))
        right = needs_cell(self._seen, self._hung)
        if self._seen is None:
            left.append(Cell(self._home, Tone.MUTED))
        else:
            found = self._seen.overview
            room = self.content_size.width - (cell_len(right.text) + SPACE if right else 0)
            for short in (False, True):
                shown = [*left, queue_cell(found), *engine_cells(found, short=short), Cell(self._home, Tone.MUTED)]
                if sum(cell_len(cell.text) for cell in shown) + SPACE * (len(shown) - 1) <= room:
                    break
            left = shown
        self.update(arranged(left, right, self.content_size.width))
