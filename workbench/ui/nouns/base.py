"""A noun: what a list and its detail pane need to know of one kind of thing. Nothing here draws."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar, Generic, TypeVar

from workbench.services.bench import Bench
from workbench.text import age
from workbench.ui.commands import words
from workbench.ui.page import Page
from workbench.ui.sources import Source
from workbench.ui.tone import Cell, Mark

T = TypeVar("T")
_ONE_UNIT = re.compile(r"(in )?[0-9]+[smhd]")
MOST = 1000  # rows that a list holds


@dataclass(frozen=True)
class Column:
    """A column of a list: `width` is what it gets at least where its contents need that; `grow` shares what is left over;
    the highest `drop` goes first where width is short.

    `sort` gives what rows are sorted by; None: not sortable.
    """

    title: str
    width: int
    grow: int = 0
    drop: int = 0
    right: bool = False
    sort: Callable[[Any], Any] | None = None
    reverse: bool = False  # whether the natural order is from high to low


def since(moment: datetime | None, now: datetime) -> str:
    """An age for a list, in one unit: `now`, `3m`, `in 2h`; empty where there is none. Pages have the exact time."""
    if moment is None:
        return ""
    if abs((now - moment).total_seconds()) < 1:
        return "now"
    found = _ONE_UNIT.match(age(moment, now))
    return found.group() if found else ""


def orderly(value: Any) -> tuple[bool, Any]:
    """Nothing sorts after everything, so that values of one type are compared."""
    return (value is None, "" if value is None else value)


class Noun(Generic[T]):
    """One kind of thing. `load` and `page` may take their time: they are called in threads."""

    mode: ClassVar[str]
    title: ClassVar[str]
    columns: ClassVar[tuple[Column, ...]]
    tabs: ClassVar[tuple[str, ...]]
    loading: ClassVar[str]
    empty: ClassVar[str]
    state_column: ClassVar[int] = 0

    def nothing(self) -> str:
        """What is said where there is none."""
        return self.empty

    def load(self, bench: Bench) -> list[T]:
        """All things of this kind, in their default order, at most `MOST`."""
        raise NotImplementedError

    def key(self, item: T) -> str:
        """What names it for good."""
        raise NotImplementedError

    def name(self, item: T) -> str:
        """What people call it, as in `run 41`."""
        raise NotImplementedError

    def mark(self, item: T) -> Mark:
        """Its state."""
        raise NotImplementedError

    def cells(self, item: T, now: datetime) -> tuple[Cell, ...]:
        """One cell a column. Pure."""
        raise NotImplementedError

    def page(self, bench: Bench, item: T, tab: str) -> Page | Source:
        """What a tab of the detail pane shows: a page, or a source of lines to follow."""
        raise NotImplementedError

    def tabs_of(self, item: T) -> tuple[str, ...]:  # noqa: ARG002 - for those that look at it
        """The tabs that this item has."""
        return self.tabs

    def crumbs(self, item: T) -> tuple[str, ...]:
        """Where it is, after the list's own title."""
        return (self.name(item),)

    def words(self, item: T) -> str:
        """What the filter looks in."""
        return " ".join(cell.text for cell in self.cells(item, datetime.now().astimezone()))

    def rank(self, item: T) -> int:  # noqa: ARG002 - for those that look at it
        """Where it stands without a chosen sort: what is going on before what is over."""
        return 0

    def live(self, item: T) -> bool:  # noqa: ARG002 - for those that look at it
        """Whether its detail changes without a word from the store."""
        return False

    def show_command(self, item: T) -> str:
        """The command line that shows it, without the program's name."""
        return words(self.mode, "show", self.key(item))
