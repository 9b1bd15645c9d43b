"""How an attempt ends in the store: once, by the result that was written under its lock, or by one written here."""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from workbench.execution.fence import hold
from workbench.execution.job import read_job
from workbench.execution.publishing import abandon
from workbench.execution.result import Result, read_result, write_result
from workbench.model.run import Failure, Run, RunState
from workbench.store import asked, scalars
from workbench.store import runs as rows
from workbench.supervisor.desk import Desk
from workbench.text import one_line

log = logging.getLogger("workbench.supervisor.runs")
R = RunState
LONGEST_PAUSE = timedelta(seconds=300)  # before another try, where a run says nothing else
ENGINE_PAUSE = timedelta(seconds=2)  # before a run whose engine was away is looked at again


class Endings:
    """Ends attempts, and queues another where the person asked for retries."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk

    def by_result(self, run: Run, result: Result) -> bool:
        """Take over a written result; False where the row was changed by another meanwhile."""
        if result.never_began and not run.cancel_asked and run.state is not R.CANCELLING:
            return self._again(run, result.reason, result.hint, ENGINE_PAUSE, counted=False)
        if result.state in run.terms.on and not run.cancel_asked and run.state is not R.CANCELLING:
            tries = self._tries(run)
            if tries <= run.retries:
                pause = run.terms.pause(tries)
                reason = f"try {tries} of {run.retries + 1} {result.state}: {result.reason}"
                return self._again(run, reason, result.hint, pause, result=result)
        now = self.desk.now()
        with self.desk.write() as connection:
            done = rows.change(
                connection, run.id, run.state, result.state, attempt=run.attempt, at=now, actor=self.desk.actor,
                reason=result.reason, hint=result.hint, failure=result.failure, seconds=result.seconds,
                output=result.output, ended=result.ended or now, cells_done=result.cells_done,
                cells=result.cells or run.cells, changed=result.changed, peak_memory=result.peak_memory,
                cpu_seconds=result.cpu_seconds, **_kept(result),
            )  # fmt: skip
            if done:
                rows.end_attempt(
                    connection, run.id, run.attempt, state=result.state, at=result.ended or now, reason=result.reason,
                    failure=result.failure, seconds=result.seconds,
                )  # fmt: skip
                scalars.keep(connection, run.id, result.scalars, self.desk.actor)
                asked.add_facts(connection, run.id, result.facts)
        if done:
            log.info("run %d: %s%s", run.id, result.state, f", {result.reason}" if result.reason else "")
        return done

    def of_a_dead_runner(
        self, run: Run, folder: Path, token: str, *, cell: Failure | None, rebooted: bool, heard: datetime | None
    ) -> Result | None:
        """The result of a runner that died without one: written by whoever gets its lock. None while it is held.

        `cell`: the one that was running; `rebooted`: the machine was restarted since; `heard`: when it was heard of last, where nobody watched it die; how long it ran is not known then.
        """
        lock = hold(folder)
        if lock is None:
            return None
        try:
            found = read_result(folder)
            if found is not None:
                return found
            _tidy(folder)
            now = self.desk.now()
            state, reason = _without_result(run, cell, rebooted=rebooted)
            sad = state is not R.CANCELLED
            if heard and sad:
                reason += f", heard of last at {heard.astimezone(self.desk.bench.zone):%a %H:%M:%S}"
            seconds = round(_span(run.started, now), 3) if run.started and not heard else None
            hint = "What it had done by then is not undone; run it again when that is safe." if sad else ""
            result = Result(
                state, token, reason, hint, failure=cell if sad else None, started=run.started, ended=now,
                cells=run.cells, cells_done=run.cells_done, seconds=seconds, output=str(folder),
            )  # fmt: skip
            write_result(folder, result)
        finally:
            os.close(lock)
        return result

    def never_began(self, run: Run, folder: Path, reason: str) -> bool:
        """Put a run whose runner never began back in the queue; False where it began after all.

        Its folder is moved away under its lock: a runner that is late finds nothing to run.
        """
        lock = hold(folder) if folder.is_dir() else -1
        if lock is None:
            return False
        try:
            if lock >= 0 and (read_result(folder) is not None or _spoke(folder)):
                return False
            if lock >= 0:
                folder.rename(folder.with_name(f"{folder.name}.never-{os.urandom(4).hex()}"))
            with self.desk.write() as connection:
                done = rows.withdraw_attempt(
                    connection, run, at=self.desk.now(), actor=self.desk.actor, reason=one_line(reason, 300)
                )
        finally:
            if lock >= 0:
                os.close(lock)
        log.info("run %d: its runner never began, queued again: %s", run.id, reason)
        return done

    def before_they_began(self, waiting: Sequence[Run]) -> None:
        """Cancel runs that only wait: all of a sweep at once, for the disk is waited for each time."""
        with self.desk.write() as connection:
            for run in waiting:
                tried = f"cancelled after {run.reason}"  # as `try 1 of 3 failed: …`
                reason = one_line(tried, 400) if run.state is R.RETRYING else "cancelled before it began"
                rows.change(
                    connection, run.id, run.state, R.CANCELLED, attempt=run.attempt, at=self.desk.now(),
                    actor=self.desk.actor, reason=reason,
                )  # fmt: skip

    def _again(
        self, run: Run, reason: str, hint: str, pause: timedelta, *, result: Result | None = None, counted: bool = True
    ) -> bool:
        now = self.desk.now()
        with self.desk.write() as connection:
            done = rows.change(
                connection, run.id, run.state, R.RETRYING, attempt=run.attempt, at=now, actor=self.desk.actor,
                reason=one_line(reason, 400), hint=hint, not_before=now + pause,
                failure=result.failure if result else None, peak_memory=result.peak_memory if result else None,
                cpu_seconds=result.cpu_seconds if result else None,
            )  # fmt: skip
            if done:
                # A try that never ran a cell because its engine was away does not count as one: it waited.
                rows.end_attempt(
                    connection, run.id, run.attempt, state=result.state if result and counted else R.WAITING, at=now,
                    reason=result.reason if result else reason, failure=result.failure if result else None,
                    seconds=result.seconds if result else None,
                )  # fmt: skip
        if done:
            log.info("run %d: to be tried again: %s", run.id, reason)
        return done

    def _tries(self, run: Run) -> int:
        with self.desk.read() as connection:
            return sum(1 for attempt in rows.attempts(connection, run.id) if attempt.state is not R.WAITING)


def _without_result(run: Run, cell: Failure | None, *, rebooted: bool) -> tuple[RunState, str]:
    """What became of a run whose runner left nothing, and why."""
    where = f" in cell {cell.cell}" if cell and cell.cell else ""
    if rebooted:
        return R.INTERRUPTED, f"the machine was restarted while it ran{where}"
    if run.state is R.CANCELLING or run.cancel_asked:
        return R.CANCELLED, f"cancelled{where}"
    return R.CRASHED, f"its runner was killed{where}"


def _kept(result: Result) -> dict[str, Any]:
    """What the row says of a kernel that is kept."""
    if not result.kept:
        return {}
    return {"kept_until": datetime.fromisoformat(str(result.kept["until"])), "kept_cell": int(str(result.kept["cell"]))}


def _span(start: datetime, end: datetime) -> float:
    return max(0.0, (end - start).total_seconds())


def _tidy(folder: Path) -> None:
    """Remove what a runner that died while it published has left in the person's project."""
    try:
        abandon(read_job(folder))
    except (OSError, ValueError) as error:
        log.info("%s: what it may have left is not known: %s", folder, error)


def _spoke(folder: Path) -> bool:
    """Whether a runner wrote anything: it began."""
    try:
        return (folder / "events.jsonl").stat().st_size > 0
    except FileNotFoundError:
        return False
