"""Requirements files as pip reads them."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

from pydantic_core import PydanticCustomError

from workbench.declare import addresses, packages, sources
from workbench.declare.problem import DeclarationError, Problem
from workbench.declare.reader import read_text

MAX_FILES = 20
_INCLUDE = re.compile(r"(?:-r\s*|--requirement(?:\s+|=))(\S.*)")
_INDEX = re.compile(r"(?:-i\s*|--index-url(?:\s+|=))(\S+)")
_EXTRA = re.compile(r"--extra-index-url(?:\s+|=)(\S+)")
_CONSTRAINT = re.compile(r"(?:-c\s*|--constraint(?:\s+|=))(\S.*)")
_EDITABLE = re.compile(r"(?:-e\s*|--editable(?:\s+|=))(\S.*)")
_LOCAL = re.compile(r"(?:file:\S*|\.{1,2}(?:/\S*)?|(?:\./)?[\w./-]+/[\w./-]*)(?:\[[\w,.\s-]*\])?", re.ASCII)
_NAMED_LOCAL = re.compile(r"[\w.-]+\s*(\[[\w,.\s-]*\])?\s*@\s*(?:file:(?://)?)?(\.{1,2}(?:/\S*)?)", re.ASCII)
_GIT = re.compile(r"(git\+\S+?)(?:#(?:\S*&)?egg=([\w.-]+)\S*)?", re.ASCII)
# Said of how pip works, not of what it installs.
_MANNERS = ("--trusted-host", "--prefer-binary", "--no-cache-dir", "--upgrade", "-U", "--progress-bar", "--use-pep517")


@dataclass
class Requirements:
    """What a requirements file asks for: lines for pip or uv, and the package index it names.

    `local` are packages in folders or archives beside a file: the place as written there, extras, and that file.
    """

    lines: list[str] = field(default_factory=list)
    local: list[tuple[str, str, Path]] = field(default_factory=list)
    index: str | None = None
    extra_indexes: list[str] = field(default_factory=list)
    constraints: list[str] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    notices: list[Problem] = field(default_factory=list)
    seen: set[Path] = field(default_factory=set)
    files: list[Path] = field(default_factory=list)  # as they were named, those that were read


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
    found.files.append(path)
    if len(found.seen) > MAX_FILES:
        refuse(f"more than {MAX_FILES} requirements files include each other")
        return
    try:
        content = read_text(path, utf_16=True, root=inside)
    except DeclarationError as error:
        found.problems += error.problems
        return
    for number, line in _logical_lines(content):
        take_line(found, line, path, inside, Problem(path, number, 1, "", excerpt=line))


def take_line(found: Requirements, line: str, path: Path, inside: Path | None, at: Problem) -> None:
    """Add one line of the file at `path`; what is wrong with it is told at `at`."""
    if include := _INCLUDE.fullmatch(line):
        _file(found, path.parent / include[1].strip(), inside, at)
    elif index := _INDEX.fullmatch(line):
        found.index = index[1]
        _password(found, index[1], at)
    elif extra := _EXTRA.fullmatch(line):
        found.extra_indexes.append(extra[1])
        _password(found, extra[1], at)
    elif constraint := _CONSTRAINT.fullmatch(line):
        _constraints(found, path.parent / constraint[1].strip(), inside, at)
    elif editable := _EDITABLE.fullmatch(line):
        _editable(found, editable[1].strip(), path, at)
    elif _LOCAL.fullmatch(line):
        found.local.append((*sources.place_and_extras(line), path))
    elif local := _NAMED_LOCAL.fullmatch(line):
        found.local.append((local[2], local[1] or "", path))
    else:
        _requirement(found, line, at)


def _password(found: Requirements, address: str, at: Problem) -> None:
    if addresses.holds_password(address):
        problem = Problem(at.path, at.line, at.column, addresses.PASSWORD, addresses.NETRC, notice=True)
        found.notices.append(problem)  # without the line itself, which would show it


def _constraints(found: Requirements, path: Path, inside: Path | None, at: Problem) -> None:
    """The lines of a file that bounds versions and asks for nothing."""
    bounds = Requirements(seen=found.seen, files=found.files)
    _file(bounds, path, inside, at)
    found.constraints += bounds.lines
    found.problems += bounds.problems
    found.notices += bounds.notices
    found.problems += [Problem(where, 0, 0, f"{place} is no bound on a version") for place, _, where in bounds.local]


def _editable(found: Requirements, said: str, path: Path, at: Problem) -> None:
    """`-e` of a folder or repository: installed as it is at the build."""
    git = _GIT.fullmatch(said)
    if git:
        _requirement(found, f"{git[2]} @ {git[1]}" if git[2] else git[1], at)
    else:
        found.local.append((*sources.place_and_extras(said), path))
    hint = "build again after a change of the package"
    found.notices.append(
        Problem(at.path, at.line, at.column, "-e is read as a plain install in images", hint, at.excerpt, notice=True)
    )


def _requirement(found: Requirements, line: str, at: Problem) -> None:
    if line.startswith("-"):
        option = re.split(r"[\s=]", line, maxsplit=1)[0]
        if option in _MANNERS:
            found.notices.append(
                Problem(at.path, at.line, 1, f"option {option} is not read", "", at.excerpt, notice=True)
            )
            return
        message = f"option {option} is not in this version yet"
        found.problems.append(Problem(at.path, at.line, 1, message, "", at.excerpt))
        return
    _password(found, line, at)
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
