"""The keys of this screen, grouped by purpose, from the registry."""

from __future__ import annotations

from collections.abc import Sequence

from rich.cells import cell_len
from textual.app import ComposeResult
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from workbench.ui.actions import Action, Purpose
from workbench.ui.page import Page
from workbench.ui.tone import Cell, Tone

INDENT = 2
MOVING = (
    ("↑ ↓ j k", "row up, row down"),
    ("g G home end", "first row, last row; in a log, end follows it"),
    ("pgup pgdn", "a page up, a page down"),
    ("enter", "open the detail"),
    ("tab", "from list to detail and back"),
)


KEYS = max(cell_len(key) for key, _ in MOVING) + INDENT


def page_of(actions: Sequence[Action]) -> Content:
    """The whole help as a page."""
    page = Page()
    for purpose in sorted(Purpose, key=lambda one: one is not Purpose.LOG):
        rows = [action for action in actions if action.purpose is purpose]
        if not rows:
            continue
        page.heading(purpose.value)
        lines = [(action.shown_key, _said(action)) for action in rows]
        if purpose is Purpose.LIST:
            lines += MOVING
        table = [[Cell(" " * INDENT + key, Tone.BUSY), Cell(text)] for key, text in lines]
        page.table(table, first=KEYS)
    return page.content()


def _said(action: Action) -> str:
    area, _, rest = action.name.partition(": ")
    text = rest or area
    return text + ("  (asks first)" if action.dangerous else "")


class Help(ModalScreen[None]):
    """Closed by any of the keys that close things."""

    BINDINGS = [("escape,enter,q,question_mark", "close", "Close")]  # noqa: RUF012 - textual's way

    def __init__(self, title: str, actions: Sequence[Action]) -> None:
        super().__init__()
        self.heading, self.actions = title, actions

    def compose(self) -> ComposeResult:
        """Title and page."""
        with Vertical(classes="box reading"):
            yield Static(f"Keys of {self.heading}", classes="title", markup=False)
            with VerticalScroll(id="helppage"):
                yield Static(page_of(self.actions), markup=False)
            yield Static("esc close", classes="hint", markup=False)

    def on_mount(self) -> None:
        """Arrow keys scroll."""
        page = self.query_one("#helppage", VerticalScroll)
        page.styles.max_height = max(3, self.app.size.height - 10)
        page.focus()

    def action_close(self) -> None:
        """Back."""
        self.dismiss(None)
