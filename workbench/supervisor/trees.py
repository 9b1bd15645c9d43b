"""Files that were kept for runs to see go once no run that has not ended sees them."""

from __future__ import annotations

import logging
import time

from workbench.model.run import ACTIVE, PENDING
from workbench.services import projects
from workbench.services.code import commits, seen, trees
from workbench.store import kept
from workbench.store import runs as rows
from workbench.supervisor.desk import Desk

log = logging.getLogger("workbench.supervisor.trees")
EVERY = 600.0


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
        with self.desk.read() as connection:
            alive = [*rows.in_states(connection, ACTIVE | PENDING, limit=1_000_000), *kept.listing(connection)]
            used = {tree for run in alive if (tree := seen.tree_of(rows.record(connection, run.id)))}
        labels = {label for run in alive for label in run.kernels} | {f"{run.id}.{run.attempt + 1}" for run in alive}
        commits.sweep(self.desk.bench, projects.listing(self.desk.bench))
        if count := trees.sweep(self.desk.bench, used, labels):
            log.info("files kept for %d runs' code removed", count)
