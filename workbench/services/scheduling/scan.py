"""Where schedule files are, and which of them differ from the last look: names and facts, nothing is opened."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

SUFFIX = ".yaml"
OTHER = ".yml"  # which is not read


@dataclass(frozen=True, slots=True)
class Found:
    """A schedule's file. `mark` differs when the file does; `changed` is when it was written."""

    project: str
    name: str
    path: str
    mark: str
    changed_ns: int

    @property
    def changed(self) -> datetime:
        """When it was written."""
        return datetime.fromtimestamp(self.changed_ns / 1e9, UTC)


@dataclass(frozen=True)
class Unseen:
    """A project whose schedules cannot be looked at now, and why: those known of it are not gone."""

    project: str
    why: str


def scan(projects: Path, folders: set[str]) -> Iterator[Found | Unseen]:
    """All schedule files of a home, in order, and projects that cannot be looked into. `folders`: where they are is added."""
    for project in _entries(str(projects)):
        if project.name.startswith("."):
            continue
        why = _problem(project)
        if why is None:
            continue
        folder = os.path.join(project.path, "schedules")
        try:
            entries = [] if why else _entries(folder, missing=True)
        except OSError as error:
            why = f"{folder} cannot be read: {error.strerror or 'unknown error'}"
        if why:
            yield Unseen(project.name, why)
            continue
        if entries or os.path.isdir(folder):
            folders.add(folder)
        for entry in entries:
            if not entry.name.endswith(SUFFIX) or entry.name.startswith("."):
                continue
            found = _found(project.name, entry)
            if found:
                yield found


def _found(project: str, entry: os.DirEntry[str]) -> Found | None:
    """One file; None where it went just now. A link that leads nowhere or a disk that is away is not gone: it is not read."""
    name = entry.name.removesuffix(SUFFIX)
    try:
        facts = entry.stat()
    except OSError as error:
        gone = isinstance(error, FileNotFoundError) and not entry.is_symlink()
        return None if gone else Found(project, name, entry.path, f"away.{error.errno}", 0)
    mark = f"{facts.st_mtime_ns:x}.{facts.st_ctime_ns:x}.{facts.st_size:x}.{facts.st_ino:x}"
    return Found(project, name, entry.path, mark, facts.st_mtime_ns)


def _entries(folder: str, *, missing: bool = False) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return sorted(entries, key=lambda entry: entry.name)
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError:
        if missing:
            raise
        return []


def _problem(project: os.DirEntry[str]) -> str | None:
    """Why a project cannot be looked into; empty where it can, None for what is none."""
    try:
        if project.is_dir():
            return ""
        if not project.is_symlink():
            return None
        return f"{os.readlink(project.path)} is not there"
    except OSError as error:  # a link to itself, a disk that is away
        return error.strerror or "it cannot be looked at"
