"""Schedules: their files taken in live, and each looked at when something of it is due.

files ─▶ rows ─▶ agenda ─▶ (its time has come) ─▶ firing ─▶ rows, runs ─▶ agenda
"""

from __future__ import annotations

import logging
import sqlite3
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from itertools import islice

from workbench.errors import WorkbenchError
from workbench.model import timetable
from workbench.model.schedule import LATE, Overlap, Schedule, ScheduleSpec
from workbench.model.timetable import Timetable
from workbench.services.asking.memo import Memo
from workbench.services.scheduling import left_behind
from workbench.services.scheduling.files import ScheduleFile, ScheduleFiles
from workbench.store import events
from workbench.store import pauses as pause_rows
from workbench.store import schedules as rows
from workbench.supervisor.desk import Desk
from workbench.supervisor.due.agenda import Agenda
from workbench.supervisor.due.clock import Clock
from workbench.supervisor.due.fetches import Fetches
from workbench.supervisor.due.firing import TOGETHER, Firing, Turn
from workbench.supervisor.due.preparation import LEAD, Preparation
from workbench.supervisor.queue.copies import Copies
from workbench.text import plural

log = logging.getLogger("workbench.supervisor.schedules")
SCAN = 5.0  # seconds between looks at the files' facts
SHARE = 500  # times as long as that look took is waited before the next, where nobody wakes us
WOKEN_SHARE = 5  # and where somebody does
FEW = 1000  # files that may be looked at whenever anything is
LONGEST_SCAN = 60.0
FRESH = timedelta(seconds=60)  # a file this new counts from when it was written
PIECE = 500  # due times of one schedule worked off at a time after a long absence


class Schedules:
    """Reads the files live and gives every due time its row."""

    def __init__(self, desk: Desk, clock: Clock) -> None:
        self.desk = desk
        self.clock = clock
        self.files = ScheduleFiles(desk.bench, keep=True, apart=desk.apart)
        self.copies = Copies(desk)
        self.firing = Firing(desk, self.copies)
        self.preparation = Preparation(desk)
        self.fetches = Fetches(desk)
        self.agenda = Agenda()
        self.follow: Callable[[Iterable[str]], None] = lambda _: None  # has changes in folders wake us
        self._marks: dict[str, str] = {}  # of the store's rows, as they were planned by
        self._version = -1  # of the store, when they were
        self._journal = 0  # its newest line then
        self._begun = False  # whether all were looked at once
        self._untaken: set[str] = set()  # keys of files that the store may not have taken in yet
        self._looked, self._took = -LONGEST_SCAN, 0.0  # when the files were looked at, and for how long

    @property
    def known(self) -> dict[str, ScheduleFile]:
        """All files by key, as of the last look at them."""
        return self.files.files

    def look(self, woken: bool) -> float:
        """Take in changed files and evaluate what is due; seconds until the next look."""
        if len(self.known) > FEW and self.agenda.next and self.agenda.next <= self.desk.now():
            self._evaluate(self.desk.now())  # so many files take a while
        self._look_at_files(woken)
        if self._untaken or not self._begun:
            self._take_in(self.desk.now())
        self._notice_rows()
        self._evaluate(self.desk.now())
        if not self._begun:
            self._begun = True
            self.copies.find()
            log.info("%s, next due %s", plural(len(self.known), "schedule"), self.agenda.next or "never")
        return min(self._prepare(), max(0.0, self._rest - (time.monotonic() - self._looked)))

    def _prepare(self) -> float:
        """Have read what is due in a moment; seconds until that is to be done."""
        moment = self.agenda.next
        if moment is None:
            return LONGEST_SCAN
        left = (moment - self.desk.now()).total_seconds() - LEAD
        if -LEAD < left <= 0:
            keys = [key for key in self.agenda.due(moment) if key in self.known]
            self.preparation.begin(moment, (spec for key in keys if (spec := self.known[key].spec)))
        return left if left > 0 else LONGEST_SCAN

    def reset(self) -> None:
        """The clock was set: plan all anew at the next look, whatever was reckoned before."""
        self._marks.clear()
        self._version = -1

    def coming(self, until: datetime) -> list[ScheduleSpec]:
        """Schedules that are due until then, the earliest first: for what is to be warm by their time."""
        keys = self.agenda.due(until)
        return [spec for key in keys if key in self.known and (spec := self.known[key].spec)]

    def overlap(self, key: str) -> Overlap:
        """What the schedule's file says of runs at the same time."""
        file = self.known.get(key)
        return file.spec.overlap if file and file.spec else Overlap.SKIP

    @property
    def _rest(self) -> float:
        """Seconds from one look at the files to the next."""
        return min(max(SCAN, SHARE * self._took), LONGEST_SCAN)

    def _look_at_files(self, woken: bool) -> None:
        begun = time.monotonic()
        many = len(self.known) > FEW
        if many and begun - self._looked < (WOKEN_SHARE * self._took if woken else self._rest):
            return
        _, changed = self.files.look()
        self.follow(self.files.folders)
        self._untaken |= changed
        self._looked = begun
        if not changed:  # what reading takes says nothing of the next look
            self._took = time.monotonic() - begun

    def _take_in(self, now: datetime) -> None:
        """Have the store know the files as they are; those that could not be taken in are tried again."""
        with self.desk.read() as connection:
            before = _some(connection, self._untaken if self._begun else None)
        if not self._begun:  # what went while nothing looked
            self._untaken |= {key for key, row in before.items() if row.present and key not in self.known}
        wanted = [key for key in sorted(self._untaken) if self._differs(key, before.get(key))]
        left: set[str] = set()
        if not self.desk.apart("files of several schedules", partial(self._notice, wanted, now)):
            alone = {key: partial(self._notice, [key], now) for key in wanted}
            left = {key for key, act in alone.items() if not self.desk.apart(f"schedule {key}", act)}
        for key in self._untaken:
            self._marks.pop(key, None)
            self.files.before.pop(key, None)
        self._untaken, self._version = left, -1

    def _differs(self, key: str, row: Schedule | None) -> bool:
        file = self.known.get(key)
        if file is None:
            return row is not None and row.present
        same = row and row.present and row.digest == file.digest and row.problem == file.problem
        return not (same and row and (file.problem or row.timing == (file.spec.timing if file.spec else "")))

    def _notice(self, keys: Sequence[str], now: datetime) -> None:
        """One transaction for all of them."""
        if not keys:
            return
        told = []
        with self.desk.write() as connection:
            for key in keys:
                file = self.known.get(key)
                old, row = self.files.before.get(key), rows.get(connection, key)
                if file is None:
                    left_behind.gone(connection, key, old, row, now, self.firing.actor, seen=self._begun)
                    told.append(f"schedule {key}: its file is gone")
                    continue
                if old and row and row.present and file.spec and row.timing == old.timing != file.spec.timing:
                    until, why = min(file.changed, now), left_behind.CHANGED
                    left_behind.write(connection, old, row, until, why, at=now, actor=self.firing.actor)
                rows.notice(
                    connection, key=key, project=file.project, name=file.name, digest=file.digest,
                    timing=file.spec.timing if file.spec else "", problem=file.problem,
                    at=file.changed if now - FRESH < file.changed < now else now, actor=self.firing.actor,
                )  # fmt: skip
                told.append(f"schedule {key}: {file.problem or (file.spec and f'read, {file.spec.when}')}")
        for line in told[:100]:
            log.info("%s", line)
        if len(told) > 100:
            log.info("and %d further schedules", len(told) - 100)

    def _notice_rows(self) -> None:
        """Plan anew what others changed in the store: paused, resumed, evaluated."""
        with self.desk.read() as connection:
            version = self.desk.bench.store.data_version()
            self._journal, told = events.told_of(connection, "schedule", self._journal)
            if version == self._version and not told:
                return
            now = rows.marks(connection)
            changed = [key for key, mark in now.items() if self._marks.get(key) != mark and key in self.known]
            found = _some(connection, changed)
        for key in self._marks.keys() - self.known.keys():
            self.agenda.plan(key, None)
        self._marks = {key: mark for key, mark in now.items() if key in self.known}
        for key in changed:
            if row := found.get(key):
                self.desk.apart(f"schedule {key}", partial(self._plan, key, row))
        self._version = version

    def _plan(self, key: str, row: Schedule) -> None:
        """When it is to be looked at next, by its row."""
        spec = self.known[key].spec
        if spec is None or not row.present:
            self.agenda.plan(key, None)
            return
        if row.evaluated_until > self.desk.now() + LATE:
            log.warning("schedule %s was evaluated up to %s: the clock was set back", key, row.evaluated_until)
            self.agenda.plan(key, self.desk.now())
            return
        table = self._table(spec)
        due = table.after(row.evaluated_until) if table and spec.enabled else None
        moment = due + spec.delay(due) if due else None
        if row.paused and row.paused_until:
            moment = min(moment, row.paused_until) if moment else row.paused_until
        self.agenda.plan(key, self.fetches.not_before(spec, moment))

    def _table(self, spec: ScheduleSpec) -> Timetable | None:
        try:
            return timetable.of(spec)
        except WorkbenchError as error:  # a zone that this machine lost
            log.warning("schedule %s cannot be evaluated: %s", spec.key, error)
            return None

    def _evaluate(self, now: datetime) -> None:
        keys = self.agenda.due(now)
        memo = self.preparation.memo() if keys else Memo()
        for begin in range(0, len(keys), TOGETHER):  # those of the first are there before the last are looked at
            self._fire(keys[begin : begin + TOGETHER], now, memo)
        self.clock.arm(self.agenda.next)
        if self.agenda.next and self.agenda.next <= now:
            self.desk.wake()

    def _fire(self, keys: Sequence[str], now: datetime, memo: Memo) -> None:
        with self.desk.read() as connection:
            found = {key: row for key in keys if (row := rows.get(connection, key)) and key in self.known}
        turns = list[Turn]()
        for key in keys:
            row = found.get(key)
            spec = self.known[key].spec if row else None
            if row is None or spec is None or not row.present:
                self.agenda.plan(key, None)
                continue
            self.desk.apart(f"schedule {key}", partial(self._turn, spec, row, now, memo, turns))
        self.firing.write(turns)
        self._plan_again(found)

    def _turn(self, spec: ScheduleSpec, row: Schedule, now: datetime, memo: Memo, turns: list[Turn]) -> None:
        """Give every due time up to now its row."""
        if row.paused and row.paused_until and row.paused_until <= now:
            with self.desk.write() as connection:
                pause_rows.end(
                    connection, row.key, at=row.paused_until, actor=self.firing.actor, until=row.paused_until
                )
                row = rows.get(connection, row.key) or row
            log.info("schedule %s: its pause is over", row.key)
        if row.evaluated_until > now + LATE:
            self.firing.set_back(row, now)
            return
        if not spec.enabled:
            self._advance(row, now)
            return
        table = self._table(spec)
        if table is None:
            self.agenda.plan(row.key, now + LATE)
            return
        due: list[datetime] = []
        more = False
        for moment in islice(table.times(row.evaluated_until), PIECE + 1):
            if moment + spec.delay(moment) > now:
                break
            more = len(due) == PIECE
            if not more:
                due.append(moment)
        if not due or self.fetches.holds(spec, due[-1], now):
            return
        with self.desk.read() as connection:
            pauses = pause_rows.of(connection, row.key, row.evaluated_until)
        turns.append(self.firing.turn(spec, row, due, more, pauses, now, memo))

    def _plan_again(self, keys: Iterable[str]) -> None:
        """After what was written, by the rows as they are now."""
        with self.desk.read() as connection:
            found = {key: (rows.get(connection, key), rows.mark(connection, key)) for key in keys}
        for key, (row, mark) in found.items():
            self._marks[key] = mark
            if row:
                self.desk.apart(f"schedule {key}", partial(self._plan, key, row))

    def _advance(self, row: Schedule, until: datetime) -> None:
        with self.desk.write() as connection:
            rows.evaluated(connection, row.key, row.evaluated_until, until, paused=row.paused)


def _some(connection: sqlite3.Connection, keys: Iterable[str] | None) -> Mapping[str, Schedule]:
    """Rows of `keys`; None: all."""
    wanted = None if keys is None else list(keys)
    if wanted is None or len(wanted) > 100:
        return rows.listing(connection)
    return {key: row for key in wanted if (row := rows.get(connection, key))}
