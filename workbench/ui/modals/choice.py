"""A list to choose one line from: what needs somebody, command lines to copy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from workbench.text import one_line
from workbench.ui.page import aligned, hung
from workbench.ui.tone import Cell

WIDTH = 100  # columns of the box
FRAME = 9  # columns of it that are no text: border, padding, scrollbar


@dataclass(frozen=True)
class Line:
    """A line to choose: `value` is handed back."""

    value: str
    cells: tuple[Cell, ...]


class Choice(ModalScreen[str]):
    """Dismissed with the chosen value, empty for none."""

    BINDINGS = [  # noqa: RUF012 - textual's way
        ("escape,q", "close", "Close"),
        ("j", "down", "Down"),
        ("k", "up", "Up"),
    ]

    def __init__(self, title: str, lines: Sequence[Line], *, nothing: str, hint: str) -> None:
        super().__init__()
        self.heading, self.lines, self.nothing, self.hint = title, lines, nothing, hint

    def compose(self) -> ComposeResult:
        """Title, lines, and the keys."""
        with Vertical(classes="box reading"):
            yield Static(one_line(self.heading), classes="title", markup=False)
            if self.lines:
                rows = aligned(line.cells for line in self.lines)
                room = min(WIDTH, self.app.size.width * 96 // 100) - FRAME
                yield OptionList(*(Option(hung(row, room)) for row in rows), id="lines", markup=False)
            else:
                yield Static(self.nothing, classes="effect", markup=False)
            yield Static(f"{self.hint}   esc close" if self.lines else "esc close", classes="hint", markup=False)

    def on_mount(self) -> None:
        """As high as its lines, where the screen has the room."""
        if self.lines:
            options = self.query_one("#lines", OptionList)
            options.styles.max_height = max(3, self.app.size.height - 10)
            options.focus()

    @on(OptionList.OptionSelected)
    def _chosen(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(self.lines[event.option_index].value)

    def action_close(self) -> None:
        """Choose nothing."""
        self.dismiss("")

    def action_down(self) -> None:
        """The next line."""
        if self.lines:
            self.query_one("#lines", OptionList).action_cursor_down()

    def action_up(self) -> None:
        """The line before."""
        if self.lines:
            self.query_one("#lines", OptionList).action_cursor_up()
