"""What a project declares of a notebook's parameters, laid over what the notebook's own cell does."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from difflib import get_close_matches
from typing import Any

from workbench.model.parameter import ANY, Declared
from workbench.notebooks.parameters import Parameters


def merged(found: Parameters, explicit: Sequence[Declared]) -> Parameters:
    """What the notebook takes: what the project declares wins, name by name; the rest is the cell's."""
    own = {one.name: one for one in found.declared}
    said = {one.name: _over(one, own.get(one.name)) for one in explicit}
    first = tuple(said.pop(name, one) for name, one in own.items())
    return replace(found, declared=(*first, *said.values()))


def _over(one: Declared, cell: Declared | None) -> Declared:
    if cell is None:
        return replace(one, added=one.literal)
    same = one.literal and cell.literal and one.default == cell.default and type(one.default) is type(cell.default)
    made = replace(one, added=one.literal and not same, help=one.help or cell.help)
    if not one.source:
        made = replace(made, source=cell.source, default=cell.default, literal=cell.literal)
    if one.type == ANY and not one.choices:
        made = replace(made, type=cell.type, annotated=cell.annotated, choices=cell.choices, items=cell.items)
    none_is_one = cell.optional and (cell.annotated or (cell.literal and cell.default is None))
    return replace(made, optional=none_is_one or (one.type == ANY and cell.optional))


def filled(takes: Parameters, given: Mapping[str, Any]) -> dict[str, Any]:
    """`given` with the defaults that the project declares and the notebook itself does not have."""
    return {**given, **{one.name: one.default for one in takes.declared if one.added and one.name not in given}}


def differences(found: Parameters, explicit: Sequence[Declared]) -> Iterator[tuple[str, str, str]]:
    """Where the project's declaration and the cell do not agree: name, what is so, what to do."""
    if not found.has_cell:
        if explicit:
            hint = "tag the cell with its defaults `parameters`"
            yield explicit[0].name, "the notebook has no cell tagged `parameters`: values are set at its top", hint
        return
    own = {one.name: one for one in found.declared}
    for one in explicit:
        cell = own.get(one.name)
        if cell is None:
            if found.known:
                close = get_close_matches(one.name, own, n=1)
                hint = f"did you mean {close[0]}?" if close else f"it has: {', '.join(own)}" if own else ""
                yield one.name, "the notebook's `parameters` cell has no such name", hint
        elif cell.literal and cell.default is not None and one.type != ANY and (why := one.problem(cell.default)):
            yield one.name, f"the notebook's own default does not fit: {why}", f"there it is {cell.words}"
        elif cell.annotated and ANY not in (one.type, cell.type) and not _agree(one.type, cell.type):
            yield one.name, f"declared as {one.kind}, and in the notebook as {cell.words}", ""


def _agree(said: str, cell: str) -> bool:
    return said == cell or (said, cell) in {("date", "str"), ("int", "float")}
