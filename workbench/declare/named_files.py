"""Files beside a declaration that it names: scripts, lock files, Dockerfiles, by their content."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any

from workbench.declare.composer import Keys
from workbench.declare.problem import DeclarationError, Problem
from workbench.declare.reader import Document, read_bytes
from workbench.model.environment import DockerfilePart, NamedFile

LARGEST = 16 * 1024**2  # bytes: lock files of large projects
PLACES: tuple[Keys, ...] = (("python", "lock"), ("r", "lock"), ("post_build",), ("start",), ("dockerfile", "file"))


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
        if not folder.is_dir() or not _within(folder, inside):
            why = "leads out of the project" if folder.is_dir() else "is no folder"
            problems.append(document.problem(("dockerfile", "context"), f"{context} {why}"))
        said["dockerfile"] = DockerfilePart(part["file"], folder, part.get("target"), part.get("args", {}))
    return problems


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
