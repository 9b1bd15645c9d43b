"""The keys of this screen, grouped by purpose, from the registry."""

from __future__ import annotations

from collections.abc import Sequence

from textual.app import ComposeResult
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from workbench.ui.actions import Action, Purpose
from workbench.ui.page import Page
from workbench.ui.tone import Cell, Tone

MOVING = (
    ("↑ ↓ j k", "row up, row down"),
    ("g G home end", "first row, last row; in a log, end follows it"),
    ("pgup pgdn", "a page up, a page down"),
    ("enter", "open the detail"),
    ("tab", "from list to detail and back"),
)


def page_of(actions: Sequence[Action], read_only: bool) -> Content:
    """The whole help as a page."""
    page = Page()
    for purpose in Purpose:
        rows = [action for action in actions if action.purpose is purpose and not (read_only and action.changes)]
        if not rows:
            continue
        page.heading(purpose.value)
        page.table([[Cell(f"  {action.shown_key:<8}", Tone.BUSY), Cell(_said(action))] for action in rows])
        if purpose is Purpose.LIST:
            page.table([[Cell(f"  {key:<14}", Tone.BUSY), Cell(text)] for key, text in MOVING])
    return page.content()


def _said(action: Action) -> str:
    area, _, rest = action.name.partition(": ")
    text = rest or area
    return text + ("  (asks first)" if action.dangerous else "")


class Help(ModalScreen[None]):
    """Closed by any of the keys that close things."""

    BINDINGS = [("escape,enter,q,question_mark", "close", "Close")]  # noqa: RUF012 - textual's way

    def __init__(self, title: str, actions: Sequence[Action], read_only: bool) -> None:
        super().__init__()
        self.heading, self.actions, self.read_only = title, actions, read_only

    def compose(self) -> ComposeResult:
        """Title and page."""
        with Vertical(classes="box reading"):
            yield Static(f"Keys of {self.heading}", classes="title", markup=False)
            with VerticalScroll(id="helppage"):
                yield Static(page_of(self.actions, self.read_only), markup=False)
            yield Static("esc close", classes="hint", markup=False)

    def on_mount(self) -> None:
        """Arrow keys scroll."""
        page = self.query_one("#helppage", VerticalScroll)
        page.styles.max_height = max(3, self.app.size.height - 8)
        page.focus()

    def action_close(self) -> None:
        """Back."""
        self.dismiss(None)
