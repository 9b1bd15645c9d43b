"""Kernels of failed runs that are kept by their runners: given back at their time, on request, or where memory is needed.

failed ─▶ kept ─┬─▶ a run that continues it is claimed as any other, and handed to the runner that keeps the kernel
                └─▶ given back: its time is over, somebody asked, memory is short, others are kept after it

Which are kept is in their rows, so another supervisor goes on with them; a runner that died has taken its kernel along.
"""

from __future__ import annotations

import logging
import os
import time
from datetime import datetime
from functools import partial
from pathlib import Path

import psutil

from workbench.errors import WorkbenchError
from workbench.execution import keeping
from workbench.execution.fence import is_held
from workbench.execution.job import Job, read_job
from workbench.execution.result import read_result
from workbench.model.run import ACTIVE, Run
from workbench.services import environments
from workbench.store import kept as rows
from workbench.store import runs as run_rows
from workbench.supervisor.budget import memory_left
from workbench.supervisor.desk import Desk
from workbench.supervisor.queue.ready import Never, Readiness, Usable

log = logging.getLogger("workbench.supervisor.kept")
EVERY = 15.0  # seconds between looks at what they hold
SOON = 0.5  # seconds between looks while one is on its way out, or on its way to another run
PART = "kept"  # of the budget


class Kept:
    """Of one home. `short` is set where a run waits for memory: the kernel that was kept first then goes."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.short = False
        self.gone = False  # a runner that kept one is gone: what it had may have to be swept
        self._why: dict[int, str] = {}  # those that are told to go, and why
        self._measured: dict[int, float] = {}
        self._until: dict[int, datetime] = {}  # what their runners were told

    def look(self) -> float | None:
        """See how they are, and give back what is not to be kept; seconds until the next look, None where none is."""
        with self.desk.read() as connection:
            kept = rows.listing(connection)
            asked = rows.released(connection) if kept else set()
        if not kept:
            self.desk.budget.say(PART, 0)
            self.short = False
            return None
        now, waits = self.desk.now(), [EVERY]
        left = [run for run in kept if not self._moved_on(run)]
        there = [run for run in left if run.id not in self._why]
        for run, why in self._going(there, asked, now):
            self._why[run.id] = why
            log.info("run %d: its kernel is given back: %s", run.id, why)
            self.desk.thread("release", partial(_release, self._folder(run)))
        for run in left:
            self._measure(run)
            self._tell(run)
            waits.append(SOON if run.id in self._why else (run.kept_until or now).timestamp() - now.timestamp())
        self.desk.budget.say(PART, sum(run.kept_memory or 0 for run in left))
        self.short = False
        return max(0.05, min(waits)) if left else None

    def ready(self, run: Run) -> Readiness:
        """Whether the kernel that a run is to go on in is there."""
        folder, before = self._before(run)
        if before is None or before.kept_until is None or not is_held(folder):
            again = f"Run all of it: workbench runs again {run.continues}"
            return Never(f"the kernel of run {run.continues} is not there any more", again)
        try:
            job = read_job(folder)
            return Usable(environments.spec(self.desk.bench, run.environment), job.engine, job.revision)
        except (OSError, ValueError) as error:
            return Never(f"the job of run {run.continues} cannot be read: {error}")
        except WorkbenchError as error:
            return Never(f"environment {run.environment}: {error.message}", error.hint)

    def job(self, run: Run) -> Job:
        """That of the run whose kernel it goes on in. OSError and ValueError where it cannot be read."""
        return read_job(self._before(run)[0])

    def hand_over(self, run: Run, folder: Path, place: int | None) -> None:
        """Have its runner execute the attempt in `folder`. Raises `WorkbenchError` where it does not."""
        if not keeping.hand_over(self._before(run)[0], folder, place):
            raise WorkbenchError(f"the kernel of run {run.continues} did not answer")

    def _before(self, run: Run) -> tuple[Path, Run | None]:
        with self.desk.read() as connection:
            found = run_rows.get(connection, run.continues or 0)
        return self.desk.home.attempt_folder(run.continues or 0, found.attempt if found else 1), found

    def _moved_on(self, run: Run) -> bool:
        """Write down where its kernel is gone, or is another run's now."""
        with self.desk.read() as connection:
            after = rows.newest_following(connection, run.id)
        why, held = "", is_held(self._folder(run))
        if after and after.attempt and (after.state not in ACTIVE or is_held(self._folder(after))):
            why = f"run {after.id} went on in it"
        elif not held:
            why = self._why.get(run.id) or "it ended"
        if not why:
            return False
        self.gone = self.gone or not held
        self._why.pop(run.id, None)
        self._measured.pop(run.id, None)
        self._until.pop(run.id, None)
        with self.desk.write() as connection:
            rows.over(connection, run.id, at=self.desk.now(), actor=self.desk.actor, why=why)
        return True

    def _going(self, there: list[Run], asked: set[int], now: datetime) -> list[tuple[Run, str]]:
        """Which are to be given back now, and why; one that a run waits for stays, but where somebody asked."""
        going = [(run, "somebody asked") for run in there if run.id in asked]
        with self.desk.read() as connection:
            idle = [run for run in there if run.id not in asked and not rows.waits(connection, run.id)]
        going += [(run, "its time is over") for run in idle if run.kept_until and run.kept_until <= now]
        idle = [run for run in idle if run.kept_until and run.kept_until > now]
        most = self.desk.settings.kept_kernels
        if len(idle) > most:
            going += [(run, f"{most} are kept at once") for run in idle[: len(idle) - most]]
            idle = idle[len(idle) - most :]
        if idle and (self.short or memory_left() < 0):
            going.append((idle[0], "memory was short"))
        return going

    def _tell(self, run: Run) -> None:
        """Have its runner keep it for longer, where somebody asked for that since it was told."""
        if run.kept_until is None or self._until.get(run.id) == run.kept_until:
            return
        self._until[run.id] = run.kept_until
        seconds = (run.kept_until - self.desk.now()).total_seconds()
        self.desk.thread("keep", partial(_keep, self._folder(run), seconds))

    def _measure(self, run: Run) -> None:
        """Write down what it holds, where it is time."""
        now = time.monotonic()
        if now - self._measured.get(run.id, -EVERY) < EVERY:
            return
        self._measured[run.id] = now
        takes = _resident(self._folder(run))
        if takes and abs(takes - (run.kept_memory or 0)) > 0.02 * takes:
            with self.desk.write() as connection:
                rows.note_memory(connection, run.id, takes)

    def _folder(self, run: Run) -> Path:
        return self.desk.home.attempt_folder(run.id, run.attempt)


def _release(folder: Path) -> None:
    if not keeping.release(folder):
        log.info("%s: nobody keeps a kernel there", folder)


def _keep(folder: Path, seconds: float) -> None:
    keeping.keep(folder, seconds)


def _resident(folder: Path) -> int:
    """Bytes that the kernel kept there and all that it started hold; 0 where that is not known."""
    try:
        result = read_result(folder)
        process = psutil.Process(int(str(result.kept["process"]))) if result else None
        if process is None or process.pid == os.getpid():
            return 0
        return sum(int(one.memory_info().rss) for one in (process, *process.children(recursive=True)))
    except (OSError, ValueError, LookupError, psutil.Error):
        return 0
