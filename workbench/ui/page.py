"""Pages of the detail pane: aligned facts, headings, tables and texts, laid out for a width, never read as markup."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.cells import cell_len
from textual.content import Content

from workbench.services.command_lines import naming_home
from workbench.text import clean, one_line
from workbench.ui.tone import STYLES, Cell, Mark, Tone

LONGEST = 2000  # characters of a line
MOST_LINES = 5000
Part = str | tuple[str, str]
GAP = 2  # spaces between the columns of a table
NARROWEST = 10  # columns that the rest of a long line is given, however narrow the pane


@dataclass(frozen=True)
class Paragraph:
    """One line of text behind `lead`; where it is cut into several, those after the first hang below its beginning."""

    text: str
    tone: Tone = Tone.PLAIN
    lead: str = ""
    hang: int = 0
    lead_tone: Tone = Tone.MUTED

    def parts(self, columns: int) -> list[Part]:
        """As it is shown in so many columns; 0: as one line."""
        first, *rest = wrapped(self.text, max(NARROWEST, columns - self.hang)) if columns else [self.text]
        made: list[Part] = [_styled(self.lead, self.lead_tone), _styled(first, self.tone)]
        for line in rest:
            made += ["\n" + " " * self.hang, _styled(line, self.tone)]
        return [*made, "\n"]


class Page:
    """A page in the making. Everything given to it may be from elsewhere: it is cleaned here."""

    def __init__(self) -> None:
        self._parts: list[Part | Paragraph] = []

    def state(self, mark: Mark, reason: str = "") -> Page:
        """A state, and behind it why or of what."""
        lead = f"{mark}   " if reason else str(mark)
        self._parts.append(Paragraph(one_line(reason), Tone.PLAIN, lead, cell_len(lead), mark.tone))
        return self

    def facts(self, *pairs: tuple[str, str | Cell | Mark | None], width: int = 13) -> Page:
        """Label and value a line, values aligned; None and empty values are left out."""
        for label, value in pairs:
            if value is None or value == "":
                continue
            cell = Cell(str(value), value.tone) if isinstance(value, Mark) else value
            cell = Cell(cell) if isinstance(cell, str) else cell
            lead = f"{label:<{width}}"
            for line in _bounded(clean(cell.text)):
                self._parts.append(Paragraph(line, cell.tone, lead, width))
                lead = " " * width
        return self

    def heading(self, text: str, tone: Tone = Tone.STRONG) -> Page:
        """A line of its own with a space above it."""
        if self._parts:
            self._parts.append("\n")
        self._parts.append(Paragraph(one_line(text), tone))
        return self

    def line(self, *cells: Cell | str) -> Page:
        """Cells one after another on one line."""
        for cell in cells:
            part = Cell(cell) if isinstance(cell, str) else cell
            self._parts.append(_styled(clean(part.text).replace("\n", " "), part.tone))
        self._parts.append("\n")
        return self

    def text(self, text: str, tone: Tone = Tone.PLAIN, indent: int = 0) -> Page:
        """Lines as they are, each indented."""
        for line in _bounded(clean(text).rstrip("\n")):
            shown = line.expandtabs(4)
            bare = shown.lstrip(" ")
            own = indent + len(shown) - len(bare)
            self._parts.append(Paragraph(bare, tone, " " * own, own))
        return self

    def hint(self, text: str, home: Path) -> Page:
        """What can be done; command lines in it name the home where they have to."""
        return self.text(naming_home(text, home), Tone.MUTED) if text else self

    def table(self, rows: Iterable[Sequence[Cell | str]], first: int = 0) -> Page:
        """Columns as wide as their widest cell, the first at least `first`; what is long in the last hangs in it."""
        for row in aligned(rows, first):
            self._parts += _hung(row)
        return self

    def gap(self) -> Page:
        """An empty line."""
        self._parts.append("\n")
        return self

    def content(self, columns: int = 0) -> Content:
        """The page in so many columns; 0: long lines are left to what shows them."""
        return _laid(self._parts, columns)


def aligned(rows: Iterable[Sequence[Cell | str]], first: int = 0) -> list[list[Cell]]:
    """Padded cells. They are cleaned before they are measured; spaces that one begins with stay, the last has no more."""
    made = [[_tidy(cell) for cell in row] for row in rows]
    count = max(map(len, made), default=0)
    widths = [max((cell_len(row[index].text) for row in made if len(row) > index), default=0) for index in range(count)]
    widths[:1] = [max(first, width) for width in widths[:1]]
    for row in made:
        for index, cell in enumerate(row[:-1]):
            row[index] = Cell(cell.text + " " * (widths[index] - cell_len(cell.text) + GAP), cell.tone)
    return made


def hung(row: Sequence[Cell], columns: int) -> Content:
    """A line of a table in so many columns; what is long in its last cell hangs in it."""
    return _laid(_hung(row), columns)


def cell_of(mark: Mark) -> Cell:
    """A mark as a cell."""
    return Cell(str(mark), mark.tone)


def _bounded(text: str) -> list[str]:
    """Its lines, as far as they are shown without the screen standing still: one value may have a million characters."""
    lines = [
        line if len(line) <= LONGEST else f"{line[:LONGEST]}… ({len(line)} characters)" for line in text.split("\n")
    ]
    return lines if len(lines) <= MOST_LINES else [*lines[:MOST_LINES], f"… and {len(lines) - MOST_LINES} lines more"]


def wrapped(line: str, room: int) -> list[str]:
    """`line` in pieces of at most `room` cells: between words where a word fits, within one where it does not."""
    pieces = []
    while cell_len(line) > room:
        cut = _fitting(line, room)
        # A word that ends where the room does is whole.
        space = cut if line[cut] == " " else line.rfind(" ", 0, cut)
        cut = space if space > 0 else cut
        pieces.append(line[:cut].rstrip(" "))
        line = line[cut:].lstrip(" ")
    return [*pieces, line]


def _fitting(line: str, room: int) -> int:
    """How many characters of `line` fit into `room` cells; at least one."""
    if line.isascii():
        return max(1, room)
    used = 0
    for index, character in enumerate(line):
        used += cell_len(character)
        if used > room:
            return max(1, index)
    return len(line)


def _laid(made: Sequence[Part | Paragraph], columns: int) -> Content:
    parts: list[Part] = []
    for part in made:
        parts += part.parts(columns) if isinstance(part, Paragraph) else [part]
    return Content.assemble(*parts).rstrip("\n")


def _hung(row: Sequence[Cell]) -> list[Part | Paragraph]:
    *before, last = row
    parts: list[Part | Paragraph] = [_styled(cell.text, cell.tone) for cell in before]
    return [*parts, Paragraph(last.text, last.tone, hang=sum(cell_len(cell.text) for cell in before))]


def _tidy(cell: Cell | str) -> Cell:
    text, tone = (cell, Tone.PLAIN) if isinstance(cell, str) else (cell.text, cell.tone)
    return Cell(" " * (len(text) - len(text.lstrip(" "))) + one_line(text, LONGEST), tone)


def _styled(text: str, tone: Tone) -> Part:
    style = STYLES[tone]
    return (text, style) if style else text
