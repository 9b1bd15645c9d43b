"""How wide the columns of a list are in the room there is; pure."""

from __future__ import annotations

from collections.abc import Sequence

from rich.cells import cell_len, set_cell_size

from workbench.text import one_line
from workbench.ui.nouns.base import Column

GAP = 2


def fit(columns: Sequence[Column], room: int, wanted: Sequence[int] = ()) -> list[int]:
    """Widths for `room` cells, 0 for a column that is left out.

    `wanted` are the cells that titles and contents take; what needs less than a column's `width` gets less. The highest
    `drop` goes first where even that does not fit. What is left is given to those that want more, the most important
    first, then to those that grow.
    """
    asked = wanted or [column.width for column in columns]
    widths = [min(column.width, want) for column, want in zip(columns, asked, strict=True)]

    def needed() -> int:
        shown = [width for width in widths if width]
        return sum(shown) + GAP * max(0, len(shown) - 1)

    while needed() > room:
        going = [index for index, column in enumerate(columns) if widths[index] and column.drop]
        if not going:
            break
        widths[max(going, key=lambda index: columns[index].drop)] = 0
    here = [index for index, width in enumerate(widths) if width]
    left = max(0, room - needed())
    for index in sorted(here, key=lambda index: columns[index].drop):
        more = min(left, max(0, asked[index] - widths[index]))
        widths[index] += more
        left -= more
    growing = sum(columns[index].grow for index in here)
    for index in here:
        widths[index] += left * columns[index].grow // growing if growing else 0
    return widths


def wants(columns: Sequence[Column], rows: Sequence[Sequence[str]], before: Sequence[int] = ()) -> list[int]:
    """The cells that titles and `rows` take, and no less than `before`, so that columns do not jump to and fro.

    A column that may be left out, and in which no row has anything, takes none.
    """
    if not rows:
        return list(before) or [cell_len(column.title) for column in columns]
    found = list(before) or [0] * len(columns)
    for row in rows:
        found = [max(width, cell_len(one_line(text))) for width, text in zip(found, row, strict=True)]
    titles = [
        0 if column.drop and not width else cell_len(column.title) for column, width in zip(columns, found, strict=True)
    ]
    return [max(width, title) for width, title in zip(found, titles, strict=True)]


def pad(text: str, width: int, *, right: bool = False) -> str:
    """`text` on one line in exactly `width` cells, with an ellipsis where it is cut."""
    line = one_line(text)
    length = cell_len(line)
    if length > width:
        return set_cell_size(line, max(0, width - 1)) + "…" if width else ""
    space = " " * (width - length)
    return space + line if right else line + space


def folded(text: str, width: int) -> list[str]:
    """`text` in lines of at most `width` cells, broken between words."""
    lines: list[str] = []
    for piece in text.split("\n"):
        line = ""
        for word in piece.split(" "):
            if line and cell_len(line) + 1 + cell_len(word) > width:
                lines.append(line)
                line = word
            else:
                line = f"{line} {word}" if line else word
        lines.append(line)
    return lines
