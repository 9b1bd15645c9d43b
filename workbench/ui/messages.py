"""What the threads tell the screens."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from textual.message import Message

from workbench.errors import WorkbenchError
from workbench.services.overview import Overview
from workbench.ui.page import Page
from workbench.ui.sources import Chunk, Source


class Listed(Message):
    """A list as it is now."""

    def __init__(self, mode: str, items: Sequence[Any]) -> None:
        self.mode = mode
        self.items = items
        super().__init__()


class Detailed(Message):
    """A page of the detail pane, or the source of the lines that it shows; dropped where another is wanted by now."""

    def __init__(self, mode: str, key: str, tab: str, body: Page | Source) -> None:
        self.mode = mode
        self.key = key
        self.tab = tab
        self.body = body
        super().__init__()


class Grown(Message):
    """New lines of the source with this key."""

    def __init__(self, source: str, chunk: Chunk) -> None:
        self.source = source
        self.chunk = chunk
        super().__init__()


class Overviewed(Message):
    """The state of the home at a glance, with what is wrong in its files."""

    def __init__(self, overview: Overview, problems: Sequence[Any]) -> None:
        self.overview = overview
        self.problems = problems
        super().__init__()


class Trouble(Message):
    """Something could not be read; the rest goes on."""

    def __init__(self, error: WorkbenchError, mode: str = "", key: str = "", tab: str = "") -> None:
        self.error = error
        self.mode = mode
        self.key = key
        self.tab = tab
        super().__init__()
