"""Makes the job of a run's next try out of its row, its project and what its environment is now."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from workbench.engines.registry import options
from workbench.execution.job import OUTPUT_FILE, Job, write_job
from workbench.model.project import Project
from workbench.model.run import Run, RunState
from workbench.model.variables import variables
from workbench.services.code import seen
from workbench.services.supervision import control
from workbench.store import history
from workbench.store import runs as rows
from workbench.supervisor.desk import Desk
from workbench.supervisor.engines import Engines
from workbench.supervisor.queue.ready import Usable
from workbench.supervisor.queue.workspaces import workspace

BOOT_FILE = "boot"  # in an attempt's folder: the start of the machine it belongs to


@dataclass(frozen=True)
class Try:
    """The next try of a run: `number` counts from 1, `token` claims it, `record` is what was noted when the run was asked for,
    `at` when it was claimed."""

    run: Run
    number: int
    token: str
    project: Project
    record: Mapping[str, Any]
    at: datetime


class Jobs:
    """Of one home."""

    def __init__(self, desk: Desk, engines: Engines) -> None:
        self.desk = desk
        self.engines = engines

    def write(self, attempt: Try, usable: Usable, place: seen.Place, *, before: Job | None = None) -> Job:
        """The job of `attempt`, written into its folder. `before`: that of the run in whose kernel it goes on. Raises OSError."""
        job = self._after(before, attempt) if before else self._of(attempt, usable, place)
        folder = self.desk.home.attempt_folder(attempt.run.id, attempt.number)
        write_job(folder, job)
        (folder / BOOT_FILE).write_text(control.boot_id())
        return job

    def _of(self, attempt: Try, usable: Usable, place: seen.Place) -> Job:
        run, record = attempt.run, attempt.record
        return Job(
            run=run.id,
            attempt=attempt.number,
            token=attempt.token,
            notebook=run.notebook,
            input=self.desk.home.run_folder(run.id) / "input.ipynb",
            workspace=workspace(self.desk, attempt.project, place.cwd, usable.spec, tree=place.tree),
            revision=usable.revision,
            engine=usable.engine,
            name=run.name,
            engine_options=options(self.desk.home, self.desk.settings, self.engines.facts.get(usable.engine)),
            parameters=run.parameters,
            preferred_kernel=usable.spec.kernel.name,
            timeout=run.timeout,
            start_timeout=run.terms.start,
            cell_timeout=run.terms.cell,
            env=variables(run, attempt.number, str(place.root), record.get("references", {})),
            published=self._published(attempt),
            record={
                **self._record(run, record),
                "lock": usable.spec.locked.digest if usable.spec.locked else None,
            },
            keep=run.terms.keep,
            retried=self._retried(run),
            inputs=tuple(record.get("inputs_declared", ())),
            root=place.tree or place.root,
            wake=self.desk.wake_path,
            previous=self._previous(run),
        )

    def _after(self, job: Job, attempt: Try) -> Job:
        """That of a run that goes on in the kernel of `job`, from the cell that its record names."""
        run, record = attempt.run, attempt.record
        return replace(
            job, run=run.id, attempt=attempt.number, token=attempt.token, name=run.name, notebook=run.notebook,
            input=self.desk.home.run_folder(run.id) / "input.ipynb", parameters=run.parameters, timeout=run.timeout,
            start_timeout=run.terms.start, cell_timeout=run.terms.cell, keep=run.terms.keep, retried=(), previous=None,
            first=int(record["continues"]["cell"]) - 1, published=self._published(attempt),
            record={**self._record(run, record), "lock": job.record.get("lock")}, wake=self.desk.wake_path,
        )  # fmt: skip

    def _published(self, attempt: Try) -> Path:
        local = attempt.at.astimezone(self.desk.bench.zone)
        again = f".{attempt.number}" if attempt.number > 1 else ""
        return attempt.project.runs / f"{local:%Y-%m-%dT%H%M}-{attempt.run.name}-{attempt.run.id}{again}"

    def _record(self, run: Run, record: Mapping[str, Any]) -> dict[str, Any]:
        return {
            **record,
            "by": run.by,
            "as": run.account,
            "origin": run.origin,
            "schedule": run.schedule,
            "due": run.due.isoformat() if run.due else None,
            "environment": run.environment,
        }

    def _retried(self, run: Run) -> tuple[str, ...]:
        """The ends after which it is tried again if this is how its next try ends."""
        if not run.retries:
            return ()
        with self.desk.read() as connection:
            had = sum(1 for attempt in rows.attempts(connection, run.id) if attempt.state is not RunState.WAITING)
        return tuple(sorted(run.terms.on)) if had <= run.retries else ()

    def _previous(self, run: Run) -> Path | None:
        """The output that a scheduled run's is compared with."""
        if run.schedule is None or run.group:
            return None
        with self.desk.read() as connection:
            found = history.last_success(connection, run.project, run.name, before=run.id)
        return self.desk.home.attempt_folder(found.id, found.attempt) / OUTPUT_FILE if found else None
