"""Queued runs are started: in their turn, where their environment is there and there is room.

row claimed ─▶ job.json ─▶ nursery ─▶ runner holds its lock        (whatever dies in between is found by runs.py)
"""

from __future__ import annotations

import logging
import os
import secrets
import time
from collections.abc import Sequence
from contextlib import ExitStack
from datetime import timedelta
from functools import partial
from itertools import takewhile
from pathlib import Path

from workbench.errors import WorkbenchError
from workbench.model.run import ACTIVE, Run, RunState
from workbench.model.schedule import Overlap
from workbench.services import projects
from workbench.services.declared import catalogue
from workbench.store import runs as rows
from workbench.store import waiting
from workbench.supervisor.desk import Desk
from workbench.supervisor.due.schedules import Schedules
from workbench.supervisor.engines import Engines
from workbench.supervisor.queue import outages
from workbench.supervisor.queue.admission import Admission, Room
from workbench.supervisor.queue.copies import WAITS
from workbench.supervisor.queue.endings import LONGEST_PAUSE
from workbench.supervisor.queue.jobs import Jobs, Try
from workbench.supervisor.queue.kept import Kept
from workbench.supervisor.queue.launches import Launches
from workbench.supervisor.queue.look import Look, in_turn
from workbench.supervisor.queue.ready import Environments, Never, NotYet, Readiness, Usable
from workbench.supervisor.warmth import Warmth
from workbench.text import duration, one_line, plural

log = logging.getLogger("workbench.supervisor.queue.dispatch")
OLDEST = 20  # that have waited longest, looked at too
FIRST = 200  # pending runs looked at each time: those behind mostly wait for places anyway
SHARE = 8  # times as long as a look at all the others took is waited before the next such look


class Dispatch:
    """Starts runs."""

    def __init__(
        self,
        desk: Desk,
        engines: Engines,
        environments: Environments,
        schedules: Schedules,
        warmth: Warmth,
        kept: Kept | None = None,
    ) -> None:
        self.desk = desk
        self.engines = engines
        self.environments = environments
        self.schedules, self.copies = schedules, schedules.copies
        self.warmth = warmth
        self.kept = kept or Kept(desk)
        self.launches = Launches(desk, self.kept)
        self.taken = self.slow = (
            0  # places of runs that have ended, but whose kernel is not gone yet; those that take long
        )
        self.launching, self.trouble = self.launches.going, self.launches.trouble
        self.admission = Admission(desk)
        self._jobs = Jobs(desk, engines)
        self._starts = 0
        self._rested = 0.0  # when the whole queue may be looked at again

    def look(self) -> float | None:
        """Start what can be; seconds until the next look, None where only a change could matter."""
        now = self.desk.now()
        with self.desk.read() as connection:
            pending = waiting.pending(connection, FIRST)
            oldest = waiting.oldest(connection, OLDEST) if len(pending) == FIRST else []
            late, next_late = waiting.overdue(connection, now)
            active = rows.in_states(connection, ACTIVE)
        if not pending:
            return None
        look = Look(now, self.desk.settings.concurrency, self._starts, self.taken, active)
        if next_late:
            look.again((next_late - now).total_seconds())
        gone = {run.id for run in late if self._waited_too_long(run, look)}
        self._through([run for run in (*pending, *oldest) if run.id not in gone], look)
        if len(pending) == FIRST and not look.full:
            self._deeper(pending[-1], look)
        if look.down:
            self.engines.waits()
        self._starts = look.starts
        return look.wait

    def _deeper(self, last: Run, look: Look) -> None:
        """Behind all those that wait may be one that can start. Of a long queue this takes its share of the time only."""
        begun = time.monotonic()
        if begun < self._rested:
            look.again(self._rested - begun)
            return
        with self.desk.read() as connection:
            pending = waiting.pending(connection, after=(last.priority, last.id))
        self._through(pending, look, all_of_them=False)
        now = time.monotonic()
        self._rested = now + SHARE * (now - begun)

    def _waited_too_long(self, run: Run, look: Look) -> bool:
        """End one that has not begun within its time, with what it waited for."""
        if run.cancel_asked or run.state is RunState.RETRYING:
            return False
        reason = f"did not begin within {duration(run.terms.queue)}"
        self._end(
            run, look, RunState.TIMED_OUT, f"{reason}: {run.reason}" if run.reason else reason,
            "Raise `timeout: queue:`, or give it a higher priority.",
        )  # fmt: skip
        return True

    def _engine_was_away(self, run: Run, look: Look) -> bool:
        """End one whose engine did not come back within the time in which its due time is made up for."""
        file = self.schedules.known.get(run.schedule or "")
        spec = file.spec if file else None
        left = outages.left(run, spec, look.now)
        if spec is None or left is None:
            return False
        if left > 0:
            look.again(left)
            return False
        with self.desk.read() as connection:
            if not outages.in_time(connection, run, spec):
                return False
        self._end(run, look, RunState.TIMED_OUT, *outages.over(run, spec))
        return True

    def _through(self, pending: Sequence[Run], look: Look, *, all_of_them: bool = True) -> None:
        """Start what can be, and say of the others why they stay, in one transaction."""
        look.queue(pending)
        turns, full = in_turn(pending, look), self._full(look)
        for run in turns if all_of_them else takewhile(lambda _: not look.full, turns):
            if look.full and run.reason == full and _only_waits(run, look):
                continue
            self.desk.apart(f"run {run.id}", partial(self._one, run, look), partial(self._fault, run, look))
        if look.reasons:
            with self.desk.write() as connection:
                for run, state, reason, hint in look.reasons:
                    if run.state is state:
                        rows.set_reason(connection, run.id, reason, hint)
                    else:
                        rows.change(
                            connection, run.id, run.state, state, attempt=run.attempt, at=self.desk.now(),
                            actor=self.desk.actor, reason=reason, hint=hint,
                        )  # fmt: skip
            look.reasons.clear()

    def _one(self, run: Run, look: Look) -> None:
        before = look.before(run) if run.schedule else 0
        if run.cancel_asked or self._engine_was_away(run, look):
            return  # the first is ended by runs.py
        longest = max(LONGEST_PAUSE, timedelta(seconds=run.terms.cap))
        if run.not_before and look.now < run.not_before <= look.now + longest:  # further off: the clock was set
            look.again((run.not_before - look.now).total_seconds())
            return
        if before and self.schedules.overlap(run.schedule or "") is not Overlap.ALLOW:
            self._stay(look, run, RunState.QUEUED, f"waits for run {before} of the same schedule")
            return
        readiness = self.kept.ready(run) if run.continues else self._ready(run, look.known)
        if isinstance(readiness, NotYet):
            look.down = look.down or readiness.down
            state = RunState.WAITING if readiness.down else RunState.QUEUED
            self._stay(look, run, state, readiness.reason, readiness.hint)
        elif isinstance(readiness, Never):
            self._refuse(run, look, readiness.reason, readiness.hint)
        else:
            self._admit(run, readiness, look)

    def _admit(self, run: Run, usable: Usable, look: Look) -> None:
        """Start it where there is room."""
        if look.full:
            self._stay(look, run, RunState.QUEUED, self._full(look))
            return
        try:
            if run.project not in look.projects:
                look.projects[run.project] = projects.get(self.desk.bench, run.project)
        except WorkbenchError as error:
            self._refuse(run, look, error.message, error.hint)
            return
        room = WAITS if self.copies.busy(run) else self.admission.ask(run, usable, look)
        self.kept.short = self.kept.short or look.short
        if isinstance(room, str):
            self._stay(look, run, RunState.QUEUED, room)
        else:
            self._start(run, usable, look, room)

    def _full(self, look: Look) -> str:
        """Why there is no place: runs, and kernels of runs that have ended and still end what they had started."""
        ending = f", {plural(self.slow, 'kernel')} still ending" if self.slow else ""
        return f"waits for a place: {plural(look.places, 'run')} at once{ending}"

    def _fault(self, run: Run, look: Look, why: str) -> None:
        """It stays where it is, and is looked at again; whether it took a place is asked of the store."""
        self._stay(look, run, run.state, why, "See: workbench service logs")
        with self.desk.read() as connection:
            look.active = rows.in_states(connection, ACTIVE)

    def _ready(self, run: Run, known: dict[str, Readiness]) -> Readiness:
        """Whether its environment is there; `known` holds the answers of this look."""
        if run.exactly is not None:
            return self.environments.as_it_was(run)
        found = known.get(run.environment)
        if found is None:
            found = self.environments.ready(run.environment, run.created, self.desk.actor)
            # That it could not be built is an answer to this run alone: a later one may ask for another build.
            if not isinstance(found, Never):
                known[run.environment] = found
        return found

    def _stay(self, look: Look, run: Run, state: RunState, reason: str, hint: str = "") -> None:
        """Say why it does not start yet, where that is new; an engine that is down makes it `waiting`."""
        if run.state is RunState.RETRYING and state is RunState.QUEUED:
            state = RunState.RETRYING
        if (run.state, run.reason, run.hint) != (state, reason, hint):
            look.reasons.append((run, state, reason, hint))

    def _refuse(self, run: Run, look: Look, reason: str, hint: str) -> None:
        self._end(run, look, RunState.FAILED, reason, hint)

    def _end(self, run: Run, look: Look, state: RunState, reason: str, hint: str) -> None:
        """End one that has not begun: written down with why others stay, in one transaction for all."""
        look.reasons.append((run, state, one_line(reason, 500), hint))
        look.refused(run)
        log.info("run %d: %s before it began: %s", run.id, state, reason)

    def _start(self, run: Run, usable: Usable, look: Look, room: Room) -> None:
        """Claim it, then hand it to the nursery with its place of the machine."""
        with ExitStack() as stack:
            if room.place is not None:
                stack.callback(os.close, room.place)
            folder = self._claim(run, usable, look)
            if folder is not None:
                self.launches.begin(run, folder, room.place)
                stack.pop_all()

    def _claim(self, run: Run, usable: Usable, look: Look) -> Path | None:
        """Make its row ours and write its job: the attempt's folder. None where another was first, or it could not be."""
        project, now = look.projects[run.project], look.now
        number = run.attempt + 1
        with self.desk.read() as connection:
            record = rows.record(connection, run.id)
        try:
            # What goes on in a kernel works where that does.
            place = self.copies.place(run, project, usable.engine, {} if run.continues else record)
        except WorkbenchError as error:
            self._refuse(run, look, error.message, error.hint)
            return None
        if place is None:
            self._stay(look, run, RunState.QUEUED, WAITS)
            return None
        token = secrets.token_hex(16)
        folder = self.desk.home.attempt_folder(run.id, number)
        with self.desk.write() as connection:
            claimed = rows.begin_attempt(
                connection, run, token=token, revision=usable.revision.id, engine=usable.engine, at=now,
                actor=self.desk.actor,
            )  # fmt: skip
            if claimed:
                catalogue.settle(self.desk.bench, connection, project, usable.engine, self.desk.actor)
        if not claimed:
            return None
        look.started(run)
        try:
            before = self.kept.job(run) if run.continues else None
            job = self._jobs.write(Try(run, number, token, project, record, now), usable, place, before=before)
        except (OSError, ValueError) as error:
            # The claim stands without a job: runs.py finds it, and says why it did not begin.
            self.trouble[run.id] = f"its job cannot be written: {getattr(error, 'strerror', None) or error}"
            log.warning("run %d: %s", run.id, self.trouble[run.id])
            return None
        if run.exactly is None and not run.continues:
            self.warmth.wanted(run.environment, usable.engine, usable.revision, job.workspace)
        return folder


def _only_waits(run: Run, look: Look) -> bool:
    """Whether a run that waits for a place waits for that alone, so that while there is none nothing new can be said of it."""
    special = run.schedule or run.continues or run.cancel_asked or run.not_before or run.exactly
    return run.state is RunState.QUEUED and not special and isinstance(look.known.get(run.environment), Usable)
