"""The schedule files of all projects, read again only when they change, the last good text kept when they go bad."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from workbench.errors import WorkbenchError
from workbench.model.schedule import ScheduleSpec
from workbench.services.bench import Bench
from workbench.text import one_line

if TYPE_CHECKING:
    from workbench.declare import Problem

Mark = tuple[int, int, int, str]


@dataclass(frozen=True)
class ScheduleFile:
    """A schedule's file as it is. `spec` is what it says, or said when it last could be read; `problem` why it cannot.

    `digest` is of the text as it is now, `changed` when the file was written.
    """

    project: str
    name: str
    path: Path
    spec: ScheduleSpec | None
    problem: str
    problems: tuple[Problem, ...]
    digest: str
    changed: datetime

    @property
    def key(self) -> str:
        """`<project>/<name>`."""
        return f"{self.project}/{self.name}"


Apart = Callable[[str, Callable[[], None], Callable[[str], None]], bool]


def _plainly(_what: str, act: Callable[[], None], _told: Callable[[str], None]) -> bool:
    act()
    return True


@dataclass
class ScheduleFiles:
    """All files of a home. `keep`: good texts are copied into the state, so that a bad edit survives a restart.

    `apart` reads one file of many, and may see to it that a fault hits no other.
    """

    bench: Bench
    keep: bool = False
    apart: Apart = _plainly
    _known: dict[str, tuple[Mark, ScheduleFile]] = field(default_factory=dict, repr=False)

    def look(self) -> tuple[dict[str, ScheduleFile], bool]:
        """All files by key as they are now, and whether any differs from the last look. A stat each, unless changed."""
        zone = self.bench.settings.timezone or "UTC"
        found: dict[str, tuple[Mark, ScheduleFile]] = {}
        changed = False
        for project, path, facts in _entries(self.bench.home.projects):
            key = f"{project}/{path.stem}"
            mark = (facts.st_mtime_ns, facts.st_size, facts.st_ino, zone)
            old = self._known.get(key)
            if old and old[0] == mark:
                found[key] = old
                continue
            found[key] = (mark, self._read_apart(project, path, facts, zone, old[1].spec if old else None))
            changed = True
        changed = changed or found.keys() != self._known.keys()
        self._known = found
        return {key: file for key, (_, file) in found.items()}, changed

    def _read_apart(
        self, project: str, path: Path, facts: os.stat_result, zone: str, last: ScheduleSpec | None
    ) -> ScheduleFile:
        when = datetime.fromtimestamp(facts.st_mtime, UTC)
        found: list[ScheduleFile] = []
        self.apart(
            f"file of schedule {project}/{path.stem}",
            lambda: found.append(self._read(project, path, facts, zone, last)),
            lambda why: found.append(
                ScheduleFile(project, path.stem, path, last, f"cannot be read: {why}", (), "", when)
            ),
        )
        return found[0]

    def _read(
        self, project: str, path: Path, facts: os.stat_result, zone: str, last: ScheduleSpec | None
    ) -> ScheduleFile:
        from workbench.declare import load_schedule

        when = datetime.fromtimestamp(facts.st_mtime, UTC)
        try:
            digest = hashlib.sha256(path.read_bytes()).hexdigest()
            reading = load_schedule(path, project=project, timezone=zone)
        except (OSError, WorkbenchError) as error:
            text = error.strerror if isinstance(error, OSError) else error.message
            spec = last or self._kept(project, path, zone)
            return ScheduleFile(project, path.stem, path, spec, f"cannot be read: {text}", (), "", when)
        problems = tuple(p.labelled(self.bench.home.root) for p in (*reading.problems, *reading.notices))
        if reading.value is None:
            text = one_line(str(problems[0])) if problems else "cannot be read"
            spec = last or self._kept(project, path, zone)
            return ScheduleFile(project, path.stem, path, spec, text, problems, digest, when)
        if self.keep:
            self._remember(project, path)
        return ScheduleFile(project, path.stem, path, reading.value, "", problems, digest, when)

    def _copy(self, project: str, path: Path) -> Path:
        return self.bench.home.state / "schedules" / project / path.name

    def _remember(self, project: str, path: Path) -> None:
        copy = self._copy(project, path)
        try:
            copy.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            temporary = copy.with_name(f".{copy.name}.{os.getpid()}")
            temporary.write_bytes(path.read_bytes())
            temporary.replace(copy)
        except OSError:
            return  # a full disk: the schedule itself works, only a later bad edit would stop it

    def _kept(self, project: str, path: Path, zone: str) -> ScheduleSpec | None:
        from workbench.declare import load_schedule

        copy = self._copy(project, path)
        if not copy.is_file():
            return None
        try:
            return load_schedule(copy, project=project, name=path.stem, timezone=zone).value
        except (OSError, WorkbenchError):
            return None


def folder_of(bench: Bench, project: str) -> Path:
    """Where the schedules of a project are."""
    return bench.home.projects / project / "schedules"


def _entries(projects: Path) -> list[tuple[str, Path, os.stat_result]]:
    """Project, file and facts of each schedule, in order; folders that cannot be read are passed over."""
    found = []
    for project in _scan(projects):
        if project.name.startswith(".") or not _is_folder(project):
            continue
        for entry in _scan(Path(project.path) / "schedules"):
            if entry.name.endswith(".yaml") and not entry.name.startswith("."):
                try:
                    found.append((project.name, Path(entry.path), entry.stat()))
                except OSError:
                    continue
    return found


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself
        return False


def _scan(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return sorted(entries, key=lambda entry: entry.name)
    except OSError:
        return []
