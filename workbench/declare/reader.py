"""One strict YAML reader: text in, plain data with the place of every key and value out.

    bytes ─▶ size, encoding, characters ─▶ parser events ─▶ depth, aliases, tags, duplicate keys ─▶ Document

A plain scalar stays the text it is (`no`, `3.10`, `22:22`, `2024-01-01`): the schema gives it a type afterwards.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

import yaml

from workbench.declare.problem import DeclarationError, Problem
from workbench.declare.quoting import explain, lines_of

MAX_BYTES = 256 * 1024
MAX_DEPTH = 20
TEXT = Path("<text>")  # the path of a declaration that came as text

Step = str | int
Keys = tuple[Step, ...]
# C0 without tab and line ends, DEL, C1 without NEL: none is meant by a person who writes YAML.
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f]")
_CONTROL_IN_VALUE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


class Plain(str):
    """A scalar written without quotes; its type is decided where it is used."""

    __slots__ = ()


@dataclass(frozen=True)
class Place:
    """Line and column, both from 1."""

    line: int
    column: int


@dataclass(frozen=True)
class Document:
    """A file that was read: nested dict, list, str, `Plain` and None, and where each key and value stands.

    `problems` are faults of structure; below the paths in `broken` the data is not what the person wrote.
    """

    path: Path
    text: str
    data: dict[str, Any]
    keys: dict[Keys, Place] = field(default_factory=dict)
    values: dict[Keys, Place] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()
    broken: frozenset[Keys] = frozenset()

    def problem(self, keys: Keys, message: str, hint: str = "", *, at_key: bool = False, notice: bool = False) -> Problem:
        """A problem at the value of `keys` (or at the key itself), or at the nearest thing around it that is there."""
        places = self.keys if at_key else self.values
        while keys and keys not in places:
            keys, places = keys[:-1], self.values
        place = places.get(keys, Place(1, 1))
        return Problem(
            self.path, place.line, place.column, message, hint, line_of(self.text, place.line), notice=notice
        )


def line_of(text: str, number: int) -> str:
    """Line `number` (from 1) of `text` without its end; empty where there is none."""
    lines = lines_of(text)
    return lines[number - 1] if 0 < number <= len(lines) else ""


def read_bytes(path: Path, limit: int = MAX_BYTES) -> bytes:
    """The bytes of a regular file. Raises `DeclarationError` where it is none, unreadable, or larger than `limit`."""
    try:
        # A pipe without a writer would otherwise block the open for ever.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with open(descriptor, "rb") as file:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                _refuse(path, "not a file")
            content = file.read(limit + 1)
    except OSError as error:
        _refuse(path, f"cannot be read: {(error.strerror or 'unknown error').lower()}")
    except ValueError:
        _refuse(path, "cannot be read: no such path")
    if len(content) > limit:
        _refuse(path, f"larger than {limit // 1024} KB", "a declaration is short; keep data in other files")
    return content


def read_text(path: Path) -> str:
    """The UTF-8 text of a file, without a byte order mark. Raises `DeclarationError`."""
    content = read_bytes(path)
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = content[: error.start]
        column = error.start - (before.rfind(b"\n") + 1) + 1
        problem = Problem(path, before.count(b"\n") + 1, column, "not UTF-8 text", "save the file as UTF-8")
        raise DeclarationError([problem]) from None


def read(source: Path | str) -> Document:
    """A file, or text, as a document with one mapping at its top.

    Raises `DeclarationError` where no data can be had; faults that leave the rest readable are in its `problems`.
    """
    path, text = (source, read_text(source)) if isinstance(source, Path) else (TEXT, source)
    if len(text) > MAX_BYTES or len(text.encode(errors="replace")) > MAX_BYTES:
        _refuse(path, f"larger than {MAX_BYTES // 1024} KB", "a declaration is short; keep data in other files")
    _check_characters(path, text)
    composer = _Composer(path, text)
    try:
        data = composer.document()
    except yaml.YAMLError as error:
        raise DeclarationError([*composer.problems, _syntax(path, text, error)]) from None
    except _TooDeep as error:
        raise DeclarationError([error.problem]) from None
    if not isinstance(data, dict):
        raise DeclarationError([*composer.problems, composer.not_a_mapping(data)])
    return Document(
        path, text, data, composer.keys, composer.values, tuple(composer.problems), frozenset(composer.broken)
    )


def _refuse(path: Path, message: str, hint: str = "") -> NoReturn:
    raise DeclarationError([Problem(path, 0, 0, message, hint)]) from None


def _check_characters(path: Path, text: str) -> None:
    found = [*_CONTROL.finditer(text)][:20]
    lone = re.search("[\ud800-\udfff]", text)
    if lone:
        found.append(lone)
    if found:
        raise DeclarationError(_control_problem(path, text, match) for match in found)


def _control_problem(path: Path, text: str, match: re.Match[str]) -> Problem:
    line = text.count("\n", 0, match.start()) + 1
    column = match.start() - text.rfind("\n", 0, match.start())
    message = f"control character U+{ord(match[0]):04X} in the file"
    return Problem(path, line, column, message, "remove it", line_of(text, line))


def _syntax(path: Path, text: str, error: yaml.YAMLError) -> Problem:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
    context = getattr(error, "context_mark", None)
    said = getattr(error, "problem", None) or "not YAML"
    line, column, message, hint = explain(text, line, column, said, context.line + 1 if context else None)
    return Problem(path, line, column, message, hint, line_of(text, line))


class _TooDeep(Exception):
    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.message)
        self.problem = problem


class _Composer:
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
        self.values[keys] = Place(event.start_mark.line + 1, event.start_mark.column + 1)
        if isinstance(event, yaml.AliasEvent):
            self.alias(event)
            self.broken.add(keys)
            return None
        if event.anchor is not None:
            self.note(event, f"anchor &{event.anchor}", "anchors are not read; if text is meant, put quotes round it")
            self.broken.add(keys)
        if event.tag not in (None, "!"):
            self.note(event, f"tag {event.tag}", "tags are not read; if text is meant, put quotes round it")
            self.broken.add(keys)
        if isinstance(event, yaml.ScalarEvent):
            return self.scalar(event, keys)
        if depth > MAX_DEPTH:
            raise _TooDeep(self.place(event, f"nested more than {MAX_DEPTH} deep"))
        if isinstance(event, yaml.SequenceStartEvent):
            return self.sequence(keys, depth)
        return self.mapping(keys, depth)

    def scalar(self, event: yaml.ScalarEvent, keys: Keys) -> str | None:
        value: str = event.value
        found = _CONTROL_IN_VALUE.search(value)
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
                self.keys[*keys, key] = Place(event.start_mark.line + 1, event.start_mark.column + 1)
                found[key] = self.node(value, (*keys, key), depth + 1)
        return found

    def key(self, event: yaml.Event) -> str | None:
        """The text of a key; None, and a problem noted, where it is no plain piece of text."""
        if isinstance(event, yaml.ScalarEvent) and event.anchor is None and event.tag in (None, "!"):
            value: str = event.value
            if _CONTROL_IN_VALUE.search(value):
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
            line, column = event.start_mark.line + 1, event.start_mark.column + 1
            place = explain(self.text, line, column, "a list or mapping cannot be a key", None)
            self.problems.append(
                Problem(self.path, place[0], place[1], place[2], place[3], line_of(self.text, place[0]))
            )
            self.skip(event)
        return None

    def alias(self, event: yaml.Event) -> None:
        hint = "aliases are not read; if text is meant, put quotes round it"
        self.note(event, f"alias *{event.anchor}", hint)

    def skip(self, event: yaml.Event) -> None:
        """Pass over a node whose first event was taken."""
        open_nodes = 0
        while True:
            if isinstance(event, yaml.CollectionStartEvent):
                open_nodes += 1
                if open_nodes > MAX_DEPTH:
                    raise _TooDeep(self.place(event, f"nested more than {MAX_DEPTH} deep"))
            elif isinstance(event, yaml.CollectionEndEvent):
                open_nodes -= 1
            if open_nodes == 0:
                return
            event = next(self.events)

    def place(self, event: yaml.Event, message: str, hint: str = "") -> Problem:
        line, column = event.start_mark.line + 1, event.start_mark.column + 1
        return Problem(self.path, line, column, message, hint, line_of(self.text, line))

    def note(self, event: yaml.Event, message: str, hint: str = "") -> None:
        self.problems.append(self.place(event, message, hint))
