"""Where each value of an environment comes from: the file and line that says it, what it extends, a size, a standard file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workbench.declare.composer import Keys
from workbench.declare.environment import Chain, Link, Shelf
from workbench.declare.problem import DeclarationError
from workbench.declare.reader import Document, read
from workbench.declare.standard.combination import combined
from workbench.declare.standard.conda_file import is_conda
from workbench.declare.standard.folder import CONDA
from workbench.model.environment import Limits

# Standard files that may have said a value, by its key; the first that gave something has.
GIVERS: Mapping[str, tuple[str, ...]] = {
    "apt": ("apt.txt",),
    "env": ("environment.yml", "environment.yaml", "devcontainer.json", ".devcontainer.json"),
    "ports": ("devcontainer.json", ".devcontainer.json"),
    "python.version": ("environment.yml", "environment.yaml", "Pipfile.lock", "Pipfile", "runtime.txt"),
    "r.version": ("renv.lock", "runtime.txt"),
    "r.repository": ("renv.lock", "runtime.txt"),
    "r": ("DESCRIPTION", "install.R", "renv.lock"),
}


@dataclass(frozen=True)
class Origin:
    """Where a value is said; `line` is 0 where the whole file is meant, `via` what stands between, as `size medium`."""

    path: Path
    line: int = 0
    via: str = ""


Origins = Mapping[tuple[str, str], Origin]  # by dotted key and, of what is in a list, the item; else ""


def origins(
    path: Path, *, shelf: Shelf, inside: Path | None = None, sizes: Mapping[str, Limits] | None = None
) -> tuple[list[Path], Origins]:
    """The files of a declaration of ours, its own first, and where each value comes from; nothing where it cannot be read."""
    chain = Chain(shelf, inside, None, sizes or {})
    chain.follow(path)
    if chain.problems:
        return [], {}
    found: dict[tuple[str, str], Origin] = {}
    for link in chain.links:
        for keys, item in _values(link.said):
            at = (".".join(map(str, keys)), item)
            if not item or at not in found:
                found[at] = _origin(link, keys, item)
    return [link.document.path for link in reversed(chain.links)], found


def is_ours(path: Path) -> bool:
    """Whether a file declares an environment in our own way; else it is a standard file of other tools."""
    if path.suffix not in (".yaml", ".yml") or path.name == CONDA[0]:
        return False
    try:
        return not is_conda(read(path))
    except DeclarationError:
        return True


def standard_origins(root: Path, leading: Path, name: str) -> tuple[list[Path], Origins]:
    """The standard files that gave something to the environment of the project at `root`, and which gave what."""
    given = combined(root, leading, name).given
    files = [
        next((root / path for path in (file, leading.parent / file) if (root / path).exists()), leading)
        for file in given
    ]
    found = {}
    for key, names in GIVERS.items():
        giver = next((file for name in names for file in files if file.name == name), None)
        if giver:
            found[key, ""] = Origin(giver)
    return files or [leading], found


def _values(said: Mapping[str, Any], keys: Keys = ()) -> Iterator[tuple[Keys, str]]:
    """Every value with its keys; of a list each item."""
    for key, value in said.items():
        if isinstance(value, dict):
            yield from _values(value, (*keys, key))
        elif isinstance(value, list | tuple):
            yield from (((*keys, key), str(item)) for item in value)
        else:
            yield (*keys, key), ""


def _origin(link: Link, keys: Keys, item: str) -> Origin:
    document = link.document
    place: Keys = keys
    if item:
        written = _at(document, keys)
        if isinstance(written, list) and item in map(str, written):
            place = (*keys, list(map(str, written)).index(item))
        elif keys[0] == "python" and (file := link.said["python"].get("requirements")):
            return Origin(file)
    elif place not in document.values:
        if keys[0] == "limits" and "size" in document.data:
            return Origin(document.path, _line(document, ("size",)), f"size {document.data['size']}")
        if keys == ("python", "index") and (file := link.said["python"].get("requirements")):
            return Origin(file)
    return Origin(document.path, _line(document, place))


def _at(document: Document, keys: Keys) -> Any:
    """What the document holds at `keys`."""
    found: Any = document.data
    for key in keys:
        found = found.get(key) if isinstance(found, dict) else None
    return found


def _line(document: Document, keys: Keys) -> int:
    """The line of a value, or of the nearest thing around it."""
    while keys and keys not in document.values:
        keys = keys[:-1]
    return document.values[keys].line if keys in document.values else 0
