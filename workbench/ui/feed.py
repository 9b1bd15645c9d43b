"""Reads what the visible screen needs, in two threads: one watches the store and the files, one fills the detail pane.

The store is asked every 250 ms whether anything was committed (`PRAGMA data_version`, microseconds); files are looked
at more seldom. The threads only post messages.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from textual.message import Message

from workbench.errors import WorkbenchError
from workbench.services.bench import Bench
from workbench.services.overview import overview
from workbench.services.problems import problems_of
from workbench.ui.messages import Detailed, Grown, Listed, Overviewed, Trouble
from workbench.ui.nouns.base import Noun
from workbench.ui.page import Page
from workbench.ui.sources import Source

TICK = 0.25  # seconds between two questions to the store
FILES = 5.0  # seconds between two looks at declarations, git and whatever else is not in the store
SHARE = 8  # times as long as a reading took is waited before the next
LIVE = 1.0  # seconds between two readings of a page that changes by itself

Post = Callable[[Message], object]


@dataclass(frozen=True)
class Wanted:
    """What the detail pane shows, or should."""

    noun: Noun[Any]
    item: Any
    tab: str

    @property
    def name(self) -> tuple[str, str, str]:
        """Mode, key and tab."""
        return (self.noun.mode, self.noun.key(self.item), self.tab)


class Feed:
    """What is to be read, and the loops that read it. `post` is thread-safe."""

    def __init__(self, bench: Bench, post: Post) -> None:
        self._bench = bench
        self._post = post
        self._stop = threading.Event()
        self._look = threading.Event()
        self._inspect = threading.Event()
        self._noun: Noun[Any] | None = None
        self._wanted: Wanted | None = None
        self._problems: Sequence[Any] = ()

    # -- said by the screens

    def look(self, noun: Noun[Any] | None = None) -> None:
        """Read the list of `noun` now, and from now on; without one, the same again."""
        self._noun = noun or self._noun
        self._look.set()

    def inspect(self, wanted: Wanted | None) -> None:
        """Read this page now, and from now on."""
        self._wanted = wanted
        self._inspect.set()

    def stop(self) -> None:
        """End both loops."""
        self._stop.set()
        self._look.set()
        self._inspect.set()

    # -- the threads

    def watch(self) -> None:
        """Lists and the header, until `stop`."""
        version, files_at = -1, -FILES
        while not self._stop.is_set():
            begun = time.monotonic()
            asked = self._look.is_set()
            self._look.clear()
            try:
                newest = self._bench.store.data_version()
                due = time.monotonic() - files_at >= FILES
                if asked or due or newest != version:
                    version = newest
                    self._list()
                    if due:
                        self._problems = problems_of(self._bench)
                        files_at = time.monotonic()
                    self._post(Overviewed(overview(self._bench), self._problems))
            except WorkbenchError as error:
                self._post(Trouble(error))
            # A long list is read less often, so that reading never takes the processor from the keys.
            self._look.wait(max(TICK, SHARE * (time.monotonic() - begun)))

    def _list(self) -> None:
        noun = self._noun
        if noun is None:
            return
        try:
            items = noun.load(self._bench)
        except WorkbenchError as error:
            self._post(Trouble(error, noun.mode))
        else:
            self._post(Listed(noun.mode, items))

    def fill(self) -> None:
        """The detail pane, until `stop`."""
        name: tuple[str, str, str] | None = None
        source: Source | None = None
        read_at = 0.0
        while not self._stop.is_set():
            fresh = self._inspect.is_set()
            self._inspect.clear()
            wanted = self._wanted
            if wanted is None:
                name, source = None, None
            else:
                if wanted.name != name:
                    name, source, fresh = wanted.name, None, True
                due = wanted.noun.live(wanted.item) and time.monotonic() - read_at >= LIVE
                if fresh or due:
                    source = self._page(wanted, source)
                    read_at = time.monotonic()
                if source is not None and not self._inspect.is_set():
                    self._grow(source)
            self._inspect.wait(TICK)

    def _page(self, wanted: Wanted, source: Source | None) -> Source | None:
        mode, key, tab = wanted.name
        try:
            body = wanted.noun.page(self._bench, wanted.item, tab)
        except WorkbenchError as error:
            self._post(Trouble(error, mode, key, tab))
            return source
        if self._wanted is not None and self._wanted.name != wanted.name:
            return None
        if isinstance(body, Page):
            self._post(Detailed(mode, key, tab, body))
            return None
        if source is not None and source.key == body.key:
            return source
        self._post(Detailed(mode, key, tab, body))
        return body

    def _grow(self, source: Source) -> None:
        try:
            chunk = source.read()
        except WorkbenchError as error:
            self._post(Trouble(error))
            return
        if chunk is not None:
            self._post(Grown(source.key, chunk))
