"""YAML of parameters, read as papermill's command reads it: YAML 1.1 types, but dates stay text.

These values are for a notebook and must be what papermill would pass it; the strict reader is for declarations.
"""

from __future__ import annotations

import re
from typing import Any

import yaml

from workbench.declare.quoting import explain
from workbench.errors import Refused
from workbench.text import one_line

MOST = 1_000_000  # values after aliases are followed: a few lines of aliases can mean billions


class _Loader(yaml.SafeLoader):
    yaml_implicit_resolvers = {  # noqa: RUF012 - as the base class declares it
        first: [pair for pair in pairs if pair[0] != "tag:yaml.org,2002:timestamp"]
        for first, pairs in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


class _Core(_Loader):
    """The types of YAML 1.2, as `sweep:` of a schedule is read: `no` and `22:22` are text."""

    yaml_implicit_resolvers = {}  # noqa: RUF012 - as the base class declares it


for _tag, _pattern, _first in (
    ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("int", r"[-+]?(?:0|[1-9][0-9]*)", "-+0123456789"),
    ("float", r"[-+]?(?:\.[0-9]+|(?:0|[1-9][0-9]*)(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?", "-+0123456789."),
    ("float", r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)", "-+."),
):
    _Core.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(rf"^(?:{_pattern})$"), list(_first))


def read_parameters(text: str, *, title: str) -> dict[str, Any]:
    """The mapping of names to values that `text` (YAML or JSON) holds; empty text is none. Raises `Refused`."""
    values = read_values(text, title=title)
    if values is None:
        return {}
    if not isinstance(values, dict) or not all(isinstance(name, str) for name in values):
        raise Refused("expected names with values, as {year: 2025}", title=title)
    return values


def read_grid(text: str, *, title: str) -> Any:
    """What a file of a sweep holds. Raises `Refused`."""
    return read_values(text, title=title, loader=_Core)


def read_values(text: str, *, title: str, loader: type[yaml.SafeLoader] = _Loader) -> Any:
    """What `text` (YAML or JSON) holds, of whatever kind. Raises `Refused`."""
    try:
        values = yaml.load(text, loader)  # noqa: S506 - a SafeLoader with fewer types
    except yaml.YAMLError as error:
        raise _not_yaml(text, title, error) from error
    except (ValueError, RecursionError) as error:
        raise Refused(f"not YAML: {type(error).__name__}: {one_line(str(error), 300)}", title=title) from error
    _check_size(values, title)
    return values


def _not_yaml(text: str, title: str, error: yaml.YAMLError) -> Refused:
    """What stumbled, where, and what was most likely meant, as for declarations."""
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    if mark is None:
        return Refused(f"not YAML: {one_line(str(error), 300)}", title=title)
    context = getattr(error, "context_mark", None)
    said = getattr(error, "problem", None) or "not YAML"
    line, column, message, hint = explain(
        text, mark.line + 1, mark.column + 1, said, context.line + 1 if context else None
    )
    return Refused(f"line {line}, column {column}: {one_line(message, 300)}", title=title, hint=hint)


def _check_size(values: Any, title: str) -> None:
    waiting, count = [values], 0
    while waiting:
        value = waiting.pop()
        count += 1
        if count > MOST:
            raise Refused(f"more than {MOST} values", title=title, hint="Put them into a file and pass its name.")
        if isinstance(value, dict):
            waiting.extend(value.values())
        elif isinstance(value, list):
            waiting.extend(value)
