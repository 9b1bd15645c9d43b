"""The disk: what the home takes is measured, what may go is planned, and a plan's things go, one task at a time."""

from __future__ import annotations

import logging
import shutil
import threading
from pathlib import Path

from workbench.errors import WorkbenchError
from workbench.model.disk import Entry, Kind, Report, Task, TaskState
from workbench.model.environment import EngineName
from workbench.store import disk as rows
from workbench.store import revisions as revision_rows
from workbench.supervisor import trees
from workbench.supervisor.builds import Builds
from workbench.supervisor.desk import Desk
from workbench.supervisor.engines import Engines
from workbench.supervisor.survey import Survey, survey
from workbench.text import one_line, plural, size

log = logging.getLogger("workbench.supervisor.disk")
AGAIN = 1.0  # seconds until a task that waits for a build is looked at again


class Disk:
    """Works on one task at a time. While things are removed no build begins, and none is removed while one goes on."""

    def __init__(self, desk: Desk, engines: Engines, builds: Builds) -> None:
        self.desk = desk
        self.engines = engines
        self.builds = builds
        self._working: threading.Thread | None = None

    def look(self) -> float | None:
        """Begin the oldest task; seconds until the next look, None for none."""
        if self._working and self._working.is_alive():
            return None
        self.builds.held.clear()
        with self.desk.read() as connection:
            task = next(iter(rows.open_ones(connection)), None)
        if task is None:
            return None
        if task.kind is Kind.PRUNE:
            self.builds.held.set()
            if self.builds.running:
                self._note(task, "waits until the build that goes on has ended")
                return AGAIN
        with self.desk.write() as connection:
            taken = rows.begin(connection, task.id)
        if taken:
            self._working = self.desk.thread(f"disk-{task.id}", lambda: self._work(task))
        return None

    def _note(self, task: Task, reason: str) -> None:
        if task.reason != reason:
            with self.desk.write() as connection:
                rows.note(connection, task.id, reason)

    def _work(self, task: Task) -> None:
        told = ""
        try:
            if task.kind is Kind.PRUNE:
                report = self._prune(task)
                told = f"pruned {plural(len(report.going), 'thing')}, {size(report.freed)}"
                log.info("%s", told)
            else:
                report = survey(self.desk, self.engines, task.policy).report
            end, reason = TaskState.DONE, ""
        except WorkbenchError as error:
            end, reason, report = TaskState.FAILED, one_line(error.message, 400), Report()
        except Exception as error:  # the outermost of this thread: the task ends in any case
            log.exception("task %d of the disk failed", task.id)
            fault = one_line(str(error), 200)
            end, reason, report = TaskState.FAILED, f"workbench itself failed: {fault}", Report()
        with self.desk.write() as connection:
            rows.end(
                connection, task.id, end, at=self.desk.now(), actor=self.desk.actor, reason=reason, report=report,
                told=told,
            )  # fmt: skip

    def _prune(self, task: Task) -> Report:
        """Let go what the plan named and what still may go."""
        with self.desk.read() as connection:
            plan = rows.get(connection, task.plan or 0)
        if plan is None or plan.report is None:
            raise WorkbenchError("its plan is gone", hint="Make another: workbench prune --dry-run")
        planned = {(entry.kind, entry.id) for entry in plan.report.going}
        now = survey(self.desk, self.engines, task.policy)
        done: list[Entry] = []
        problems: list[str] = list(now.report.problems)
        for entry in now.report.going:
            if (entry.kind, entry.id) in planned:
                try:
                    self._remove(now, entry, shared=task.policy.shared)
                except (WorkbenchError, OSError) as error:
                    said = error.message if isinstance(error, WorkbenchError) else error.strerror or str(error)
                    problems.append(f"{entry.name}: {one_line(said, 200)}")
                else:
                    done.append(entry)
        left = [entry for entry in plan.report.going if (entry.kind, entry.id) not in {(e.kind, e.id) for e in done}]
        problems += [f"{entry.name} stays: it is used by now" for entry in left if not _told(entry, problems)]
        freed = now.freed(done)
        after = survey(self.desk, self.engines, task.policy).report
        return Report(tuple(done), freed, after.folders, after.cache, after.free, tuple(problems))

    def _remove(self, now: Survey, entry: Entry, *, shared: bool) -> None:
        holding = now.holdings.get(entry.id)
        if entry.kind == trees.KIND:
            trees.discard(Path(entry.id))
            return
        if holding is None:
            shutil.rmtree(Path(entry.id))
            return
        self.engines.get(EngineName(holding.engine)).discard(holding, shared=shared)
        with self.desk.write() as connection:
            for kept in now.written(holding):
                revision_rows.drop(connection, kept.environment, kept.revision.id)


def _told(entry: Entry, problems: list[str]) -> bool:
    return any(problem.startswith(f"{entry.name}:") for problem in problems)
