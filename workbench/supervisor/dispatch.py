"""Queued runs are started: oldest first, as many at once as the settings say, where their environment is there.

row claimed ─▶ job.json ─▶ nursery ─▶ runner holds its lock        (whatever dies in between is found by runs.py)
"""

from __future__ import annotations

import logging
import queue
import secrets
import threading
from datetime import datetime
from pathlib import Path
from typing import Any

from workbench.engines.base import Workspace
from workbench.engines.registry import options
from workbench.errors import WorkbenchError
from workbench.execution.job import Job, write_job
from workbench.execution.nursery import Nursery
from workbench.model.project import Project
from workbench.model.run import ACTIVE, PENDING, Run, RunState
from workbench.model.schedule import Overlap
from workbench.services import control, projects
from workbench.store import runs as rows
from workbench.supervisor.desk import Desk
from workbench.supervisor.engines import Engines
from workbench.supervisor.ready import Environments, Never, NotYet, Readiness, Usable
from workbench.supervisor.schedules import Schedules
from workbench.text import one_line, plural

log = logging.getLogger("workbench.supervisor.dispatch")
LOOKED_AT = 200  # pending runs looked at each time: those behind wait for places anyway
BOOT_FILE = "boot"  # in an attempt's folder: the start of the machine it belongs to


class Dispatch:
    """Starts runs. Launching takes a thread of its own: the first fork waits for papermill's imports."""

    def __init__(self, desk: Desk, engines: Engines, environments: Environments, schedules: Schedules) -> None:
        self.desk = desk
        self.engines = engines
        self.environments = environments
        self.schedules = schedules
        self.nursery = Nursery(desk.home)
        self.taken = 0  # places of runs that have ended, but whose kernel is not gone yet
        self.launching: set[tuple[int, int]] = set()
        self.trouble: dict[int, str] = {}  # why a run's runner could not be started, until it is told
        self._queue: queue.SimpleQueue[tuple[Run, Path]] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None

    def look(self) -> float | None:
        """Start what can be; seconds until the next look, None where only a change could matter."""
        with self.desk.read() as connection:
            pending = rows.in_states(connection, PENDING, limit=LOOKED_AT)
            counted = rows.counts(connection)
        if not pending:
            self.engines.waited_for = False
            return None
        now = self.desk.now()
        active = sum(counted.get(state, 0) for state in ACTIVE) + self.taken
        places = self.desk.settings.concurrency
        known: dict[str, Readiness] = {}
        wait: float | None = None
        down = False
        for run in pending:
            if run.cancel_asked:
                continue  # ended by runs.py
            if run.not_before and run.not_before > now:
                left = (run.not_before - now).total_seconds()
                wait = left if wait is None else min(wait, left)
                continue
            if reason := self._behind(run):
                self._stay(run, RunState.QUEUED, reason)
                continue
            readiness = self._ready(run, known)
            if isinstance(readiness, NotYet):
                down = down or readiness.down
                self._stay(
                    run, RunState.WAITING if readiness.down else RunState.QUEUED, readiness.reason, readiness.hint
                )
            elif isinstance(readiness, Never):
                self._refuse(run, readiness.reason, readiness.hint)
            elif active >= places:
                self._stay(run, RunState.QUEUED, f"waits for a place: {plural(places, 'run')} at once")
            else:
                active += self._start(run, readiness, now)
        self.engines.waited_for = down
        return wait

    def _ready(self, run: Run, known: dict[str, Readiness]) -> Readiness:
        """Whether its environment is there; `known` holds the answers of this look."""
        found = known.get(run.environment)
        if found is None:
            found = self.environments.ready(run.environment, run.created, self.desk.actor)
            # That it could not be built is an answer to this run alone: a later one may ask for another build.
            if not isinstance(found, Never):
                known[run.environment] = found
        return found

    def _behind(self, run: Run) -> str:
        """Why it has to wait for another run of its schedule; empty where it has not."""
        if not run.schedule or self.schedules.overlap(run.schedule) is Overlap.ALLOW:
            return ""
        with self.desk.read() as connection:
            before = [other for other in rows.active_of_schedule(connection, run.schedule) if other.id < run.id]
        return f"waits for run {before[0].id} of the same schedule" if before else ""

    def _stay(self, run: Run, state: RunState, reason: str, hint: str = "") -> None:
        """Say why it does not start yet; an engine that is down makes it `waiting`."""
        if run.state is RunState.RETRYING and state is RunState.QUEUED:
            state = RunState.RETRYING
        if (run.state, run.reason, run.hint) == (state, reason, hint):
            return
        with self.desk.write() as connection:
            if run.state is state:
                rows.set_reason(connection, run.id, reason, hint)
            else:
                rows.change(
                    connection, run.id, run.state, state, attempt=run.attempt, at=self.desk.now(),
                    actor=self.desk.actor, reason=reason, hint=hint,
                )  # fmt: skip

    def _refuse(self, run: Run, reason: str, hint: str) -> None:
        with self.desk.write() as connection:
            rows.change(
                connection, run.id, run.state, RunState.FAILED, attempt=run.attempt, at=self.desk.now(),
                actor=self.desk.actor, reason=one_line(reason, 500), hint=hint,
            )  # fmt: skip
        log.info("run %d: failed before it began: %s", run.id, reason)

    def _start(self, run: Run, usable: Usable, now: datetime) -> int:
        """Claim it, then hand it to the nursery; 1 where a place is taken."""
        try:
            project = projects.get(self.desk.bench, run.project)
        except WorkbenchError as error:
            self._refuse(run, error.message, error.hint)
            return 0
        number = run.attempt + 1
        token = secrets.token_hex(16)
        folder = self.desk.home.attempt_folder(run.id, number)
        with self.desk.write() as connection:
            record = rows.record(connection, run.id)
            claimed = rows.begin_attempt(
                connection, run, token=token, revision=usable.revision.id, engine=usable.engine, at=now,
                actor=self.desk.actor,
            )  # fmt: skip
        if not claimed:
            return 0
        try:
            write_job(folder, self._job(run, number, token, usable, project, record, now))
            (folder / BOOT_FILE).write_text(control.boot_id())
        except OSError as error:
            # The claim stands without a job: runs.py finds it, and says why it did not begin.
            self.trouble[run.id] = f"its job cannot be written: {error.strerror or error}"
            log.warning("run %d: %s", run.id, self.trouble[run.id])
            return 1
        self.launching.add((run.id, number))
        self._queue.put((run, folder))
        if self._thread is None or not self._thread.is_alive():
            self._thread = self.desk.thread("launch", self._launch)
        return 1

    def _launch(self) -> None:
        while not self.desk.stopping.is_set():
            try:
                run, folder = self._queue.get(timeout=1.0)
            except queue.Empty:
                continue
            try:
                self.nursery.run(folder)
            except (WorkbenchError, OSError) as error:
                self.trouble[run.id] = error.message if isinstance(error, WorkbenchError) else str(error)
                log.warning("run %d: %s", run.id, error)
            finally:
                self.launching.discard((run.id, int(folder.name)))
                self.desk.wake()

    def _job(
        self, run: Run, number: int, token: str, usable: Usable, project: Project, record: dict[str, Any], now: datetime
    ) -> Job:
        local = now.astimezone(self.desk.bench.zone)
        again = f".{number}" if number > 1 else ""
        return Job(
            run=run.id,
            attempt=number,
            token=token,
            notebook=run.notebook,
            input=self.desk.home.run_folder(run.id) / "input.ipynb",
            workspace=Workspace(
                home=self.desk.home.id,
                project_name=project.name,
                project=project.path,
                cwd=(project.path / run.notebook).parent,
                data=project.data,
                env=usable.spec.env,
                limits=usable.spec.limits,
                person=self.desk.person,
            ),
            revision=usable.revision,
            engine=usable.engine,
            name=run.name,
            engine_options=options(self.desk.home, self.desk.settings),
            parameters=run.parameters,
            timeout=run.timeout,
            published=project.runs / f"{local:%Y-%m-%dT%H%M}-{run.name}-{run.id}{again}",
            record={
                **record,
                "by": run.by,
                "as": run.account,
                "origin": run.origin,
                "schedule": run.schedule,
                "due": run.due.isoformat() if run.due else None,
                "environment": run.environment,
            },
            wake=self.desk.wake_path,
        )
