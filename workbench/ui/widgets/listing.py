"""The list of a screen: draws only the lines in sight, and keeps the same thing selected when the list changes.

Textual's DataTable lays out all its rows for each one removed and has no columns that share the width.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any, ClassVar

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from workbench.ui.nouns.base import Noun, orderly
from workbench.ui.themes import plain
from workbench.ui.tone import Cell, Tone
from workbench.ui.widgets.columns import GAP, fit, folded, pad, wants

GUTTER = 2  # the cursor's and the mark's column
MEASURED = 200  # rows whose texts say how wide columns should be


class Listing(ScrollView, can_focus=True):
    """Rows of one noun, filtered and sorted, with a cursor and marks, all by key."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "listing--head", "listing--cursor", "listing--cursor-blurred", *(f"listing--{tone}" for tone in Tone),
    }  # fmt: skip
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down,j", "move(1)", "Next row", show=False),
        Binding("up,k", "move(-1)", "Row before", show=False),
        Binding("pagedown,ctrl+f", "page(1)", "Page down", show=False),
        Binding("pageup,ctrl+b", "page(-1)", "Page up", show=False),
        Binding("home,g", "edge(0)", "First row", show=False),
        Binding("end,G,shift+g", "edge(1)", "Last row", show=False),
        Binding("enter", "open", "Open the detail", show=False),
    ]

    class Moved(Message):
        """Another row is selected; `key` is empty where there is none."""

        def __init__(self, key: str) -> None:
            self.key = key
            super().__init__()

    class Opened(Message):
        """A row was opened by enter or by a second click."""

        def __init__(self, key: str) -> None:
            self.key = key
            super().__init__()

    def __init__(self, noun: Noun[Any], clock: Callable[[], datetime], *, id: str | None = None) -> None:  # noqa: A002 - textual's name
        super().__init__(id=id)
        self.noun = noun
        self._clock = clock
        self._items: dict[str, Any] = {}
        self._words: dict[str, str] = {}
        self.keys: list[str] = []
        self.cursor = ""
        self.marked: set[str] = set()
        self.filter = ""
        self.sorted_by: int | None = None
        self.reverse = False
        self.loaded = False
        self.pending: dict[str, str] = {}
        self._wanted: list[int] = []

    # -- what is in it

    def show(self, items: Sequence[Any]) -> None:
        """Take the whole new list; cursor, marks and scrolling stay with their things."""
        self.loaded = True
        self._items = {self.noun.key(item): item for item in items}
        self._words = {key: self.noun.words(item).casefold() for key, item in self._items.items()}
        self.marked &= self._items.keys()
        self._arrange()
        self._measure()

    def wait(self, keys: Iterable[str], word: str) -> None:
        """Show `word` as the state of these."""
        self.pending.update(dict.fromkeys(keys, word))
        self._measure()
        self.refresh()

    def _measure(self) -> None:
        now = self._clock()
        rows = [[cell.text for cell in self._cells(key, now)] for key in self.keys[:MEASURED]]
        self._wanted = wants(self.noun.columns, rows, self._wanted)

    def narrow(self, text: str) -> None:
        """Show only what holds every word of `text`."""
        self.filter = text
        self._arrange()

    def sort_next(self) -> None:
        """By the next column that can be sorted; after the last, in the noun's own order again."""
        able = [index for index, column in enumerate(self.noun.columns) if column.sort]
        later = [index for index in able if self.sorted_by is None or index > self.sorted_by]
        self.sorted_by = later[0] if later else None
        self.reverse = self.sorted_by is not None and self.noun.columns[self.sorted_by].reverse
        self._arrange()

    def mark(self, keys: Iterable[str]) -> None:
        """Change the marks of `keys`."""
        self.marked ^= set(keys)
        self.refresh()

    def clear_marks(self) -> None:
        """No row is marked any more."""
        self.marked.clear()
        self.refresh()

    def select(self, key: str) -> bool:
        """Put the cursor on the row of `key`; False where it is not shown."""
        if key not in self._items or key not in self.keys:
            return False
        self._go(self.keys.index(key))
        return True

    @property
    def total(self) -> int:
        """How many things there are, shown or not."""
        return len(self._items)

    @property
    def current(self) -> Any | None:
        """The thing under the cursor."""
        return self._items.get(self.cursor)

    def item(self, key: str) -> Any | None:
        """The thing of that key."""
        return self._items.get(key)

    def items(self, keys: Iterable[str]) -> list[Any]:
        """The things of `keys`, in the order shown."""
        wanted = set(keys)
        return [self._items[key] for key in self.keys if key in wanted]

    def _arrange(self) -> None:
        index = self.keys.index(self.cursor) if self.cursor in self.keys else 0
        words = self.filter.casefold().split()
        keys = [key for key in self._items if all(word in self._words[key] for word in words)]
        if self.sorted_by is None:
            keys.sort(key=lambda key: self.noun.rank(self._items[key]))
        else:
            by = self.noun.columns[self.sorted_by].sort
            assert by is not None
            keys.sort(key=lambda key: orderly(by(self._items[key])), reverse=self.reverse)
        above = index - round(self.scroll_y)
        self.keys = keys
        before = self.cursor
        if before not in keys:
            index = min(index, len(keys) - 1)
            self.cursor = keys[index] if keys else ""
        else:
            index = keys.index(before)
        self.virtual_size = Size(self.size.width, len(keys) + 1)
        if keys and self.size.height:
            # The row stays where it is on the screen, though others came or went above it.
            self.scroll_to(y=max(0, index - above), animate=False, force=True)
            self._reveal(index)
        self.refresh()
        if before != self.cursor:
            self.post_message(self.Moved(self.cursor))

    # -- moving

    def action_move(self, by: int) -> None:
        """Move the cursor by rows."""
        self._go(self._index + by)

    def action_page(self, by: int) -> None:
        """Move the cursor by what is in sight."""
        self._go(self._index + by * max(1, self.size.height - 2))

    def action_edge(self, last: int) -> None:
        """To the first or the last row."""
        self._go(len(self.keys) - 1 if last else 0)

    def action_open(self) -> None:
        """Open what is under the cursor."""
        if self.cursor:
            self.post_message(self.Opened(self.cursor))

    @property
    def _index(self) -> int:
        return self.keys.index(self.cursor) if self.cursor in self.keys else 0

    def _go(self, index: int) -> None:
        if not self.keys:
            return
        index = max(0, min(index, len(self.keys) - 1))
        if self.keys[index] != self.cursor:
            self.cursor = self.keys[index]
            self.post_message(self.Moved(self.cursor))
        self._reveal(index)
        self.refresh()

    def _reveal(self, index: int) -> None:
        top, rows = round(self.scroll_y), max(1, self.size.height - 1)
        if index < top:
            self.scroll_to(y=index, animate=False, force=True)
        elif index >= top + rows:
            self.scroll_to(y=index - rows + 1, animate=False, force=True)

    def on_click(self, event: events.Click) -> None:
        """A click on a row selects it, a second one opens it; on the head line it sorts."""
        event.stop()
        line = event.get_content_offset(self)
        if line is None:
            return
        if line.y == 0:
            self.sort_next()
            return
        index = round(self.scroll_y) + line.y - 1
        if 0 <= index < len(self.keys):
            self._go(index)
            if event.chain >= 2:
                self.action_open()

    def on_resize(self) -> None:
        """The selected row stays in sight."""
        self.virtual_size = Size(self.size.width, len(self.keys) + 1)
        self._wanted = []
        self._measure()
        if self.keys and self.size.height:
            self._reveal(self._index)

    # -- drawing

    def render_line(self, y: int) -> Strip:
        """The head line, a row, or the sentence for a list without rows."""
        width, base = self.size.width, self.rich_style
        widths = fit(self.noun.columns, max(0, width - GUTTER - 1), self._wanted)
        if y == 0:
            return self._head(widths, width)
        if not self.keys:
            text = self._empty_line(y, width)
            return Strip([Segment(" " * GUTTER + pad(text, max(0, width - GUTTER)), self._tone(Tone.MUTED))], width)
        index = round(self.scroll_y) + y - 1
        if index >= len(self.keys):
            return Strip.blank(width, base)
        return self._row(self.keys[index], widths, width)

    def _head(self, widths: Sequence[int], width: int) -> Strip:
        style = self.get_component_rich_style("listing--head")
        parts = []
        for index, (column, room) in enumerate(zip(self.noun.columns, widths, strict=True)):
            if room:
                arrow = (" ↓" if self.reverse else " ↑") if index == self.sorted_by else ""
                title = column.title if not arrow else column.title[: room - 2] + arrow
                parts.append(pad(title, room, right=column.right))
        return Strip([Segment((" " * GUTTER + (" " * GAP).join(parts)).ljust(width)[:width], style)], width)

    def _row(self, key: str, widths: Sequence[int], width: int) -> Strip:
        base = self.rich_style
        here = key == self.cursor
        if here:
            base = self.get_component_rich_style("listing--cursor" if self.has_focus else "listing--cursor-blurred")
        lead = ("▸" if here else " ") + ("•" if key in self.marked else " ")
        segments = [Segment(lead, base)]
        used = GUTTER
        for column, cell, room in zip(self.noun.columns, self._cells(key, self._clock()), widths, strict=True):
            if not room:
                continue
            bare = cell.tone is Tone.PLAIN or (here and plain(self.app.current_theme))
            style = base if bare else base + self._tone(cell.tone, partial=True)
            space = GAP if used > GUTTER else 0
            segments.append(Segment(" " * space + pad(cell.text, room, right=column.right), style))
            used += space + room
        return Strip(segments, used).adjust_cell_length(width, base)

    def _cells(self, key: str, now: datetime) -> list[Cell]:
        """Its cells; what was asked of it stands for its state."""
        cells = list(self.noun.cells(self._items[key], now))
        if key in self.pending:
            cells[self.noun.state_column] = Cell(f"◐ {self.pending[key]}", Tone.BUSY)
        return cells

    def _tone(self, tone: Tone, *, partial: bool = False) -> Style:
        return self.get_component_rich_style(f"listing--{tone}", partial=partial)

    def _empty_line(self, y: int, width: int) -> str:
        if not self.loaded:
            text = self.noun.loading
        elif self.filter:
            text = f"Nothing matches '{self.filter}'. esc clears."
        else:
            text = self.noun.nothing()
        lines = folded(text, width - 4)
        return lines[y - 2] if 2 <= y < len(lines) + 2 else ""
