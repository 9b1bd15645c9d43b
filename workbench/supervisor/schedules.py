"""Due times become rows: each exactly one, fired with its run, skipped or missed, in one transaction."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta
from functools import partial

from workbench.errors import StoreError, WorkbenchError
from workbench.model import timetable
from workbench.model.schedule import CatchUp, DueState, Overlap, Schedule, ScheduleSpec
from workbench.model.timetable import Timetable
from workbench.services import requests, runs, schedules
from workbench.services.schedule_files import ScheduleFile, ScheduleFiles
from workbench.store import runs as run_rows
from workbench.store import schedules as rows
from workbench.store.events import Actor
from workbench.supervisor.clock import Clock
from workbench.supervisor.desk import Desk
from workbench.text import one_line

log = logging.getLogger("workbench.supervisor.schedules")
SCAN = 5.0  # seconds between looks at the files' facts
ON_TIME = timedelta(seconds=60)  # a due time found within this was not missed, whatever catch_up says
FRESH = timedelta(seconds=60)  # a file this new counts from when it was written
PIECE = 500  # due times worked off at a time after a long absence


class Lost(Exception):  # noqa: N818 - not an error: another was first, and the next look sees how it is
    """The row changed meanwhile; the transaction is rolled back."""


class Schedules:
    """Reads the files live and evaluates them up to now."""

    def __init__(self, desk: Desk, clock: Clock) -> None:
        self.desk = desk
        self.clock = clock
        self.files = ScheduleFiles(desk.bench, keep=True, apart=desk.apart)
        self.known: dict[str, ScheduleFile] = {}
        self._next: datetime | None = None  # the earliest time any schedule is due; None: look, whatever it was
        self._untaken = True  # files are known that the store may not have taken in yet

    @property
    def actor(self) -> Actor:
        """A schedule acts for the account whose home this is."""
        account = self.desk.bench.actor.account
        return Actor(account, account, "schedule")

    def look(self, woken: bool) -> float:
        """Take in changed files and evaluate what is due; seconds until the next look at the files."""
        self.known, changed = self.files.look()
        now = self.desk.now()
        changed = self._untaken = self._untaken or changed
        if changed:
            self._untaken = not self._take_in(now)
        if woken or changed or self._next is None or self._next <= now:
            self._evaluate(now)
        return SCAN

    def reset(self) -> None:
        """The clock was set: evaluate at the next look, whatever was reckoned before."""
        self._next = None

    def overlap(self, key: str) -> Overlap:
        """What the schedule's file says of runs at the same time."""
        file = self.known.get(key)
        return file.spec.overlap if file and file.spec else Overlap.SKIP

    def _take_in(self, now: datetime) -> bool:
        """Have the store know the files as they are; False where one could not be taken in: it is tried again."""
        with self.desk.read() as connection:
            before = rows.listing(connection)
        whole = True
        for key, file in self.known.items():
            whole &= self.desk.apart(f"schedule {key}", partial(self._notice, file, before.get(key), now))
        for key, row in before.items():
            if row.present and key not in self.known:
                with self.desk.write() as connection:
                    rows.gone(connection, key, at=now, actor=self.actor)
                log.info("schedule %s: its file is gone", key)
        return whole

    def _notice(self, file: ScheduleFile, row: Schedule | None, now: datetime) -> None:
        spec = file.spec
        timing = spec.timing if spec else ""
        same = row and row.present and row.digest == file.digest and row.problem == file.problem
        if same and row and (file.problem or row.timing == timing):
            return
        at = file.changed if now - FRESH < file.changed < now else now
        with self.desk.write() as connection:
            rows.notice(
                connection, key=file.key, project=file.project, name=file.name, digest=file.digest, timing=timing,
                problem=file.problem, at=at, actor=self.actor,
            )  # fmt: skip
        log.info("schedule %s: %s", file.key, file.problem or f"read, {spec.when if spec else ''}")

    def _evaluate(self, now: datetime) -> None:
        with self.desk.read() as connection:
            found = rows.listing(connection)
        self._next = None  # until all were looked at
        following: dict[str, tuple[Timetable, datetime]] = {}
        for key, file in self.known.items():
            row, spec = found.get(key), file.spec
            if row and spec and not row.paused:
                self.desk.apart(f"schedule {key}", partial(self._follow, spec, row, now, following))
        self.clock.arm({key: table for key, (table, _) in following.items()})
        self._next = min((moment for _, moment in following.values()), default=datetime.max.replace(tzinfo=UTC))
        if self._next <= now:
            self.desk.wake()

    def _follow(
        self, spec: ScheduleSpec, row: Schedule, now: datetime, following: dict[str, tuple[Timetable, datetime]]
    ) -> None:
        """Evaluate one schedule, and note when it is to be looked at next."""
        try:
            table = timetable.of(spec)
        except WorkbenchError as error:
            log.warning("schedule %s cannot be evaluated: %s", row.key, error)
            return
        try:
            after = now if self._one(spec, row, table, now) else table.after(now)
        except Lost:
            after = now
        if spec.enabled and after:
            following[row.key] = (table, after)

    def _one(self, spec: ScheduleSpec, row: Schedule, table: Timetable, now: datetime) -> bool:
        """Give every due time up to now its row; True where there are more than were done now."""
        if row.evaluated_until > now + ON_TIME:
            log.warning("schedule %s was evaluated up to %s: the clock was set back", row.key, row.evaluated_until)
            self._advance(row, now)
            return False
        due = table.due_between(row.evaluated_until, now, PIECE)
        if not due:
            return False
        if not spec.enabled:
            self._advance(row, now)
            return False
        following = table.after(due[-1]) if len(due) == PIECE else None
        more = following is not None and following <= now
        until = row.evaluated_until
        missed: list[tuple[datetime, str]] = []
        for moment in due:
            why = self._why_not(spec, moment, moment == due[-1] and not more, now)
            if why:
                missed.append((moment, why))
                continue
            until = self._miss(spec, until, missed)
            missed = []
            until = self._fire(spec, until, moment)
        self._miss(spec, until, missed)
        return more

    def _why_not(self, spec: ScheduleSpec, due: datetime, newest: bool, now: datetime) -> str:
        """Why a due time does not fire; empty where it does."""
        late = now - due
        if newest and late <= ON_TIME:
            return ""
        looked = now.astimezone(timetable.zone(spec.timezone))
        absent = f"workbench did not run then; it looked again at {looked:%Y-%m-%d %H:%M}"
        if spec.catch_up is CatchUp.NONE:
            return f"{absent}, and catch_up is none"
        if spec.catch_up_window is not None and late.total_seconds() > spec.catch_up_window:
            return f"{absent}, after its catch_up_window"
        if spec.catch_up is CatchUp.LATEST and not newest:
            return f"{absent}, and a later time is made up for"
        return ""

    def _fire(self, spec: ScheduleSpec, until: datetime, due: datetime) -> datetime:
        """Queue the run of a due time; what cannot be queued is missed, so that the times after it come."""
        why: list[str] = []

        def queue() -> None:
            try:
                self._queue(spec, until, due)
            except StoreError:
                raise
            except (WorkbenchError, OSError) as error:
                why.append(one_line(error.message if isinstance(error, WorkbenchError) else str(error), 300))

        self.desk.apart(f"schedule {spec.key}, due {due}", queue, why.append, passing=Lost)
        if why:
            return self._miss(spec, until, [(due, f"it could not be queued: {why[0]}")])
        return due

    def _queue(self, spec: ScheduleSpec, until: datetime, due: datetime) -> None:
        checked = requests.check(self.desk.bench, schedules.request(spec, due))
        now = self.desk.now()
        with self.desk.write() as connection:
            active = run_rows.active_of_schedule(connection, spec.key)
            # Times that are made up for one after the other do not skip each other.
            made_up = spec.catch_up is CatchUp.ALL and now - due > ON_TIME
            skip = active and spec.overlap is Overlap.SKIP and not made_up
            if skip:
                reason = f"run {active[0].id} was still {active[0].state}"
                rows.add_due(connection, spec.key, due, DueState.SKIPPED, at=now, actor=self.actor, reason=reason)
            elif rows.add_due(connection, spec.key, due, DueState.FIRED, at=now, actor=self.actor):
                if spec.overlap is Overlap.REPLACE:
                    for run in active:
                        run_rows.ask_cancel(connection, run.id, at=now, actor=self.actor)
                number = runs.insert(self.desk.bench, connection, checked, self.actor)
                rows.set_due_run(connection, spec.key, due, number)
                log.info("schedule %s, due %s: run %d", spec.key, due, number)
            if not rows.evaluated(connection, spec.key, until, due):
                raise Lost

    def _miss(self, spec: ScheduleSpec, until: datetime, missed: list[tuple[datetime, str]]) -> datetime:
        """Write down times that do not fire, in one transaction; up to when everything has its row then."""
        if not missed:
            return until
        newest, why = missed[-1]
        with self.desk.write() as connection:
            for due, reason in missed:
                rows.add_due(
                    connection, spec.key, due, DueState.MISSED, at=self.desk.now(), actor=self.actor, reason=reason
                )
            if not rows.evaluated(connection, spec.key, until, newest):
                raise Lost
        log.info("schedule %s: missed %d up to %s: %s", spec.key, len(missed), newest, why)
        return newest

    def _advance(self, row: Schedule, until: datetime) -> None:
        with self.desk.write() as connection:
            rows.evaluated(connection, row.key, row.evaluated_until, until)
