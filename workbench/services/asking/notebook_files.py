"""Notebooks of a project as its folder has them, and the scripts that say of themselves that they are some."""

from __future__ import annotations

import os
from pathlib import Path

from workbench import enclosure
from workbench.model.notebook import NOTEBOOK, is_text
from workbench.model.project import Project
from workbench.services.bench import Bench

MOST = 5000
MOST_LEVELS = 12
HEAD = 64 * 1024  # bytes of a script that are looked at
_NOT_LOOKED_INTO = frozenset({"runs", "node_modules", "__pycache__", "site-packages"})
Facts = tuple[int, int, int]


def listing(bench: Bench, project: Project) -> list[str]:
    """Their paths in the project, in order; hidden folders, runs and venvs are passed over."""
    root = project.path
    found: list[str] = []
    waiting = [(root, 0)]
    while waiting and len(found) < MOST:
        folder, level = waiting.pop()
        try:
            entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
        except OSError:
            continue
        for entry in entries:
            if entry.name.startswith("."):
                continue
            if entry.is_dir(follow_symlinks=False):
                venv = os.path.exists(os.path.join(entry.path, "pyvenv.cfg"))
                if level < MOST_LEVELS and entry.name not in _NOT_LOOKED_INTO and not venv:
                    waiting.append((Path(entry.path), level + 1))
            elif (entry.name.endswith(NOTEBOOK) and _is_file(entry)) or (
                is_text(entry.name) and _says_so(bench, root, entry)
            ):
                found.append(Path(entry.path).relative_to(root).as_posix())
    return sorted(found)


def _is_file(entry: os.DirEntry[str]) -> bool:
    """Whether it is a file, or a link to one; what leads to itself or may not be looked at is none."""
    try:
        return entry.is_file()
    except OSError:
        return False


def _says_so(bench: Bench, root: Path, entry: os.DirEntry[str]) -> bool:
    """Whether a script has cells of its own; looked into again only where it was written since."""
    from workbench.notebooks import script

    known: dict[str, tuple[Facts, bool]] = bench.memory.setdefault("scripts", {})
    try:
        if not entry.is_file(follow_symlinks=False):
            return False
        facts = entry.stat(follow_symlinks=False)
        mark = (facts.st_mtime_ns, facts.st_size, facts.st_ino)
        before = known.get(entry.path)
        if before is None or before[0] != mark:
            descriptor = enclosure.opened(root, Path(entry.path).relative_to(root).as_posix())
            with open(descriptor, "rb") as file:
                text = file.read(HEAD).decode("utf-8", "replace")
            known[entry.path] = before = (mark, script.has_cells(text))
        return before[1]
    except OSError:
        return False
