"""Single keys of a declaration by their path, as ("timeout", "cell"): put beside what is there, short forms widened for it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from workbench.declare.reader import read
from workbench.declare.scalars import free
from workbench.declare.schema.code import CodeKeys
from workbench.declare.schema.terms import RetryKeys, TimeoutKeys
from workbench.errors import Refused
from workbench.text import one_line

Single = Mapping[tuple[str, ...], Any]  # None takes a key away
# What a value that stands alone is short for.
SHORT = {"timeout": TimeoutKeys.SHORT, "retries": RetryKeys.SHORT, "code": CodeKeys.SHORT}


def merged(data: Mapping[str, Any], keys: Single) -> dict[str, Any]:
    """`data` with the keys in it; a mapping that says nothing any more goes, and what can be short is."""
    found = dict(data)
    for path, value in sorted(keys.items(), key=lambda item: len(item[0])):
        _put(found, path, value)
    for first in {path[0] for path in keys}:
        value, short = found.get(first), SHORT.get(first)
        if value is None or (value == {} and isinstance(value, dict)):
            found.pop(first, None)
        elif isinstance(value, Mapping) and set(value) == {short}:
            found[first] = value[short or ""]
    return found


def changes(there: Mapping[str, Any], keys: Single) -> Single:
    """What the writer is to change in a file that says `there`: as little as will do, so that comments stay."""
    wanted = merged(there, keys)
    found: dict[tuple[str, ...], Any] = {}
    for first in dict.fromkeys(path[0] for path in keys):
        paths = {path: value for path, value in keys.items() if path[0] == first}
        inner = all(len(path) > 1 for path in paths)
        if inner and isinstance(there.get(first), Mapping) and isinstance(wanted.get(first), Mapping):
            found |= paths
        else:
            found[first,] = wanted.get(first)
    return found


def at(there: Mapping[str, Any], path: tuple[str, ...]) -> Any:
    """What a file that says `there` has at a path, also where it has the short form; None for nothing."""
    value: Any = there
    for place, key in enumerate(path):
        if not isinstance(value, Mapping):
            return value if place == 1 and SHORT.get(path[0]) == key else None
        value = value.get(key)
    return value


def said(word: str) -> tuple[tuple[str, ...], Any]:
    """`keep.last=30` as a path and a value: what stands behind the sign is YAML. Raises `Refused` or `DeclarationError`."""
    key, equals, text = word.partition("=")
    if not equals or not key.strip():
        raise Refused(
            f"{one_line(word, 60)!r} sets nothing", hint="A key of the file, =, and its value, as keep.last=30."
        )
    return path_of(key), free(read(f"value: {text}\n").data.get("value"))


def path_of(word: str) -> tuple[str, ...]:
    """`keep.last` as a path."""
    return tuple(word.strip().split("."))


def _put(data: dict[str, Any], path: tuple[str, ...], value: Any) -> None:
    first, *rest = path
    if not rest:
        data[first] = value
        return
    there = data.get(first)
    short = {} if there is None else {SHORT.get(first, first): there}
    inner = dict(there) if isinstance(there, Mapping) else short
    _put(inner, tuple(rest), value)
    data[first] = {key: item for key, item in inner.items() if item is not None}
