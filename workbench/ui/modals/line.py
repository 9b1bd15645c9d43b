"""One line of text asked for."""

from __future__ import annotations

from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input, Static


class LineModal(ModalScreen[str | None]):
    """Dismissed with the text, None where it was left by escape."""

    BINDINGS = [("escape", "close", "Close")]  # noqa: RUF012 - textual's way

    def __init__(
        self, title: str, value: str = "", *, hint: str = "enter ok   esc close", secret: bool = False
    ) -> None:
        super().__init__()
        self.heading, self.value, self.hint, self.secret = title, value, hint, secret

    def compose(self) -> ComposeResult:
        """Title, line, keys."""
        with Vertical(classes="box"):
            yield Static(self.heading, classes="title", markup=False)
            yield Input(self.value, password=self.secret, id="line")
            yield Static(self.hint, classes="hint", markup=False)

    @on(Input.Submitted)
    def _done(self, event: Input.Submitted) -> None:
        self.dismiss(event.value)

    def action_close(self) -> None:
        """Leave it."""
        self.dismiss(None)
