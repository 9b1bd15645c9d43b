"""Parser events composed into plain data: depth, aliases, anchors, tags and duplicate keys are watched for here."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from workbench.declare.problem import Problem
from workbench.declare.quoting import explain, line_of

MAX_DEPTH = 20

Keys = tuple[str | int, ...]
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


class Plain(str):
    """A scalar written without quotes; its type is decided where it is used."""

    __slots__ = ()


@dataclass(frozen=True)
class Place:
    """Line and column, both from 1."""

    line: int
    column: int


def place_of(event: yaml.Event) -> Place:
    """Where an event begins."""
    mark = event.start_mark
    assert mark is not None
    return Place(mark.line + 1, mark.column + 1)


class TooDeep(Exception):  # noqa: N818 - ends the reading; its problem is what people see
    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.message)
        self.problem = problem


class Composer:
    """Builds data from parser events; gives up on depth, notes everything else and goes on."""

    def __init__(self, path: Path, text: str) -> None:
        self.path = path
        self.text = text
        self.problems: list[Problem] = []
        self.keys: dict[Keys, Place] = {}
        self.values: dict[Keys, Place] = {}
        self.broken: set[Keys] = set()
        self.events: Iterator[yaml.Event] = iter(())

    def document(self) -> Any:
        self.events = yaml.parse(self.text, Loader=yaml.CSafeLoader)
        data: Any = None
        documents = 0
        for event in self.events:
            if isinstance(event, yaml.DocumentStartEvent):
                documents += 1
                root = next(self.events)
                if documents == 1:
                    data = self.node(root, (), 1)
                else:
                    self.note(event, "a second document begins here", "one file holds one mapping")
                    self.skip(root)
        return data

    def not_a_mapping(self, data: Any) -> Problem:
        what = "a list" if isinstance(data, list) else "nothing in it" if data is None else "one value"
        place = self.values.get((), Place(1, 1))
        message = f"expected a mapping (`key: value` lines), found {what}"
        return Problem(self.path, place.line, place.column, message, "", line_of(self.text, place.line))

    def node(self, event: yaml.Event, keys: Keys, depth: int) -> Any:
        self.values[keys] = place_of(event)
        if isinstance(event, yaml.AliasEvent):
            self.alias(event)
            self.broken.add(keys)
            return None
        assert isinstance(event, yaml.ScalarEvent | yaml.CollectionStartEvent)
        if event.anchor is not None:
            self.note(event, f"anchor &{event.anchor}", "anchors are not read; if text is meant, put quotes round it")
            self.broken.add(keys)
        if event.tag not in (None, "!"):
            self.note(event, f"tag {event.tag}", "tags are not read; if text is meant, put quotes round it")
            self.broken.add(keys)
        if isinstance(event, yaml.ScalarEvent):
            return self.scalar(event, keys)
        if depth > MAX_DEPTH:
            raise TooDeep(self.place(event, f"nested more than {MAX_DEPTH} deep"))
        if isinstance(event, yaml.SequenceStartEvent):
            return self.sequence(keys, depth)
        return self.mapping(keys, depth)

    def scalar(self, event: yaml.ScalarEvent, keys: Keys) -> str | None:
        value: str = event.value
        found = _CONTROL.search(value)
        if found:
            self.note(event, f"control character U+{ord(found[0]):04X} in a value", "remove it")
            self.broken.add(keys)
        if not event.implicit[0]:
            return value
        return Plain(value) if value not in ("", "~", "null") else None

    def sequence(self, keys: Keys, depth: int) -> list[Any]:
        items: list[Any] = []
        for event in self.events:
            if isinstance(event, yaml.SequenceEndEvent):
                break
            items.append(self.node(event, (*keys, len(items)), depth + 1))
        return items

    def mapping(self, keys: Keys, depth: int) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for event in self.events:
            if isinstance(event, yaml.MappingEndEvent):
                break
            key = self.key(event)
            value = next(self.events)
            if key is None:
                self.broken.add(keys)
                self.skip(value)
            elif key in found:
                first = self.keys[*keys, key]
                self.note(event, f"duplicate key {key!r}", f"it stands on line {first.line} too; keep one")
                self.skip(value)
            else:
                self.keys[*keys, key] = place_of(event)
                found[key] = self.node(value, (*keys, key), depth + 1)
        return found

    def key(self, event: yaml.Event) -> str | None:
        """The text of a key; None, and a problem noted, where it is no plain piece of text."""
        if isinstance(event, yaml.ScalarEvent) and event.anchor is None and event.tag in (None, "!"):
            value: str = event.value
            if _CONTROL.search(value):
                self.note(event, "control character in a key", "remove it")
            elif value == "<<" and event.implicit[0]:
                self.note(event, "merge key <<", "merging is not read; use `extends:` or write it out")
            elif not value:
                self.note(event, "a key is missing before `:`")
            else:
                return str(value)
            return None
        if isinstance(event, yaml.AliasEvent):
            self.alias(event)
        elif isinstance(event, yaml.ScalarEvent):
            self.note(event, "anchor or tag on a key", "remove it")
        else:
            place = place_of(event)
            said = "a list or mapping cannot be a key"
            line, column, message, hint = explain(self.text, place.line, place.column, said)
            self.problems.append(Problem(self.path, line, column, message, hint, line_of(self.text, line)))
            self.skip(event)
        return None

    def alias(self, event: yaml.AliasEvent) -> None:
        hint = "aliases are not read; if text is meant, put quotes round it"
        self.note(event, f"alias *{event.anchor}", hint)

    def skip(self, event: yaml.Event) -> None:
        """Pass over a node whose first event was taken."""
        open_nodes = 0
        while True:
            if isinstance(event, yaml.CollectionStartEvent):
                open_nodes += 1
                if open_nodes > MAX_DEPTH:
                    raise TooDeep(self.place(event, f"nested more than {MAX_DEPTH} deep"))
            elif isinstance(event, yaml.CollectionEndEvent):
                open_nodes -= 1
            if open_nodes == 0:
                return
            event = next(self.events)

    def place(self, event: yaml.Event, message: str, hint: str = "") -> Problem:
        at = place_of(event)
        return Problem(self.path, at.line, at.column, message, hint, line_of(self.text, at.line))

    def note(self, event: yaml.Event, message: str, hint: str = "") -> None:
        self.problems.append(self.place(event, message, hint))
