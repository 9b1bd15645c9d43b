"""One strict YAML reader: text in, plain data with the place of every key and value out.

    bytes ─▶ size, encoding, characters ─▶ parser events ─▶ depth, aliases, tags, duplicate keys ─▶ Document

A plain scalar stays the text it is (`no`, `3.10`, `22:22`, `2024-01-01`): the schema gives it a type afterwards.
"""

from __future__ import annotations

import os
import re
import stat
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

import yaml

from workbench.declare.composer import Composer, Keys, Place, TooDeep
from workbench.declare.problem import DeclarationError, Problem
from workbench.declare.quoting import explain, line_of
from workbench.enclosure import opened, real

MAX_BYTES = 256 * 1024
TEXT = Path("<text>")  # the path of a declaration that came as text

# C0 without tab and line ends, DEL, C1 without NEL: none is meant by a person who writes YAML.
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f]")


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

    def problem(
        self, keys: Keys, message: str, hint: str = "", *, at_key: bool = False, notice: bool = False
    ) -> Problem:
        """A problem at the value of `keys` (or at the key itself), or at the nearest thing around it that is there."""
        places = self.keys if at_key else self.values
        while keys and keys not in places:
            keys, places = keys[:-1], self.values
        place = places.get(keys, Place(1, 1))
        return Problem(
            self.path, place.line, place.column, message, hint, line_of(self.text, place.line), notice=notice
        )


def read_bytes(path: Path, limit: int = MAX_BYTES, *, root: Path | None = None) -> bytes:
    """The bytes of a regular file. Raises `DeclarationError` where it is none, unreadable, or larger than `limit`; with
    `root` also where it does not lie in that folder, whatever is put in its place meanwhile."""
    try:
        # A pipe without a writer would otherwise block the open for ever.
        descriptor = (
            opened(root, real(root, path)) if root else os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        )
        try:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                _refuse(path, "not a file")
            with open(descriptor, "rb", closefd=False) as file:
                content = file.read(limit + 1)
        finally:
            os.close(descriptor)
    except OSError as error:
        _refuse(path, f"cannot be read: {(error.strerror or 'unknown error').lower()}")
    except ValueError:
        _refuse(path, "cannot be read: no such path")
    if len(content) > limit:
        _refuse(path, f"larger than {limit // 1024} KB", "a declaration is short; keep data in other files")
    return content


def read_text(path: Path, *, utf_16: bool = False, root: Path | None = None) -> str:
    """The UTF-8 text of a file, without a byte order mark; UTF-16 with its mark too where that is said, as PowerShell
    writes; `root` as in `read_bytes`. Raises `DeclarationError`."""
    content = read_bytes(path, root=root)
    if utf_16 and content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return content.decode("utf-16", "replace")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = content[: error.start]
        column = error.start - (before.rfind(b"\n") + 1) + 1
        problem = Problem(path, before.count(b"\n") + 1, column, "not UTF-8 text", "save the file as UTF-8")
        raise DeclarationError([problem]) from None


def read(source: Path | str, text: str | None = None) -> Document:
    """A file, or text, as a document with one mapping at its top; `text` is what the file holds, where that is known.

    Raises `DeclarationError` where no data can be had; faults that leave the rest readable are in its `problems`.
    """
    path = source if isinstance(source, Path) else TEXT
    if text is None:
        text = read_text(source) if isinstance(source, Path) else source
    if len(text) > MAX_BYTES or len(text.encode(errors="replace")) > MAX_BYTES:
        _refuse(path, f"larger than {MAX_BYTES // 1024} KB", "a declaration is short; keep data in other files")
    _check_characters(path, text)
    composer = Composer(path, text)
    try:
        data = composer.document()
    except yaml.YAMLError as error:
        raise DeclarationError([*composer.problems, _syntax(path, text, error)]) from None
    except TooDeep as error:
        raise DeclarationError([error.problem]) from None
    if not isinstance(data, dict):
        raise DeclarationError([*composer.problems, composer.not_a_mapping(data)])
    return Document(
        path, text, data, composer.keys, composer.values, tuple(composer.problems), frozenset(composer.broken)
    )


def problem_at(
    path: Path, keys: Keys, message: str, hint: str = "", *, at_key: bool = False, notice: bool = False
) -> Problem:
    """A problem at `keys` of a file, for what only shows beside other files; of the whole file where it is gone."""
    try:
        return read(path).problem(keys, message, hint, at_key=at_key, notice=notice)
    except DeclarationError:
        return Problem(path, 0, 0, message, hint, notice=notice)


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
