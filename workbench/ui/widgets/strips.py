"""One line of words that a mouse can click: modes, tabs, keys."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.cells import cell_len
from textual import events
from textual.content import Content
from textual.message import Message
from textual.widgets import Static


@dataclass(frozen=True)
class Word:
    """A piece of the line: `value` is what a click on it means, empty for nothing; styles by theme variable."""

    text: str
    value: str = ""
    style: str = ""


class WordLine(Static):
    """Words side by side; says which one was clicked."""

    DEFAULT_CSS: ClassVar[str] = "WordLine { height: 1; text-wrap: nowrap; text-overflow: ellipsis; }"

    class Chosen(Message):
        """A word was clicked."""

        def __init__(self, line: WordLine, value: str) -> None:
            self.line = line
            self.value = value
            super().__init__()

        @property
        def control(self) -> WordLine:
            """The line that it is on."""
            return self.line

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - textual's name
        super().__init__(markup=False, id=id)
        self.words: Sequence[Word] = ()

    def put(self, words: Sequence[Word]) -> None:
        """Show these words."""
        if list(words) != list(self.words):
            self.words = words
            self.update(Content.assemble(*((word.text, word.style) for word in words)))

    @property
    def plain(self) -> str:
        """What it says."""
        return "".join(word.text for word in self.words)

    def on_click(self, event: events.Click) -> None:
        """Find the word under the mouse."""
        at = event.get_content_offset(self)
        if at is None:
            return
        position = 0
        for word in self.words:
            position += cell_len(word.text)
            if at.x < position:
                if word.value:
                    event.stop()
                    self.post_message(self.Chosen(self, word.value))
                return


def tabs(
    names: Sequence[tuple[str, str]], active: str, style: str = "bold underline $text-accent", gap: int = 3
) -> list[Word]:
    """Words for tabs: (value, text) each, the active one in `style`."""
    words: list[Word] = []
    for value, text in names:
        words += [Word(text, value, style if value == active else "$muted"), Word(" " * gap)]
    return words[:-1]
