"""One of several options: without an empty line where one is needed, and without taking back the focus.

Typing in the open list goes to the option that holds what is typed nearest to its beginning.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from rich.text import Text
from textual import on
from textual.widgets import Select
from textual.widgets._select import SelectOverlay

from workbench.text import one_line


class Chooser(Select[str]):
    """`needed`: nothing can only be chosen while there are no options."""

    def __init__(self, options: Iterable[str], value: str = "", *, needed: bool, prompt: str) -> None:
        options = list(options)
        self.needed = needed
        chosen: Any = value if value in options else Select.NULL
        super().__init__(
            _lines(options), value=chosen, allow_blank=not (needed and options), prompt=prompt, compact=True
        )

    def put(self, options: Iterable[str], value: str = "") -> None:
        """Other options, and one of them."""
        options = list(options)
        self._allow_blank = not (self.needed and options)
        with self.prevent(Select.Changed):
            self.set_options(_lines(options))
            if value in options:
                self.value = value
        self.post_message(Select.Changed(self, self.value))

    @on(SelectOverlay.UpdateSelection)
    def _taken(self, event: SelectOverlay.UpdateSelection) -> None:
        # Where the person went on to the next field meanwhile, what is typed there stays there.
        event.prevent_default()
        event.stop()
        self.value = self._options[event.option_index][1]
        if self.query_one(SelectOverlay).has_focus:
            self.focus()
        self.expanded = False


def _lines(options: Iterable[str]) -> list[tuple[Any, str]]:
    # What is typed into the open list is looked for in `Text`; `Content` it passes over.
    return [(Text(one_line(option)), option) for option in options]
