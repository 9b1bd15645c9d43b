"""Requirements files as pip reads them, and the pip part of conda's `environment.yml`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic_core import PydanticCustomError

from workbench.declare import packages
from workbench.declare.composer import Keys
from workbench.declare.problem import DeclarationError, Problem, Reading
from workbench.declare.reader import Document, read, read_text

MAX_FILES = 20
_INCLUDE = re.compile(r"(?:-r\s*|--requirement(?:\s+|=))(\S.*)")
_INDEX = re.compile(r"(?:-i\s*|--index-url(?:\s+|=))(\S+)")
_PYTHON = re.compile(r"python\s*(?:==?\s*(\d+\.\d+(?:\.\d+)?)(?:\.\*)?)?", re.ASCII)
_CONDA_KEYS = ("name", "channels", "dependencies", "prefix", "variables")


@dataclass
class Requirements:
    """What a requirements file asks for: lines for pip or uv, and the package index it names."""

    lines: list[str] = field(default_factory=list)
    index: str | None = None
    problems: list[Problem] = field(default_factory=list)
    seen: set[Path] = field(default_factory=set)


@dataclass(frozen=True)
class CondaFile:
    """The part of an `environment.yml` that needs no conda."""

    python: str | None
    packages: tuple[str, ...]
    index: str | None
    variables: Mapping[str, str]


def read_requirements(path: Path, inside: Path | None = None) -> Requirements:
    """The lines of a requirements file and of those it includes; nothing outside of the folder `inside` is read."""
    found = Requirements()
    _file(found, path, inside, None)
    return found


def _file(found: Requirements, path: Path, inside: Path | None, asked: Problem | None) -> None:
    """Add the file at `path`; a fault of the path itself is told at `asked`, the line that named it."""

    def refuse(message: str, hint: str = "") -> None:
        at = asked or Problem(path, 0, 0, "")
        found.problems.append(Problem(at.path, at.line, at.column, message, hint, at.excerpt))

    try:
        real = path.resolve(strict=True)
    except (OSError, RuntimeError, ValueError):
        refuse(f"{path.name} is not there", f"looked for {path}")
        return
    if inside and not real.is_relative_to(inside.resolve()):
        refuse(f"{path.name} leads out of the project")
        return
    if real in found.seen:
        return
    found.seen.add(real)
    if len(found.seen) > MAX_FILES:
        refuse(f"more than {MAX_FILES} requirements files include each other")
        return
    try:
        content = read_text(path)
    except DeclarationError as error:
        found.problems += error.problems
        return
    for number, line in _logical_lines(content):
        at = Problem(path, number, 1, "", excerpt=line)
        if include := _INCLUDE.fullmatch(line):
            _file(found, path.parent / include[1].strip(), inside, at)
        elif index := _INDEX.fullmatch(line):
            found.index = index[1]
        else:
            _requirement(found, line, at)


def _requirement(found: Requirements, line: str, at: Problem) -> None:
    if line.startswith("-"):
        message = f"option {line.split(maxsplit=1)[0]} is not in this version yet"
        found.problems.append(Problem(at.path, at.line, 1, message, "", at.excerpt))
        return
    wanted, _, hashes = line.partition(" --hash")
    try:
        checked = packages.requirement(wanted)
    except PydanticCustomError as error:
        context = error.context or {}
        found.problems.append(Problem(at.path, at.line, 1, context["said"], context["hint"], at.excerpt))
        return
    found.lines.append(f"{checked} --hash{hashes}" if hashes else checked)


def _logical_lines(content: str) -> list[tuple[int, str]]:
    """Numbered lines without comments and blank ones, continued ones joined, as pip reads them."""
    lines: list[tuple[int, str]] = []
    start, pending = 0, ""
    for number, raw in enumerate(content.splitlines(), 1):
        start = start if pending else number
        if raw.endswith("\\") and not raw.lstrip().startswith("#"):
            pending += raw[:-1] + " "
            continue
        line = " ".join(re.sub(r"(^|\s)#.*$", "", pending + raw).split())
        pending = ""
        if line:
            lines.append((start, line))
    if pending.strip():
        lines.append((start, " ".join(pending.split())))
    return lines


def is_conda_file(document: Document) -> bool:
    """Whether a YAML file is one of conda's rather than ours."""
    return "dependencies" in document.data or "channels" in document.data


def read_conda_file(path: Path, inside: Path | None = None) -> Reading[CondaFile]:
    """The Python version, pip packages and variables of an `environment.yml`; conda packages are problems."""
    try:
        document = read(path)
    except DeclarationError as error:
        return Reading(None, error.problems)
    reader = _CondaReader(document, inside)
    reader.read()
    if reader.problems:
        return Reading(None, tuple(reader.problems))
    pip = reader.pip
    return Reading(CondaFile(reader.python, tuple(pip.lines), pip.index, reader.variables))


class _CondaReader:
    def __init__(self, document: Document, inside: Path | None) -> None:
        self.document = document
        self.inside = inside
        self.problems = list(document.problems)
        self.pip = Requirements()
        self.python: str | None = None
        self.variables: dict[str, str] = {}

    def read(self) -> None:
        for key in self.document.data:
            if key not in _CONDA_KEYS:
                self.note((key,), f"unknown key {key!r} of an environment.yml", at_key=True)
        dependencies = self.document.data.get("dependencies") or []
        if not isinstance(dependencies, list):
            self.note(("dependencies",), "expected a list")
            return
        for number, item in enumerate(dependencies):
            place: Keys = ("dependencies", number)
            if isinstance(item, dict) and set(item) == {"pip"}:
                self.read_pip(item["pip"], (*place, "pip"))
            elif isinstance(item, str):
                self.conda_package(item, place)
            else:
                self.note(place, "expected a package, or `pip:` with a list")
        self.read_variables(self.document.data.get("variables") or {})
        self.problems += self.pip.problems

    def conda_package(self, said: str, place: Keys) -> None:
        name = re.split(r"[\s=<>!~\[]", said.rpartition("::")[2], maxsplit=1)[0]
        if name == "python":
            version = _PYTHON.fullmatch(said.rpartition("::")[2])
            if not version:
                self.note(place, f"which Python {said!r} means is not clear", "write python=3.13")
            else:
                self.python = version[1]
        elif name != "pip":
            hint = "list it under pip: where it is on PyPI"
            self.note(place, f"{said!r} needs conda, which is not in this version yet", hint)

    def read_pip(self, lines: Any, place: Keys) -> None:
        if not isinstance(lines, list):
            self.note(place, "expected a list")
            return
        for number, line in enumerate(lines):
            at = self.document.problem((*place, number), "")
            if not isinstance(line, str):
                self.note((*place, number), "expected a package")
            elif include := _INCLUDE.fullmatch(line):
                _file(self.pip, self.document.path.parent / include[1].strip(), self.inside, at)
            elif index := _INDEX.fullmatch(line):
                self.pip.index = index[1]
            else:
                _requirement(self.pip, line, at)

    def read_variables(self, given: Any) -> None:
        if not isinstance(given, dict):
            self.note(("variables",), "expected a mapping")
            return
        for name, value in given.items():
            if not re.fullmatch(r"[A-Za-z_]\w*", name, re.ASCII) or not isinstance(value, str):
                self.note(("variables", name), f"{name!r} is no variable with a value", at_key=True)
            else:
                self.variables[name] = "".join(value)

    def note(self, place: Keys, message: str, hint: str = "", *, at_key: bool = False) -> None:
        self.problems.append(self.document.problem(place, message, hint, at_key=at_key))
