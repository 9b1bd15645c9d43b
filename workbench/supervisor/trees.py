"""Files that were kept for runs to see go once no run that has not ended sees them."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from workbench.errors import Conflict
from workbench.model.disk import Entry
from workbench.model.run import ACTIVE, PENDING, Run
from workbench.services import projects
from workbench.services.code import commits, seen, trees
from workbench.store import kept
from workbench.store import runs as rows
from workbench.supervisor.desk import Desk
from workbench.supervisor.usage import taken_by

log = logging.getLogger("workbench.supervisor.trees")
EVERY = 600.0
KIND = "code"  # of entries of the disk


class Trees:
    """Sweeps them, in a thread of its own."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self._next = time.monotonic() + EVERY / 10

    def look(self) -> float | None:
        """Begin where it is time; seconds until the next look."""
        now = time.monotonic()
        if now >= self._next:
            self._next = now + EVERY
            if self.desk.home.code.is_dir():
                self.desk.thread("trees", self.work)
        return self._next - now

    def work(self) -> None:
        """Remove what nobody needs."""
        alive, used = _seen(self.desk)
        labels = {label for run in alive for label in run.kernels} | {f"{run.id}.{run.attempt + 1}" for run in alive}
        commits.sweep(self.desk.bench, projects.listing(self.desk.bench))
        if count := trees.sweep(self.desk.bench, used, labels):
            log.info("files kept for %d runs' code removed", count)


def entries(desk: Desk) -> Iterator[Entry]:
    """What is kept of code on the disk, and why it stays."""
    folder = desk.home.code
    _, used = _seen(desk)
    for place in _inside(folder / "trees"):
        whose = place.name.rpartition("-")[0] if not place.name.startswith(".") else "an unfinished copy"
        stays = f"seen by run {used[place.name]}" if place.name in used else "just made" if trees.young(place) else ""
        with suppress(FileNotFoundError):  # swept meanwhile
            yield _entry(place, f"{whose} {place.name.rpartition('-')[2]}", stays)
    known = {project.name for project in projects.listing(desk.bench)}
    for place in _inside(folder / "repositories"):
        whose = place.name.rpartition("-")[0]
        yield _entry(place, f"{whose} fetched", f"fetched of project {whose}" if whose in known else "")


def discard(path: Path) -> None:
    """Remove one of them. Raises `Conflict` where it is wanted by now."""
    if path.parent.name == "trees" and trees.young(path):
        raise Conflict("it is used by now")
    trees.remove(path)


def _entry(place: Path, name: str, stays: str) -> Entry:
    taken = taken_by(place)
    return Entry(KIND, name, str(place), size=taken, own=taken, created=place.stat().st_mtime, stays=stays)


def _seen(desk: Desk) -> tuple[list[Run], dict[str, int]]:
    """Runs that have not ended or whose kernel is kept, and which of them sees a tree, by its name."""
    with desk.read() as connection:
        alive = [*rows.in_states(connection, ACTIVE | PENDING, limit=1_000_000), *kept.listing(connection)]
        return alive, {tree: run.id for run in alive if (tree := seen.tree_of(rows.record(connection, run.id)))}


def _inside(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.is_dir()) if folder.is_dir() else []
