"""Folders of this machine that a build takes something out of: what it sees of them, as one digest."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from pathlib import Path

from workbench import context
from workbench.declare.problem import DeclarationError, Problem
from workbench.declare.reader import read_bytes
from workbench.errors import Refused
from workbench.ignoring import Ignoring
from workbench.model import dockerfile
from workbench.model.environment import ContextPart, LocalPackage

MOST_NAMED = 50
LARGEST_ARCHIVE = 256 * 1024**2
_EXTRAS = re.compile(r"(.*?)(\[[\w,.\s-]*\])?", re.ASCII)


def place_and_extras(said: str) -> tuple[str, str]:
    """`lib` and `[dev]` of `lib[dev]`; `file:` before it is dropped."""
    found = _EXTRAS.fullmatch(said.strip())
    place, extras = (found[1], found[2] or "") if found else (said, "")
    return place.removeprefix("file:").removeprefix("//") or ".", extras


def package(path: Path, extras: str = "") -> LocalPackage:
    """The package in a folder, of which notebooks are no part, or in an archive. Raises `DeclarationError`."""
    if path.is_dir():
        return LocalPackage(path, _digest(path, None, context.rules(path).also("*.ipynb")), extras)
    content = read_bytes(path, LARGEST_ARCHIVE)
    return LocalPackage(path, hashlib.sha256(content).hexdigest(), extras)


def for_scripts(folder: Path, scripts: Iterable[tuple[Path, str]], *, place: str = "") -> ContextPart:
    """`folder` as scripts see a copy of it; of its files those count that a script's text names.

    Raises `DeclarationError` for a folder that is too large.
    """
    scripts = list(scripts)
    words = {word for _, text in scripts for word in re.findall(r"[\w./-]+", text)}
    own = {path.resolve() for path, _ in scripts}
    named = sorted(word.strip("/") for word in words if _is_inside(folder, word, own))[:MOST_NAMED]
    seen = _digest(folder, named, context.rules(folder, place=place)) if named else ""
    return ContextPart(folder, seen)


def copied(file: Path, text: str, folder: Path) -> str:
    """The digest of what a Dockerfile copies out of its context; empty where it copies nothing.

    Where it cannot be told what that is, everything it could see counts. Raises as `for_scripts` does.
    """
    sources = dockerfile.sources(text)
    return "" if sources == [] else _digest(folder, sources, context.rules(folder, dockerfile=file))


def _digest(folder: Path, paths: list[str] | None, ignoring: Ignoring) -> str:
    """The digest of what counts; a folder that is too large for that is a fault of the declaration."""
    try:
        return context.digest(folder, paths, ignoring)
    except Refused as error:
        raise DeclarationError([Problem(folder, 0, 0, error.message, error.hint)]) from error


def _is_inside(root: Path, word: str, own: set[Path]) -> bool:
    """Whether a word of a script names something in the folder, other than the folder or a script."""
    if not word.strip("./") or word.startswith("/") or ".." in word.split("/"):
        return False
    try:
        return (root / word).exists() and (root / word).resolve() not in own
    except (OSError, ValueError, RuntimeError):
        return False
