"""The pane of the list: its filter line, its title with counts, and rows that wait for what was asked of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.message import Message
from textual.widgets import Input

from workbench.text import one_line
from workbench.ui.nouns.base import Noun
from workbench.ui.widgets.listing import Listing

WAITING = 10.0  # seconds after which a row that was acted on shows its state again, whatever that is


class ListPane(Vertical):
    """Filter and list of one noun."""

    class Narrowed(Message):
        """The filter shows other rows now."""

    def __init__(self, noun: Noun[Any], clock: Callable[[], datetime]) -> None:
        super().__init__(id="listpane")
        self.noun = noun
        self._clock = clock

    def compose(self) -> ComposeResult:
        """The filter above the list."""
        yield Input(placeholder="filter", id="filter", select_on_focus=False)
        yield Listing(self.noun, self._clock, id="list")

    def on_mount(self) -> None:
        """No filter yet."""
        self.box.display = False
        self.say()

    @property
    def listing(self) -> Listing:
        """The list."""
        return self.query_one("#list", Listing)

    @property
    def box(self) -> Input:
        """Where the filter is typed."""
        return self.query_one("#filter", Input)

    # -- rows

    def show(self, items: Sequence[Any]) -> None:
        """Take the whole new list; rows whose state has changed wait no longer."""
        listing, noun = self.listing, self.noun
        before = {key: noun.mark(item) for key in listing.pending if (item := listing.item(key)) is not None}
        listing.show(items)
        for key, mark in before.items():
            item = listing.item(key)
            if item is None or noun.mark(item) != mark:
                listing.pending.pop(key, None)
        self.say()

    def wait_for(self, items: Sequence[Any], word: str) -> None:
        """Show `word` in the rows of `items` until their state changes."""
        keys = [self.noun.key(item) for item in items]
        self.listing.wait(keys, word)

        def over() -> None:
            for key in keys:
                self.listing.pending.pop(key, None)
            self.listing.refresh()

        self.set_timer(WAITING, over)

    def say(self) -> None:
        """Bring counts, marks and filter into the border."""
        listing = self.listing
        count = f"{len(listing.keys)} of {listing.total}" if listing.filter else str(listing.total)
        marked = f" · {len(listing.marked)} marked" if listing.marked else ""
        self.border_title = Content(f"{self.noun.title} {count}{marked}" if listing.loaded else self.noun.title)
        self.border_subtitle = Content(one_line(listing.filter, 20)) if listing.filter else None

    # -- filter

    @property
    def filtering(self) -> bool:
        """Whether a filter is open or holds."""
        return self.box.display or bool(self.listing.filter)

    def open_filter(self) -> None:
        """Type to narrow the list."""
        self.box.display = True
        self.box.focus()

    def close_filter(self) -> None:
        """Show all rows again."""
        self.box.value = ""
        self.box.display = False
        self.listing.narrow("")
        self.listing.focus()
        self.say()

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        event.stop()
        self.listing.narrow(event.value)
        self.say()
        self.post_message(self.Narrowed())

    @on(Input.Submitted)
    def _kept(self, event: Input.Submitted) -> None:
        event.stop()
        self.box.display = bool(self.box.value)
        self.listing.focus()
