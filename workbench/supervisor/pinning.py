"""Locks, what is outdated, exports: asked of the engine that built the environment, one at a time."""

from __future__ import annotations

import json
import logging
import threading
from dataclasses import asdict
from pathlib import Path

from workbench.declare import lock as lock_files
from workbench.engines.base import Cancelled
from workbench.errors import Refused, WorkbenchError
from workbench.model.pinning import Kind, Task, TaskState
from workbench.services import environments
from workbench.services.declared import catalogue
from workbench.store import pinning as rows
from workbench.store import revisions as revision_rows
from workbench.supervisor.desk import Desk
from workbench.supervisor.engines import Engines
from workbench.text import one_line

log = logging.getLogger("workbench.supervisor.pinning")


class Pinning:
    """Works on one task at a time."""

    def __init__(self, desk: Desk, engines: Engines) -> None:
        self.desk = desk
        self.engines = engines
        self._working: threading.Thread | None = None

    def look(self) -> float | None:
        """Begin the oldest task."""
        if self._working and self._working.is_alive():
            return None
        with self.desk.read() as connection:
            task = rows.oldest(connection)
        if task is not None and not self.desk.stopping.is_set():
            self._working = self.desk.thread(f"pinning-{task.id}", lambda: self._work(task))
        return None

    def _work(self, task: Task) -> None:
        hint = result = reason = ""
        try:
            result = self._answer(task)
            end = TaskState.DONE
        except Cancelled:
            return  # the supervisor ends: the next one begins it again
        except WorkbenchError as error:
            end, reason, hint = TaskState.FAILED, one_line(error.message, 400), error.hint
        except Exception as error:  # the outermost of this thread: the task ends in any case
            log.exception("%s of %s failed", task.kind, task.environment)
            end, reason = TaskState.FAILED, f"workbench itself failed: {one_line(str(error), 200)}"
        with self.desk.write() as connection:
            rows.end(
                connection,
                task,
                end,
                at=self.desk.now(),
                actor=self.desk.actor,
                reason=reason,
                hint=hint,
                result=result,
            )

    def _answer(self, task: Task) -> str:
        spec = environments.spec(self.desk.bench, task.environment)
        with self.desk.read() as connection:
            revision = revision_rows.of_declaration(connection, spec.name, spec.fingerprint)
        if revision is None:
            raise Refused(
                f"{spec.name} is not built as it is declared",
                title=f"environment {spec.name}",
                hint=f"Build it first: workbench environments build {spec.name}",
            )
        engine = self.engines.get(revision.engine)
        log_path = self.desk.home.build_log(0).with_name("pinning.log")
        if task.kind is Kind.EXPORT:
            engine.export(spec, revision, Path(task.folder), log=log_path, cancelled=self.desk.stopping)
            return task.folder
        if task.kind is Kind.OUTDATED:
            found = engine.outdated(spec, revision, log=log_path, cancelled=self.desk.stopping)
            return json.dumps([asdict(change) for change in found])
        lock = engine.lock(spec, revision, log=log_path, cancelled=self.desk.stopping)
        path = catalogue.lock_file(self.desk.bench, spec)
        lock_files.write(path, lock)
        locked = environments.spec(self.desk.bench, task.environment)
        with self.desk.write() as connection:  # what was built is what the lock says: nothing has to be built for it
            revision_rows.add(
                connection, spec.name, locked.fingerprint, revision, build=None, at=self.desk.now(),
                actor=self.desk.actor,
            )  # fmt: skip
        return str(path)
