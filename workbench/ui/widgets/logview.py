"""A log that grows: follows its end until the person scrolls up, wraps, finds, and holds a bounded number of lines."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, tzinfo
from typing import ClassVar

from rich.cells import cell_len
from rich.segment import Segment
from textual.binding import Binding, BindingType
from textual.geometry import Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from workbench.ui.sources import Chunk
from workbench.ui.widgets.columns import pad

MOST_LINES = 50_000
LONGEST = 10_000  # characters of a line that are shown
CLOCK, CLOCK_WIDTH = "%H:%M:%S", 9  # before a line, with a space behind it


class LogView(ScrollView, can_focus=True):
    """Lines of text from elsewhere, cleaned before they come here; never read as markup."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"log--found", "log--here", "log--nothing"}
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down,j", "by(1)", "Line down", show=False),
        Binding("up,k", "by(-1)", "Line up", show=False),
        Binding("pagedown,ctrl+f", "page(1)", "Page down", show=False),
        Binding("pageup,ctrl+b", "page(-1)", "Page up", show=False),
        Binding("home,g", "top", "First line", show=False),
        Binding("end,G,shift+g", "end", "Last line, and follow", show=False),
    ]

    class Changed(Message):
        """What the line above the log says has changed."""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - textual's name
        super().__init__(id=id)
        self.lines: list[str] = []
        self.partial = ""
        self.dropped = 0
        self.following = True
        self.unseen = 0
        self.wrap = False
        self.zone: tzinfo = UTC  # in which times are told
        self.timed = False
        self.times: list[datetime] = []  # of the lines, where their source knows it
        self.wanted = ""
        self.nothing = ""
        self._rows: list[tuple[int, int, int]] = []  # line, start, end: only while wrapping
        self._widest = 0
        self._here = -1

    # -- lines come in

    def begin(self, nothing: str, zone: tzinfo = UTC) -> None:
        """Empty it for another source; `nothing` is said until lines come."""
        self.nothing, self.zone = nothing, zone
        self.lines, self.times, self.partial, self.dropped, self.unseen = [], [], "", 0, 0
        self._rows, self._widest, self._here = [], 0, -1
        self.following = True
        self._measure()

    def take(self, chunk: Chunk) -> None:
        """Add lines; drops the oldest beyond `MOST_LINES`."""
        if chunk.reset:
            self.lines, self.times, self.dropped, self.unseen = [], [], 0, 0
            self._rows, self._widest = [], 0
        start = len(self.lines)
        fresh = [line[:LONGEST].expandtabs(8) for line in chunk.lines]
        self.lines.extend(fresh)
        self.times.extend(chunk.times)
        self.partial = chunk.partial[:LONGEST].expandtabs(8)
        if fresh:
            self._widest = max(self._widest, *map(_cells, fresh))
        if self.wrap:
            self._wrap_from(start)
        over = len(self.lines) - MOST_LINES
        if over > 0:
            del self.lines[:over]
            del self.times[:over]
            self.dropped += over
            if self.wrap:
                self._wrap_from(0)
            if not self.following:
                self.scroll_to(y=max(0, self.scroll_y - over), animate=False, force=True)
        if not self.following:
            self.unseen += len(fresh)
        self._measure()
        self.post_message(self.Changed())

    # -- moving

    def action_by(self, count: int) -> None:
        """Scroll by lines; up pauses following, down to the end resumes it."""
        self._to(self.scroll_y + count)

    def action_page(self, count: int) -> None:
        """Scroll by what is in sight."""
        self._to(self.scroll_y + count * max(1, self.size.height - 1))

    def action_top(self) -> None:
        """To the first line."""
        self._to(0)

    def action_end(self) -> None:
        """To the last line, and follow again."""
        self._to(self.max_scroll_y)

    def _to(self, y: float) -> None:
        y = max(0, min(y, self.max_scroll_y))
        self.scroll_to(y=y, animate=False, force=True)
        self._note(y)

    def _note(self, y: float) -> None:
        following = y >= self.max_scroll_y
        if following:
            self.unseen = 0
        if following != self.following or following:
            self.following = following
            self.post_message(self.Changed())

    def _on_mouse_scroll_up(self, event: object) -> None:
        del event
        self._to(self.scroll_y - 3)

    def _on_mouse_scroll_down(self, event: object) -> None:
        del event
        self._to(self.scroll_y + 3)

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Dragging the scrollbar pauses and resumes following as keys do."""
        super().watch_scroll_y(old_value, new_value)
        if self.is_vertical_scrollbar_grabbed:
            self._note(new_value)

    # -- finding

    def find(self, text: str) -> int:
        """Mark what matches (without regard to case) and go to the nearest match from the end; how many lines match."""
        self.wanted = text.casefold()
        self._here = len(self.lines)
        hits = self._hits()
        if hits:
            self.action_next(-1)
        self.refresh()
        return len(hits)

    def action_next(self, step: int) -> None:
        """To the next or the one before of the matching lines."""
        hits = self._hits()
        if not hits:
            return
        if step > 0:
            self._here = next((hit for hit in hits if hit > self._here), hits[0])
        else:
            self._here = next((hit for hit in reversed(hits) if hit < self._here), hits[-1])
        row = next((index for index, (line, _, _) in enumerate(self._rows) if line == self._here), self._here)
        self._to(row - self.size.height // 2)
        self.refresh()

    def _hits(self) -> list[int]:
        return [index for index, line in enumerate(self.lines) if self.wanted in line.casefold()] if self.wanted else []

    # -- wrapping and measuring

    def toggle_wrap(self) -> None:
        """Wrap long lines, or let them run out of sight to the right."""
        self.wrap = not self.wrap
        self._rows = []
        if self.wrap:
            self._wrap_from(0)
        self._measure()

    def toggle_times(self) -> bool:
        """Show when each line came, or not; False where that is not known."""
        if not self.times:
            return False
        self.timed = not self.timed
        if self.wrap:
            self._wrap_from(0)
        self._measure()
        return True

    def shown(self, index: int) -> str:
        """A line as it is drawn: with its time in front, where that is wanted."""
        line = self.lines[index]
        if not self.timed or index >= len(self.times):
            return line
        return f"{self.times[index].astimezone(self.zone):{CLOCK}} {line}"

    def on_resize(self) -> None:
        """Wrapped rows follow the width."""
        if self.wrap:
            self._wrap_from(0)
        self._measure()

    def _wrap_from(self, start: int) -> None:
        width = max(1, self.scrollable_content_region.width)
        if start == 0:
            self._rows = []
        for index in range(start, len(self.lines)):
            self._rows.extend((index, *piece) for piece in _pieces(self.shown(index), width))

    def _measure(self) -> None:
        rows = len(self._rows) if self.wrap else len(self.lines)
        if self.partial:
            rows += 1
        width = 0 if self.wrap else max(self._widest, _cells(self.partial)) + self.timed * CLOCK_WIDTH
        self.virtual_size = Size(width, rows)
        if self.following:
            self.scroll_to(y=self.max_scroll_y, animate=False, force=True, immediate=True)
        self.refresh()

    @property
    def status(self) -> str:
        """`FOLLOW`, or how many new lines wait below."""
        if self.following:
            return "FOLLOW"
        return f"PAUSED {self.unseen} new" if self.unseen else "PAUSED"

    @property
    def whole(self) -> str:
        """All that it holds."""
        return "\n".join([*self.lines, *([self.partial] if self.partial else [])]) + "\n"

    # -- drawing

    def render_line(self, y: int) -> Strip:
        """One row of the log."""
        width, base = self.size.width, self.rich_style
        row = round(self.scroll_y) + y
        index, text = self._at(row)
        if text is None:
            if row == 0 and not self.lines and not self.partial:
                return Strip([Segment(pad(self.nothing, width), self.get_component_rich_style("log--nothing"))], width)
            return Strip.blank(width, base)
        strip = Strip(self._segments(index, text))
        left = 0 if self.wrap else round(self.scroll_x)
        return strip.crop_extend(left, left + width, base)

    def _at(self, row: int) -> tuple[int, str | None]:
        if self.wrap and row < len(self._rows):
            index, start, end = self._rows[row]
            return index, self.shown(index)[start:end]
        count = len(self._rows) if self.wrap else len(self.lines)
        if not self.wrap and row < count:
            return row, self.shown(row)
        return (len(self.lines), self.partial) if row == count and self.partial else (-1, None)

    def _segments(self, index: int, text: str) -> Sequence[Segment]:
        base = self.rich_style
        low = text.casefold()
        if not self.wanted or self.wanted not in low or len(low) != len(text):
            return [Segment(text, base)]
        style = base + self.get_component_rich_style("log--here" if index == self._here else "log--found", partial=True)
        segments: list[Segment] = []
        start = 0
        while (found := low.find(self.wanted, start)) >= 0:
            segments += [Segment(text[start:found], base), Segment(text[found : found + len(self.wanted)], style)]
            start = found + len(self.wanted)
        return [*segments, Segment(text[start:], base)]


def _cells(text: str) -> int:
    return len(text) if text.isascii() else cell_len(text)


def _pieces(line: str, width: int) -> list[tuple[int, int]]:
    """Where `line` is cut so that each piece has at most `width` cells."""
    if _cells(line) <= width:
        return [(0, len(line))]
    if line.isascii():
        return [(start, min(start + width, len(line))) for start in range(0, len(line), width)]
    pieces, start, used = [], 0, 0
    for index, character in enumerate(line):
        size = cell_len(character)
        if used + size > width and index > start:
            pieces.append((start, index))
            start, used = index, 0
        used += size
    return [*pieces, (start, len(line))]
