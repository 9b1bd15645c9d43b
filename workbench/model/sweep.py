"""A sweep: parameters with several values each, and the combinations of them that are run as one group.

region=north,south            a list
rows=10..50..10               a range with both ends; a step of 1 where none is given
day=2024-01-01..2024-03-01..1 month       days too, by the calendar
names=["a,b", c]              a list as YAML writes it, where a value has a comma; so is "a,b",c
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from itertools import islice, product
from math import prod
from typing import Any

from workbench.errors import Refused
from workbench.model.parameter import is_date, shown
from workbench.model.placeholder import moved
from workbench.text import one_line, plural

ASK = 50  # more runs than this are asked about
MOST = 1000  # runs of one group: each starts a kernel, and a loop in a notebook is the better tool by then
TITLE = "sweep"
Axis = str | Sequence[Any]  # as written, or values
_QUOTED = re.compile(r"""(?:^|,)\s*["']""")  # text whose commas are its own
_NUMBER = r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?"
_NUMBERS = re.compile(rf"({_NUMBER})\.\.({_NUMBER})(?:\.\.({_NUMBER}))?")
_DAYS = re.compile(r"(\d{4}-\d\d-\d\d)\.\.(\d{4}-\d\d-\d\d)(?:\.\.\s*(\d{1,4})\s*(day|week|month|year)s?)?")


@dataclass(frozen=True)
class Sweep:
    """`axes`: names with what stands for their values, every combination of which is run; or `rows`: the combinations
    themselves, each a mapping with the same names."""

    axes: Mapping[str, Axis]
    rows: Sequence[Mapping[str, Any]] = ()

    def __bool__(self) -> bool:
        return bool(self.axes or self.rows)

    @property
    def names(self) -> tuple[str, ...]:
        """The parameters that it varies."""
        return tuple(self.rows[0] if self.rows else self.axes)

    @property
    def data(self) -> Any:
        """As a grid file has it, and as `read` takes it."""
        return [dict(row) for row in self.rows] or {
            name: axis if isinstance(axis, str) else list(axis) for name, axis in self.axes.items()
        }


def read(data: Any, title: str = TITLE) -> Sweep:
    """A sweep out of a grid file or `sweep:` of a schedule. Raises `Refused`."""
    hint = "As {region: [north, south], rows: 10..50..10}, or a list of mappings with the same names."
    if isinstance(data, Mapping) and data:
        axes: dict[str, Axis] = {}
        for name, said in data.items():
            axis = _from_to(str(name), said, title) if isinstance(said, Mapping) else said
            axes[str(name)] = axis if isinstance(axis, str | list) else [axis]
        return Sweep(axes)
    if isinstance(data, list) and data and all(isinstance(row, Mapping) and row for row in data):
        if any(row.keys() != data[0].keys() for row in data):
            raise Refused("the combinations do not all have the same names", title=title, hint=hint)
        return Sweep({}, tuple({str(name): value for name, value in row.items()} for row in data))
    raise Refused("expected names with their values", title=title, hint=hint)


def of_words(words: Sequence[str]) -> Sweep:
    """A sweep out of `NAME=VALUES` words of a command line. Raises `Refused`."""
    axes: dict[str, Axis] = {}
    for word in words:
        name, sign, said = word.partition("=")
        if not sign or not name.strip() or not said.strip():
            raise Refused(
                f"{one_line(word, 80)!r} is no sweep", hint="As --sweep region=north,south or --sweep rows=10..50..10"
            )
        if name.strip() in axes:
            raise Refused(f"{one_line(name, 40)} is swept twice", hint="Give all its values at once.")
        axes[name.strip()] = said.strip()
    return Sweep(axes)


@dataclass(frozen=True)
class Reader:
    """How texts of a sweep become values. `meant` reads one by the name's type; `texts` are names whose values are text,
    so that `1..3` is no range; `written` writes out references, so that `${month_start}..${due}` is one; `flow` reads a
    list as YAML writes it."""

    meant: Callable[[str, str], Any]
    texts: Container[str] = ()
    written: Callable[[str, str], str] = lambda _name, text: text
    flow: Callable[[str], Any] = lambda text: text

    def values(self, name: str, axis: Axis) -> list[Any]:
        """All values of one name, each once. Raises `Refused`."""
        if not isinstance(axis, str):
            found = list(axis)
        elif axis.startswith("[") or _QUOTED.search(axis):
            found = self.flow(axis if axis.startswith("[") else f"[{axis}]")
            if not isinstance(found, list):
                raise Refused(f"{name}: expected a list, as [a, b]", title=TITLE)
        else:
            items = self.written(name, axis).split(",")
            found = [value for item in items for value in self._item(name, item.strip())]
        if not found:
            raise Refused(f"{name}: no values", title=TITLE)
        seen: set[str] = set()
        for value in found:
            mark = f"{type(value).__name__} {shown(value)}"
            if mark in seen:
                raise Refused(f"{name}: {one_line(shown(value), 60)} is there twice", title=TITLE)
            seen.add(mark)
        return found

    def _item(self, name: str, text: str) -> list[Any]:
        """The values of one piece between commas: a range, or a single one by its type."""
        if match := _DAYS.fullmatch(text):
            return _few(name, _days(name, *match.groups()))
        if (match := _NUMBERS.fullmatch(text)) and name not in self.texts:
            return _few(name, _numbers(name, *match.groups()))
        if not text:
            hint = f'An empty text: {name}=["", …]'
            raise Refused(f"{name}: a value is missing between commas", title=TITLE, hint=hint)
        return [self.meant(name, text)]


def combinations(sweep: Sweep, reader: Reader) -> list[dict[str, Any]]:
    """The parameters of each run, in order, the last name varying fastest. Raises `Refused` for what is no sweep."""
    if sweep.rows:
        if len(sweep.rows) > MOST:
            raise _too_many(len(sweep.rows))
        if len({json.dumps(dict(row), sort_keys=True, default=str) for row in sweep.rows}) < len(sweep.rows):
            raise Refused("a combination is there twice", title=TITLE)
        return [dict(row) for row in sweep.rows]
    axes = {name: reader.values(name, axis) for name, axis in sweep.axes.items()}
    count = prod(map(len, axes.values()))
    if count > MOST:
        raise _too_many(count)
    return [dict(zip(axes, row, strict=True)) for row in product(*axes.values())]


def told(rows: Sequence[Mapping[str, Any]]) -> str:
    """`6 runs: region north, south; rows 10, 20, 30`."""
    parts = []
    for name in rows[0] if rows else ():
        values = list(dict.fromkeys(shown(row[name]) for row in rows))
        more = f" … {values[-1]}" if len(values) > 6 else ""
        parts.append(f"{name} {', '.join(values[:5] if more else values)}{more}")
    return f"{plural(len(rows), 'run')}: {'; '.join(parts)}"


def _too_many(count: int) -> Refused:
    return Refused(
        f"{count} combinations are more than {MOST}, which one group may have",
        title=TITLE,
        hint="Each is a run with a kernel of its own: sweep in parts, or loop in the notebook.",
    )


def _from_to(name: str, said: Mapping[str, Any], title: str) -> str:
    if not {"from", "to"} <= said.keys() or said.keys() - {"from", "to", "step"}:
        raise Refused(
            f"{one_line(name, 40)}: expected from, to and step", title=title, hint="As {from: 10, to: 50, step: 10}."
        )
    return "..".join(shown(said[key]) for key in ("from", "to", "step") if key in said)


def _few(name: str, values: Iterator[Any]) -> list[Any]:
    found = list(islice(values, MOST + 1))
    if len(found) > MOST:
        raise Refused(f"{name}: more than {MOST} values", title=TITLE, hint="Take a longer step.")
    return found


def _numbers(name: str, first: str, last: str, step: str | None) -> Iterator[int | float]:
    start, end, by = Decimal(first), Decimal(last), Decimal(step or 1)
    if step is None and end < start:
        by = -by
    if by == 0 or (end - start) * by < 0:
        raise Refused(f"{name}: {first}..{last} is never reached in steps of {step}", title=TITLE)
    whole = all(re.fullmatch(r"[+-]?\d+", said) for said in (first, step or "1"))
    while (end - start) * by >= 0:
        yield int(start) if whole else float(start)
        start += by


def _days(name: str, first: str, last: str, count: str | None, unit: str | None) -> Iterator[str]:
    if not (is_date(first) and is_date(last)):
        raise Refused(f"{name}: {first}..{last}: not both are days of the calendar", title=TITLE)
    start, end, by = date.fromisoformat(first), date.fromisoformat(last), int(count or 1)
    if by == 0 or end < start:
        raise Refused(
            f"{name}: {first}..{last} is no range of days", title=TITLE, hint="From the earlier to the later."
        )
    number = 0
    while (day := moved(start, number * by, unit or "day")) <= end:
        yield day.isoformat()
        number += 1
