"""A text that needs reading: scrolls, can be selected and copied whole."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Static, TextArea

from workbench.text import clean, one_line


class TextModal(ModalScreen[None]):
    """Closed by escape, enter or q; `c` copies all of it."""

    BINDINGS = [  # noqa: RUF012 - textual's way
        ("escape,enter,q", "close", "Close"),
        ("c", "copy", "Copy"),
        ("j", "scroll(1)", "Down"),
        ("k", "scroll(-1)", "Up"),
    ]

    def __init__(self, title: str, text: str, copied: str = "") -> None:
        super().__init__()
        self.copied = copied
        self.heading = one_line(title)
        self.text = clean(text)

    def compose(self) -> ComposeResult:
        """Title, text, and the keys."""
        with Vertical(classes="box reading"):
            yield Static(self.heading, classes="title", markup=False)
            yield TextArea(self.text, read_only=True, soft_wrap=True, show_cursor=False, id="reading")
            yield Static("c copy   esc close", classes="hint", markup=False)

    def on_mount(self) -> None:
        """Arrow keys scroll at once; the box is as high as its text."""
        area = self.query_one("#reading", TextArea)
        area.styles.max_height = max(3, self.app.size.height - 10)
        area.focus()

    def action_close(self) -> None:
        """Back."""
        self.dismiss(None)

    def action_copy(self) -> None:
        """All of it, or the one thing in it that is meant, to the clipboard."""
        self.app.copy_to_clipboard(self.copied or self.text)
        self.app.notify("Copied", markup=False)

    def action_scroll(self, by: int) -> None:
        """Scroll by a line."""
        self.query_one("#reading", TextArea).scroll_relative(y=by, animate=False)
