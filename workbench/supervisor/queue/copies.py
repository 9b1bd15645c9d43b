"""Files of a project as they are for one run: kept and laid out in threads, since a large project takes seconds for it.

A run whose record names no tree yet has still to be given one; so nothing is lost with the supervisor that began it.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterable
from functools import partial

from workbench.errors import WorkbenchError
from workbench.model.environment import EngineName
from workbench.model.project import Project
from workbench.model.run import PENDING, Run, RunState
from workbench.services import projects
from workbench.services.asking.memo import Memo
from workbench.services.code import seen
from workbench.store import asked
from workbench.store import runs as rows
from workbench.supervisor.desk import Desk
from workbench.text import one_line

log = logging.getLogger("workbench.supervisor.copies")
WAITS = "waits for a copy of its project's files"
HOLDS = 60.0  # seconds for which what was laid out is believed to be as it was
FAULT = WorkbenchError("workbench itself failed over its files", hint="See: workbench service logs")
Try = tuple[int, int]  # a run and the number of its attempt


class Copies:
    """Of one home. Asked by the loop, which never waits for them."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self._guard = threading.Lock()
        self._asked: set[int] = set()  # runs whose files are still to be kept
        self._keeping: set[int] = set()  # those a thread has taken
        self._laying: set[Try] = set()
        self._laid: dict[Try, tuple[float, seen.Place | WorkbenchError]] = {}

    def find(self) -> None:
        """Keep the files of runs that were queued just now, or that the supervisor before has not come to."""

        def work() -> None:
            with self.desk.read() as connection:
                found = asked.without_files(connection)
            if found:
                self.ask(found)

        self.desk.thread("copies", work)

    def ask(self, runs: Iterable[int]) -> None:
        """Keep the files of these runs, as they are now; those that are asked for together share one copy."""
        with self._guard:
            self._asked |= set(runs) - self._keeping
            idle = bool(self._asked) and not self._keeping
            if idle:
                self._take()
        if idle:
            self.desk.thread("copies", self._keep_all)

    def busy(self, run: Run) -> bool:
        """Whether something is still to be done for its next try, as far as that is known."""
        with self._guard:
            return run.id in self._asked or run.id in self._keeping or (run.id, run.attempt + 1) in self._laying

    def place(self, run: Run, project: Project, engine: EngineName, record: dict[str, object]) -> seen.Place | None:
        """Where its next try works; None until its files are there. Raises `Refused` where they cannot be."""
        if seen.KEY not in record:
            return seen.place(self.desk.bench, project, run.notebook, record, engine, "")
        if not seen.tree_of(record):
            self.ask([run.id])
            return None
        key = (run.id, run.attempt + 1)
        with self._guard:
            at, found = self._laid.pop(key, (0.0, None))
            self._laid = {one: laid for one, laid in self._laid.items() if _fresh(laid[0])}
            if found is None or not _fresh(at):
                if key in self._laying:
                    return None
                self._laying.add(key)
                found = None
        if found is None:
            work = partial(self._lay_out, key, project, run.notebook, record, engine)
            self.desk.thread(f"files-{run.id}", work)
            return None
        if isinstance(found, WorkbenchError):
            raise found
        return found

    def _lay_out(
        self, key: Try, project: Project, notebook: str, record: dict[str, object], engine: EngineName
    ) -> None:
        found: seen.Place | WorkbenchError = FAULT
        try:
            label = f"{key[0]}.{key[1]}"
            found = seen.place(self.desk.bench, project, notebook, record, engine, label)
        except WorkbenchError as error:
            found = error
        except OSError as error:
            found = WorkbenchError(f"its files cannot be laid out: {error.strerror}")
        finally:
            with self._guard:
                self._laying.discard(key)
                self._laid[key] = (time.monotonic(), found)

    def _take(self) -> list[int]:
        self._keeping, self._asked = self._asked, set()
        return sorted(self._keeping)

    def _keep_all(self) -> None:
        batch = sorted(self._keeping)
        while batch:
            memo = Memo()
            for number in batch:
                if self.desk.stopping.is_set():
                    break
                self.desk.apart(
                    f"files of run {number}", partial(self._keep, number, memo), partial(self._fail, number)
                )
            with self._guard:
                batch = self._take()
            self.desk.wake()

    def _keep(self, number: int, memo: Memo) -> None:
        with self.desk.read() as connection:
            run, record = rows.get(connection, number), rows.record(connection, number)
        if run is None or run.state not in PENDING or run.cancel_asked or seen.tree_of(record):
            return
        try:
            tree = seen.kept(self.desk.bench, projects.get(self.desk.bench, run.project), record, memo)
        except (WorkbenchError, OSError) as error:
            self._fail(number, *((error.message, error.hint) if isinstance(error, WorkbenchError) else (str(error),)))
            return
        with self.desk.write() as connection:
            asked.add_facts(connection, number, {seen.KEY: {"tree": tree}})

    def _fail(self, number: int, why: str, hint: str = "") -> None:
        with self.desk.read() as connection:
            run = rows.get(connection, number)
        if run is None or run.state not in PENDING:
            return
        with self.desk.write() as connection:
            rows.change(
                connection, number, run.state, RunState.FAILED, attempt=run.attempt, at=self.desk.now(),
                actor=self.desk.actor, reason=one_line(why, 500), hint=hint,
            )  # fmt: skip
        log.info("run %d: failed before it began: %s", number, one_line(why))


def _fresh(at: float) -> bool:
    return time.monotonic() - at < HOLDS
