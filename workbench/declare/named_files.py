"""Files beside a declaration that it names: scripts, lock files, Dockerfiles, by their content."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any

from workbench.declare import sources
from workbench.declare.composer import Keys
from workbench.declare.problem import DeclarationError, Problem
from workbench.declare.reader import Document, read_bytes
from workbench.model.environment import DockerfilePart, NamedFile

LARGEST = 16 * 1024**2  # bytes: lock files of large projects
PLACES: tuple[Keys, ...] = (
    ("python", "lock"),
    ("r", "lock"),
    ("r", "script"),
    ("post_build",),
    ("start",),
    ("dockerfile", "file"),
)


def resolve(document: Document, said: dict[str, Any], inside: Path | None) -> list[Problem]:
    """Put a `NamedFile` in the place of each name in `said`, and a `DockerfilePart` in that of the Dockerfile; what is wrong.

    Names are relative to the declaration. Nothing outside of `inside` is read where that is given.
    """
    problems: list[Problem] = []
    for keys in PLACES:
        holder: Any = said if len(keys) == 1 else said.get(str(keys[0])) or {}
        name = holder.get(str(keys[-1]))
        if name is None:
            continue
        try:
            holder[str(keys[-1])] = _file(document, name, inside)
        except DeclarationError as error:
            first = error.problems[0]
            problems.append(document.problem(keys, f"{name}: {first.message}", first.hint))
    part = said.get("dockerfile")
    if part and not problems:
        context = part.get("context")
        folder = _place(document, context) if context else part["file"].path.parent
        if not os.path.isdir(folder) or not _within(folder, inside):
            why = "leads out of the project" if os.path.isdir(folder) else "is no folder"
            problems.append(document.problem(("dockerfile", "context"), f"{context} {why}"))
        else:
            text = part["file"].path.read_text(encoding="utf-8", errors="replace")
            try:
                seen = sources.copied(part["file"].path, text, folder)
            except DeclarationError as error:
                problems.append(
                    document.problem(("dockerfile", "context"), error.problems[0].message, error.problems[0].hint)
                )
                seen = ""
            said["dockerfile"] = DockerfilePart(part["file"], folder, part.get("target"), part.get("args", {}), seen)
    if not problems:
        _local(document, said, inside, problems)
    if not problems:
        _context(document, said, inside, problems)
    return problems


def _local(document: Document, said: dict[str, Any], inside: Path | None, problems: list[Problem]) -> None:
    """Packages in folders beside the declaration."""
    python, r = said.get("python") or {}, said.get("r") or {}
    places: list[tuple[Keys, str]] = [(("python", "local", n), name) for n, name in enumerate(python.get("local", ()))]
    found = []
    for keys, name in [*places, *([(("r", "local"), r["local"])] if r.get("local") else [])]:
        place, extras = sources.place_and_extras(name)
        path = _place(document, place)
        if not os.path.exists(path) or not _within(path, inside):
            why = "leads out of the project" if os.path.exists(path) else "is not there"
            problems.append(document.problem(keys, f"{name} {why}"))
            continue
        try:
            found.append(sources.package(path.resolve(), extras))
        except DeclarationError as error:
            problems.append(document.problem(keys, f"{name}: {error.problems[0].message}", error.problems[0].hint))
    if not problems and r.get("local"):
        r["local"] = found.pop()
    if not problems and python.get("local"):
        python["local"] = found


def _context(document: Document, said: dict[str, Any], inside: Path | None, problems: list[Problem]) -> None:
    """The folder that scripts see."""
    name = said.pop("context", None)
    scripts = [one for one in (said.get("post_build"), (said.get("r") or {}).get("script")) if one]
    folder = _place(document, name or ".")
    if name and (not os.path.isdir(folder) or not _within(folder, inside)):
        why = "leads out of the project" if os.path.isdir(folder) else "is no folder"
        problems.append(document.problem(("context",), f"{name} {why}"))
    elif name or (scripts and inside):
        texts = [(one.path, one.path.read_text(encoding="utf-8", errors="replace")) for one in scripts]
        try:
            said["context"] = sources.for_scripts(folder.resolve(), texts)
        except DeclarationError as error:
            problems.append(document.problem(("context",), error.problems[0].message, error.problems[0].hint))


def _file(document: Document, name: str, inside: Path | None) -> NamedFile:
    path = _place(document, name)
    if not _within(path, inside):
        raise DeclarationError([Problem(path, 0, 0, "leads out of the project")])
    return NamedFile(path, hashlib.sha256(read_bytes(path, LARGEST)).hexdigest())


def _place(document: Document, name: str) -> Path:
    return document.path.parent / os.path.expanduser(name)


def _within(path: Path, inside: Path | None) -> bool:
    try:
        return inside is None or path.resolve().is_relative_to(inside.resolve())
    except (OSError, RuntimeError):
        return False
