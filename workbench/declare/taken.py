"""`parameters:` of a project, out of its keys: a type each, and defaults, choices and ranges that agree."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from workbench.declare.problem import Problem
from workbench.declare.reader import Document
from workbench.declare.schema import ParameterKeys
from workbench.model.parameter import ANY, TYPES, WORDS, Declared, Taken, is_date, shown
from workbench.model.placeholder import named

KEY = "parameters"


def taken(
    document: Document, keys: Mapping[str, Mapping[str, ParameterKeys]], problems: list[Problem]
) -> tuple[Taken, ...]:
    """What each notebook is declared to take, in the order written; what does not agree is added to `problems`."""
    found = []
    for notebook, parameters in keys.items():
        declared = {name: _one(name, key) for name, key in parameters.items()}
        found.append(Taken(notebook, tuple(declared.values())))
        for name, one in declared.items():
            for key, message, hint in _faults(one):
                place = (KEY, notebook, name)
                whole = document.data[KEY][notebook][name]
                inside = isinstance(whole, Mapping) and key in whole
                problems.append(document.problem((*place, key) if inside else place, message, hint))
    return tuple(found)


def _one(name: str, keys: ParameterKeys) -> Declared:
    has_default = keys.default is not None
    seen = {_type_of(one) for one in (keys.choices or ([keys.default] if has_default else []))}
    kind = WORDS[keys.type] if keys.type else seen.pop() if len(seen) == 1 else ANY
    return Declared(
        name,
        kind,
        json.dumps(keys.default, ensure_ascii=False) if has_default else "",
        keys.default,
        has_default,
        keys.help,
        annotated=True,
        optional=False,
        choices=tuple(keys.choices),
        least=keys.min,
        most=keys.max,
        explicit=True,
        wanted=keys.required,
    )


def _faults(one: Declared) -> Iterator[tuple[str, str, str]]:
    """Key, message and hint of what cannot hold together."""
    if one.wanted and one.literal:
        yield "required", "it has a default and is required: only one of them can hold", ""
    for key, limit in (("min", one.least), ("max", one.most)):
        if limit is None:
            continue
        if one.type not in ("int", "float", "date", ANY):
            yield key, f"{one.kind or 'such a value'} has no range", "it is for integer, number and date"
        elif isinstance(limit, bool) or not (is_date(str(limit)) if one.type == "date" else _is_number(limit)):
            yield (
                key,
                f"expected {'a date, as 2026-01-31' if one.type == 'date' else 'a number'}, found {shown(limit)}",
                "",
            )
    least: Any = one.least
    if (
        least is not None
        and one.most is not None
        and isinstance(least, str) is isinstance(one.most, str)
        and least > one.most
    ):
        yield "min", f"{shown(one.least)} is more than max, {shown(one.most)}", ""
    bare = Declared(one.name, one.type, annotated=True, optional=False)
    for choice in one.choices:
        if why := bare.problem(choice):
            yield "choices", f"{shown(choice)}: {_plainly(why)}", _quotes(one)
    if one.literal and not any(named(one.default)) and (why := one.problem(one.default)):
        yield "default", _plainly(why), _quotes(one)


def _plainly(why: str) -> str:
    return why.partition(" (as text")[0]


def _quotes(one: Declared) -> str:
    return "put quotes round it where text is meant" if one.type == "str" else ""


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float)


def _type_of(value: Any) -> str:
    name = type(value).__name__
    return "date" if isinstance(value, str) and is_date(value) else name if name in TYPES else ANY
