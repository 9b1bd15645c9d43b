"""What every list can do: filter, sort, mark, tabs, levels."""

from __future__ import annotations

from typing import Any

from workbench.ui.actions import LISTS, Action, Purpose
from workbench.ui.desk import Desk


def _filter(desk: Desk, items: list[Any]) -> None:
    del items
    desk.screen.open_filter()


def _sort(desk: Desk, items: list[Any]) -> None:
    del items
    desk.screen.listing.sort_next()


def _mark(desk: Desk, items: list[Any]) -> None:
    screen = desk.screen
    screen.listing.mark([screen.noun.key(item) for item in items])
    screen.listing.action_move(1)
    screen.say_marks()


def _next_tab(desk: Desk, items: list[Any]) -> None:
    del items
    desk.screen.step_tab(1)


def _tab_before(desk: Desk, items: list[Any]) -> None:
    del items
    desk.screen.step_tab(-1)


def _full(desk: Desk, items: list[Any]) -> None:
    del items
    desk.screen.toggle_full()


def _back(desk: Desk, items: list[Any]) -> None:
    del items
    desk.screen.back()


ACTIONS = (
    Action("view.filter", "slash", LISTS, "filter", "list: filter rows", Purpose.LIST, _filter, rank=70),
    Action("view.sort", "S,shift+s", LISTS, "sort", "list: sort by next column", Purpose.LIST, _sort, rank=0),
    Action("view.mark", "space", LISTS, "mark", "list: mark row", Purpose.LIST, _mark, on_item=True, rank=0),
    Action(
        "view.next-tab", "right_square_bracket", LISTS, "next tab", "detail: show next tab", Purpose.OPEN, _next_tab,
        on_item=True, rank=0,
    ),
    Action(
        "view.tab-before", "left_square_bracket", LISTS, "tab before", "detail: show tab before", Purpose.OPEN,
        _tab_before, on_item=True, rank=0,
    ),
    Action(
        "view.full", "f", LISTS, "full screen", "detail: toggle full screen", Purpose.OPEN, _full, on_item=True, rank=0
    ),
    Action("view.back", "escape", LISTS, "back", "view: go back one level", Purpose.GO, _back, rank=0),
)  # fmt: skip
