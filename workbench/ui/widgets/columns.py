"""How wide the columns of a list are in the room there is; pure."""

from __future__ import annotations

from collections.abc import Sequence

from rich.cells import cell_len, set_cell_size

from workbench.text import one_line
from workbench.ui.nouns.base import Column

GAP = 2


def fit(columns: Sequence[Column], room: int) -> list[int]:
    """Widths for `room` cells, 0 for a column that is left out: highest `drop` first, then growing columns grow."""
    shown = [True] * len(columns)

    def needed() -> int:
        widths = [column.width for column, here in zip(columns, shown, strict=True) if here]
        return sum(widths) + GAP * max(0, len(widths) - 1)

    while needed() > room:
        candidates = [index for index, column in enumerate(columns) if shown[index] and column.drop]
        if not candidates:
            break
        shown[max(candidates, key=lambda index: columns[index].drop)] = False
    left = max(0, room - needed())
    growing = sum(column.grow for column, here in zip(columns, shown, strict=True) if here)
    widths = []
    for column, here in zip(columns, shown, strict=True):
        extra = left * column.grow // growing if growing and here else 0
        widths.append(column.width + extra if here else 0)
    return widths


def pad(text: str, width: int, *, right: bool = False) -> str:
    """`text` on one line in exactly `width` cells, with an ellipsis where it is cut."""
    line = one_line(text)
    length = cell_len(line)
    if length > width:
        return set_cell_size(line, max(0, width - 1)) + "…" if width else ""
    space = " " * (width - length)
    return space + line if right else line + space
