"""The files of a project as lines for the detail pane: bounded, hidden and generated ones left out."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

MOST = 500
DEEP = 4
LEFT_OUT = frozenset({"__pycache__", "node_modules", "runs"})


@dataclass(frozen=True)
class Entry:
    """A file or folder `depth` levels below the project; `size` in bytes, None for a folder."""

    name: str
    depth: int
    size: int | None


def tree(root: Path) -> tuple[list[Entry], bool]:
    """Folders and files below `root`, folders first, and whether some were left out for their number."""
    found: list[Entry] = []
    for entry in _walk(root, 0):
        if len(found) == MOST:
            return found, True
        found.append(entry)
    return found, False


def _walk(folder: Path, depth: int) -> Iterator[Entry]:
    try:
        with os.scandir(folder) as scan:
            entries = sorted(scan, key=lambda entry: (not _is_folder(entry), entry.name.casefold()))
    except OSError:
        return
    for entry in entries:
        if entry.name.startswith(".") or (entry.name in LEFT_OUT and _is_folder(entry)):
            continue
        if _is_folder(entry):
            yield Entry(entry.name + "/", depth, None)
            if depth + 1 < DEEP and not entry.is_symlink():
                yield from _walk(Path(entry.path), depth + 1)
        else:
            yield Entry(entry.name, depth, _size(entry))


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False


def _size(entry: os.DirEntry[str]) -> int | None:
    try:
        return entry.stat().st_size
    except OSError:
        return None
