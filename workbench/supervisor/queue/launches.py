"""Runners are started for claimed runs, in a thread of its own: the first fork waits for papermill's imports."""

from __future__ import annotations

import logging
import os
import queue
import threading
from pathlib import Path

from workbench.errors import WorkbenchError
from workbench.execution.nursery import Nursery
from workbench.model.run import Run
from workbench.supervisor.desk import Desk
from workbench.supervisor.queue.kept import Kept

log = logging.getLogger("workbench.supervisor.queue.launches")


class Launches:
    """Those under way are in `going`, by run and attempt; `trouble` says why a runner could not be started, until that is
    told."""

    def __init__(self, desk: Desk, kept: Kept) -> None:
        self.desk = desk
        self.kept = kept
        self.nursery = Nursery(desk.home)
        self.going: set[tuple[int, int]] = set()
        self.trouble: dict[int, str] = {}
        self.handing = threading.Lock()  # held while a runner, which may have had another run before, is given one
        self._queue: queue.SimpleQueue[tuple[Run, Path, int | None]] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None

    def begin(self, run: Run, folder: Path, place: int | None) -> None:
        """Have a runner execute the attempt in `folder`; `place` is closed here."""
        self.going.add((run.id, int(folder.name)))
        self._queue.put((run, folder, place))
        if self._thread is None or not self._thread.is_alive():
            self._thread = self.desk.thread("launch", self._launch)

    def _launch(self) -> None:
        while not self.desk.stopping.is_set():
            try:
                run, folder, place = self._queue.get(timeout=1.0)
            except queue.Empty:
                continue
            try:
                with self.handing:
                    if run.continues:
                        self.kept.hand_over(run, folder, place)
                    else:
                        self.nursery.run(folder, place)
            except (WorkbenchError, OSError) as error:
                self.trouble[run.id] = error.message if isinstance(error, WorkbenchError) else str(error)
                log.warning("run %d: %s", run.id, error)
            finally:
                if place is not None:
                    os.close(place)  # the runner has its own
                self.going.discard((run.id, int(folder.name)))
                self.desk.wake()
