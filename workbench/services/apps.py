"""The file or folder that a session is for, where its tool runs one app and not the whole project."""

from __future__ import annotations

import os
from fnmatch import fnmatchcase
from pathlib import PurePosixPath

from workbench.errors import NotFound, Refused
from workbench.model.ide import Ide
from workbench.model.project import Project
from workbench.services.bench import Bench
from workbench.store import sessions as rows
from workbench.text import one_line

DEEPEST = 3  # folders below the project in which apps are looked for
NEVER = frozenset({"runs", "node_modules", "renv", "__pycache__", "venv", "data"})
SHOWN = 5


def candidates(project: Project, tool: Ide) -> list[str]:
    """Files that `tool` could be for, the likeliest first: near the top, and by the order of what it looks for."""
    found: list[tuple[int, int, str]] = []
    for root, folders, names in os.walk(project.path):
        place = PurePosixPath(os.path.relpath(root, project.path))
        depth = len(place.parts)
        folders[:] = [one for one in sorted(folders) if one[0] != "." and one not in NEVER] if depth < DEEPEST else []
        for name in names:
            rank = next((n for n, pattern in enumerate(tool.finds) if fnmatchcase(name, pattern)), None)
            if rank is not None:
                found.append((depth, rank, (place / name).as_posix()))
    return [path for _, _, path in sorted(found)]


def within(project: Project, file: str) -> str:
    """`file` as a path in the project, which may be named by its whole path too. Raises `NotFound`, `Refused`."""
    if not file:
        return ""
    if not (project.path / file).exists():
        raise NotFound("file", f"{project.name}/{file}")
    inner = os.path.relpath(project.path / file, project.path)
    if inner.split(os.sep)[0] == os.pardir:
        raise Refused(f"{one_line(file)} is not in {project.name}", hint="Name a file by its path in the project.")
    return "" if inner == os.curdir else inner


def chosen(project: Project, tool: Ide, file: str) -> str:
    """`file` where one is named, else the one that is there; raises `Refused` where that is not one.

    Several at different depths or of different kinds are no riddle: the likeliest is meant.
    """
    if file:
        return file
    found = candidates(project, tool)
    looked = " or ".join(tool.finds) or "a file"
    if not found:
        raise Refused(
            f"{tool.title} needs a file to run: there is no {looked} in {project.name}",
            hint=f"Name it: workbench open FILE --ide {tool.name}",
        )
    first = found[0]
    alike = [path for path in found if _kind(tool, path) == _kind(tool, first)]
    if len(alike) > 1:
        more = ", …" if len(alike) > SHOWN else ""
        raise Refused(
            f"{project.name} has several files that {tool.title} could run: {one_line(', '.join(alike[:SHOWN]))}{more}",
            hint=f"Name one: workbench open FILE --ide {tool.name}",
        )
    return first


def left_to_open(tool: Ide, file: str) -> str:
    """What is to be said where a tool cannot be told to open `file`; empty where it can."""
    if not file or tool.takes_file or tool.file_path:
        return ""
    return f"{tool.title} cannot be told to open a file: open {one_line(file)} in it."


def before(bench: Bench, name: str, project: Project) -> str:
    """What the session of that name was for, where that is still there; else empty."""
    with bench.store.read() as connection:
        old = rows.named(connection, name)
    return old.file if old and old.file and (project.path / old.file).exists() else ""


def _kind(tool: Ide, path: str) -> tuple[int, int]:
    parts = PurePosixPath(path)
    return len(parts.parts), next(n for n, pattern in enumerate(tool.finds) if fnmatchcase(parts.name, pattern))
