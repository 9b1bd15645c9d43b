"""Retention: what would go by the declared policies or by one given, and letting it go."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from workbench.errors import WorkbenchError
from workbench.model.retention import Keep, Old, goes
from workbench.services import projects, runs
from workbench.services.bench import Bench
from workbench.services.scheduling.files import ScheduleFiles
from workbench.store import retention as rows

PAGE = 200  # runs looked at in one read
BYTES_OF = 1000  # runs whose folders are measured for a plan; more would take long


@dataclass(frozen=True)
class Policies:
    """What `keep:` says in the home, in projects by name, in schedules by key; the most special one holds."""

    home: Keep
    projects: Mapping[str, Keep]
    schedules: Mapping[str, Keep]

    def of(self, old: Old) -> Keep:
        """The policy that holds for a run."""
        return self.schedules.get(old.schedule or "") or self.projects.get(old.project) or self.home

    @property
    def none(self) -> bool:
        """Whether nobody declared any."""
        return self.home.everything and not self.projects and not self.schedules


def declared(bench: Bench) -> Policies:
    """What the files say now."""
    found = {project.name: project.keep for project in projects.listing(bench) if project.keep}
    files = ScheduleFiles(bench).look()[0]
    by_key = {key: file.spec.keep for key, file in files.items() if file.spec and file.spec.keep}
    return Policies(bench.settings.keep, found, by_key)


def going(bench: Bench, policies: Policies, project: str = "", most: int = 100_000) -> list[Old]:
    """Runs that would go, oldest first of each project."""
    found: list[Old] = []
    for old in _old(bench, project):
        if goes(old, policies.of(old), bench.now()):
            found.append(old)
            if len(found) >= most:
                break
    return found


def remove(bench: Bench, old: Old) -> str:
    """Forget a run with all it left; why it could not be, empty where it was."""
    try:
        runs.remove(bench, old.run, outputs=True)
    except (WorkbenchError, OSError) as error:
        return f"run {old.run}: {error}"
    return ""


def size_of(bench: Bench, found: list[Old]) -> int | None:
    """Bytes of what they left; None where there are too many to measure."""
    if len(found) > BYTES_OF:
        return None
    folders = [folder for old in found for folder in (bench.home.run_folder(old.run), Path(old.output or "/nowhere"))]
    files = {path for folder in folders if folder.is_dir() for path in folder.rglob("*")}
    return sum(path.lstat().st_blocks * 512 for path in files if path.is_file() and not path.is_symlink())


def _old(bench: Bench, project: str) -> Iterator[Old]:
    with bench.store.read() as connection:
        names = [project] if project else rows.projects(connection)
    for name in names:
        last = 0
        while True:
            with bench.store.read() as connection:
                page = rows.old_runs(connection, name, after=last, limit=PAGE)
            yield from page
            if len(page) < PAGE:
                break
            last = page[-1].run
