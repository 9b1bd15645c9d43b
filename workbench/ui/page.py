"""Pages of the detail pane: aligned facts, headings, tables and texts as one `Content`, never as markup."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.cells import cell_len
from textual.content import Content

from workbench.text import clean, one_line
from workbench.ui.tone import STYLES, Cell, Mark, Tone

Part = str | tuple[str, str]


class Page:
    """A page in the making. Everything given to it may be from elsewhere: it is cleaned here."""

    def __init__(self, width: int = 0) -> None:
        self._parts: list[Part] = []
        self._width = width  # columns there are, where that is known: values of facts are then cut into lines

    def facts(self, *pairs: tuple[str, str | Cell | Mark | None], width: int = 13) -> Page:
        """Label and value a line, values aligned; None and empty values are left out."""
        for label, value in pairs:
            if value is None or value == "":
                continue
            cell = Cell(str(value), value.tone) if isinstance(value, Mark) else value
            cell = Cell(cell) if isinstance(cell, str) else cell
            self._parts.append((f"{label:<{width}}", STYLES[Tone.MUTED]))
            first, *rest = self._lines(clean(cell.text), width)
            self._put(first, cell.tone)
            for line in rest:
                self._parts.append("\n" + " " * width)
                self._put(line, cell.tone)
            self._parts.append("\n")
        return self

    def heading(self, text: str, tone: Tone = Tone.STRONG) -> Page:
        """A line of its own with a space above it."""
        if self._parts:
            self._parts.append("\n")
        self._put(one_line(text), tone)
        self._parts.append("\n")
        return self

    def line(self, *cells: Cell | str) -> Page:
        """Cells one after another on one line."""
        for cell in cells:
            part = Cell(cell) if isinstance(cell, str) else cell
            self._put(clean(part.text).replace("\n", " "), part.tone)
        self._parts.append("\n")
        return self

    def text(self, text: str, tone: Tone = Tone.PLAIN, indent: int = 0) -> Page:
        """Lines as they are, each indented."""
        for line in clean(text).rstrip("\n").split("\n"):
            self._put(" " * indent + line.expandtabs(4), tone)
            self._parts.append("\n")
        return self

    def table(self, rows: Iterable[Sequence[Cell | str]], gap: int = 2) -> Page:
        """Columns as wide as their widest cell; the last is not padded."""
        made = [[Cell(one_line(cell)) if isinstance(cell, str) else cell for cell in row] for row in rows]
        if not made:
            return self
        widths = [max(cell_len(row[index].text) for row in made) for index in range(len(made[0]))]
        for row in made:
            for index, cell in enumerate(row):
                pad = "" if index == len(row) - 1 else " " * (widths[index] - cell_len(cell.text) + gap)
                self._put(one_line(cell.text) + pad, cell.tone)
            self._parts.append("\n")
        return self

    def gap(self) -> Page:
        """An empty line."""
        self._parts.append("\n")
        return self

    def content(self) -> Content:
        """The page."""
        return Content.assemble(*self._parts).rstrip("\n")

    def _lines(self, text: str, used: int) -> list[str]:
        lines: list[str] = []
        room = max(10, self._width - used)
        for line in text.split("\n"):
            while self._width and len(line) > room:
                cut = line.rfind(" ", 0, room) if " " in line[:room] else room
                lines.append(line[:cut])
                line = line[cut:].lstrip()  # noqa: PLW2901 - the rest of it
            lines.append(line)
        return lines

    def _put(self, text: str, tone: Tone) -> None:
        style = STYLES[tone]
        self._parts.append((text, style) if style else text)


def cell_of(mark: Mark) -> Cell:
    """A mark as a cell."""
    return Cell(str(mark), mark.tone)
