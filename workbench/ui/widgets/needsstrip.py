"""What needs somebody, above everything else on the first screen; gone where nothing does."""

from __future__ import annotations

from collections.abc import Sequence

from rich.cells import cell_len
from textual import events
from textual.content import Content
from textual.message import Message
from textual.widgets import Static

from workbench.text import one_line
from workbench.ui.needs import Entry
from workbench.ui.tone import STYLES, Tone
from workbench.ui.widgets.columns import pad

MOST = 3


class NeedsStrip(Static):
    """At most three lines; a click or `!` leads to the things."""

    class Asked(Message):
        """Somebody wants to see them."""

    def __init__(self) -> None:
        super().__init__(id="needs", markup=False)
        self.entries: Sequence[Entry] = ()

    def on_mount(self) -> None:
        """Nothing is known yet."""
        self.display = False

    def show(self, entries: Sequence[Entry]) -> None:
        """Take the newest."""
        self.entries = entries
        self.display = bool(entries)
        self._draw()

    def on_resize(self) -> None:
        """Fit the new width."""
        self._draw()

    def _draw(self) -> None:
        room = self.content_size.width
        if not self.entries or not room:
            return
        lines = self.entries[: 1 if self.app.size.height < 30 else MOST]
        more = len(self.entries) - len(lines)
        hint = f"  ! shows all {len(self.entries)}" if more else "  ! opens"
        parts: list[tuple[str, str]] = []
        for index, entry in enumerate(lines):
            last = index == len(lines) - 1
            width = room - 2 - (cell_len(hint) if last else 0)
            parts += [("! ", STYLES[Tone.WARN]), (pad(one_line(entry.text), width), "")]
            parts.append((hint, STYLES[Tone.MUTED]) if last else ("\n", ""))
        self.update(Content.assemble(*parts))

    def on_click(self, event: events.Click) -> None:
        """Show them all."""
        event.stop()
        self.post_message(self.Asked())
