"""What commands print: aligned tables, records and sentences for people, JSON for programs."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from pathlib import Path
from textwrap import fill
from typing import Any
from unicodedata import combining, east_asian_width

import click

from workbench.cli.invocation import Invocation
from workbench.cli.terminal.hints import pasted
from workbench.text import clean, one_line

GAP = "  "
NARROWEST = 20  # columns that a shortened column keeps


@dataclass(frozen=True)
class Cell:
    """Text of one cell with its colour (a name click knows, or none)."""

    text: str
    color: str | None = None


GLYPHS = {
    "queued": ("○", None), "waiting": ("◌", "yellow"), "retrying": ("◌", "yellow"), "preparing": ("◐", "cyan"),
    "starting": ("◐", "cyan"), "building": ("◐", "cyan"), "running": ("●", "cyan"), "finishing": ("◑", "cyan"),
    "cancelling": ("◑", "yellow"), "stopping": ("◑", "yellow"), "succeeded": ("✓", "green"), "ready": ("✓", "green"),
    "fired": ("✓", "green"), "ok": ("✓", "green"), "active": ("●", "green"), "failed": ("✗", "red"),
    "crashed": ("✗", "red"), "timed-out": ("✗", "red"), "out-of-memory": ("✗", "red"), "interrupted": ("✗", "red"),
    "vanished": ("✗", "red"), "problem": ("✗", "red"), "missing": ("✗", "red"), "set": ("✓", "green"), "sent": ("✓", "green"), "pending": ("○", None), "sending": ("◐", "cyan"), "unknown": ("!", "yellow"), "invalid": ("✗", "red"), "missed": ("!", "yellow"),
    "skipped": ("!", "yellow"), "notice": ("!", "yellow"), "held": ("●", "yellow"), "stale": ("!", "yellow"), "cancelled": ("–", None),
    "stopped": ("–", None), "spare": ("◌", None), "paused": ("–", "yellow"), "off": ("–", None), "done": ("–", None), "not built": ("–", None),
}  # fmt: skip


def state(word: str) -> Cell:
    """A state as glyph and word, so that it is readable without colour."""
    glyph, color = GLYPHS.get(word, ("·", None))
    return Cell(f"{glyph} {word}", color)


def width(text: str) -> int:
    """Columns that `text` takes on a terminal."""
    if text.isascii():
        return len(text)
    return sum(0 if combining(c) else 2 if east_asian_width(c) in "WF" else 1 for c in text)


def table(
    call: Invocation,
    headers: Sequence[str],
    rows: Iterable[Sequence[Cell | str]],
    *,
    empty: str,
    give: Sequence[str] = (),
) -> None:
    """Aligned columns; `empty` is said instead of no rows. On a terminal the columns in `give` are cut to fit, first to last."""
    cells = [[cell if isinstance(cell, Cell) else Cell(cell) for cell in row] for row in rows]
    lines = [[Cell(one_line(cell.text), cell.color) for cell in row] for row in cells]
    if not lines:
        note(call, empty)
        return
    if call.quiet:
        for line in lines:
            click.echo(line[0].text)
        return
    widths = [max(width(text) for text in column) for column in zip(headers, *_texts(lines), strict=True)]
    if sys.stdout.isatty():
        over = sum(widths) + len(GAP) * (len(widths) - 1) - shutil.get_terminal_size().columns
        for at in (list(headers).index(header) for header in give):
            kept = max(min(widths[at], NARROWEST), widths[at] - max(over, 0))
            over, widths[at] = over - (widths[at] - kept), kept
    click.echo(_line([Cell(header, "bold") for header in headers], widths))
    for line in lines:
        click.echo(_line(line, widths))


def columns(lines: Iterable[Sequence[str]]) -> list[str]:
    """Lines with their parts below each other; a column that all leave empty is left out."""
    rows = list(zip(*(column for column in zip(*lines, strict=True) if any(column)), strict=True))
    widths = [max(map(width, column)) for column in zip(*rows, strict=True)]
    return [
        GAP.join(part + " " * (wide - width(part)) for part, wide in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]


def record(pairs: Iterable[tuple[str, Cell | str | None]]) -> None:
    """One thing: names at the left, values at the right; what has no value is left out."""
    known = [(name, value if isinstance(value, Cell) else Cell(value)) for name, value in pairs if value]
    indent = max((len(name) for name, _ in known), default=0) + len(GAP)
    for name, cell in known:
        first, *more = pasted(clean(cell.text)).splitlines() or [""]
        click.echo(
            click.style(name.ljust(indent), bold=True) + (click.style(first, fg=cell.color) if cell.color else first)
        )
        for line in more:
            click.echo(" " * indent + line)


def fitting(text: str) -> str:
    """`text` on one line with its gaps, cut to the terminal where there is one."""
    line = clean(text).replace("\n", " ")
    return cut(line, shutil.get_terminal_size().columns) if sys.stdout.isatty() else line


def side_by_side(words: Iterable[str], indent: int) -> str:
    """Words as many to a line as a terminal has room for behind `indent` columns; elsewhere a line each."""
    if not sys.stdout.isatty():
        return "\n".join(words)
    room = max(NARROWEST, shutil.get_terminal_size().columns - indent)
    return fill(GAP.join(words), room, break_on_hyphens=False, break_long_words=False)


def block(title: str, text: str) -> None:
    """Text of several lines from elsewhere, indented below its title; nothing where there is none."""
    if text.strip():
        click.echo(click.style(title, bold=True))
        for line in clean(text).rstrip().splitlines():
            click.echo(f"  {line}")


def answer(call: Invocation, text: str, data: Mapping[str, Any] | Sequence[Any]) -> None:
    """What a verb did: `text` for people, `data` for programs."""
    if call.json:
        emit(data)
    else:
        say(call, text)


def say(call: Invocation, text: str) -> None:
    """A sentence on stdout; not with --quiet or --json."""
    if text and not call.quiet and not call.json:
        click.echo(pasted(clean(text)))


def note(call: Invocation, text: str) -> None:
    """A remark on stderr; not with --quiet."""
    if not call.quiet and text:
        click.echo(pasted(clean(text)), err=True)


def emit(data: Any) -> None:
    """`data` as JSON on stdout; control characters stand escaped in it."""
    click.echo(json.dumps(data, indent=2, ensure_ascii=not _utf8(), default=plain))


def plain(value: Any) -> Any:
    """What JSON has no word for: times as UTC ISO 8601, paths and enums as text."""
    if isinstance(value, datetime):
        return iso(value)
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Path):
        return os.fsdecode(value)
    if isinstance(value, (set, frozenset, tuple)):
        return list(value)
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{type(value).__name__} has no JSON shape")


def iso(moment: datetime | None) -> str | None:
    """`2025-11-21T06:30:00+00:00`."""
    from datetime import UTC

    return moment.astimezone(UTC).isoformat(timespec="seconds") if moment else None


def _texts(lines: Sequence[Sequence[Cell]]) -> list[list[str]]:
    return [[cell.text for cell in line] for line in lines]


def _line(cells: Sequence[Cell], widths: Sequence[int]) -> str:
    parts = []
    for cell, wide in zip(cells, widths, strict=True):
        text = cut(cell.text, wide)
        style: dict[str, Any] = {"bold": True} if cell.color == "bold" else {"fg": cell.color} if cell.color else {}
        parts.append((click.style(text, **style) if style else text) + " " * (wide - width(text)))
    return GAP.join(parts).rstrip()


def cut(text: str, wide: int) -> str:
    """`text` in at most `wide` columns, with … where something is missing."""
    if width(text) <= wide:
        return text
    while text and width(text) > wide - 1:
        text = text[:-1]
    return text + "…"


def _utf8() -> bool:
    return (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"
