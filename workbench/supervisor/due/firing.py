"""Due times become rows: each exactly one, fired with its run, skipped or missed, many schedules in one transaction."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from workbench.errors import StoreError, WorkbenchError
from workbench.model import timetable
from workbench.model.run import Run
from workbench.model.schedule import LATE, CatchUp, DueState, Overlap, Pause, Schedule, ScheduleSpec
from workbench.services import schedules
from workbench.services.asking import checking, queueing
from workbench.services.asking.memo import Memo
from workbench.services.asking.requests import Checked
from workbench.services.scheduling import left_behind
from workbench.store import ledger as ledger_rows
from workbench.store import runs as run_rows
from workbench.store import schedules as rows
from workbench.store.events import Actor, append
from workbench.supervisor.desk import Desk
from workbench.supervisor.queue.copies import Copies
from workbench.text import one_line, plural

log = logging.getLogger("workbench.supervisor.schedules")
TOGETHER = 250  # due times that become rows in one transaction


@dataclass(frozen=True)
class Step:
    """One due time: `checked` is what it is to run; else it does not fire, and `reason` says why."""

    due: datetime
    state: DueState
    reason: str = ""
    checked: Checked | None = None


@dataclass(frozen=True)
class Turn:
    """Due times of one schedule, oldest first; its row was evaluated up to `after`, and is up to `until` then."""

    spec: ScheduleSpec
    paused: bool
    after: datetime
    until: datetime
    steps: tuple[Step, ...]


class Firing:
    """Says what becomes of due times, and writes it down."""

    def __init__(self, desk: Desk, copies: Copies) -> None:
        self.desk = desk
        self.copies = copies

    @property
    def actor(self) -> Actor:
        """A schedule acts for the account whose home this is."""
        account = self.desk.bench.actor.account
        return Actor(account, account, "schedule")

    def turn(
        self, spec: ScheduleSpec, row: Schedule, due: Sequence[datetime], more: bool, pauses: Sequence[Pause],
        now: datetime, memo: Memo,
    ) -> Turn:  # fmt: skip
        """What becomes of `due`, all of which have passed; `more`: others have too."""
        steps = []
        for moment in due:
            newest = moment == due[-1] and not more
            held = left_behind.held(moment, pauses)
            steps.append(Step(moment, *held) if held else self._step(spec, moment, newest, now, memo))
        return Turn(spec, row.paused, row.evaluated_until, due[-1], tuple(steps))

    def write(self, turns: Sequence[Turn]) -> None:
        """Write it all down, in few transactions; a fault of one schedule hits no other."""
        together: list[Turn] = []
        count = 0
        for turn in turns:
            together.append(turn)
            count += len(turn.steps)
            if count >= TOGETHER:
                self._write(together)
                together, count = [], 0
        if together:
            self._write(together)

    def set_back(self, row: Schedule, now: datetime) -> None:
        """The clock was ahead, and is right now: what is still to come comes, but for what fired then."""
        with self.desk.write() as connection:
            if not rows.evaluated(connection, row.key, row.evaluated_until, now, paused=row.paused):
                return
            count = rows.take_back(connection, row.key, now)
            if count:
                told = f"{plural(count, 'due time')} that the clock was ahead of"
                append(connection, now, "schedule", row.key, "taken back", self.actor, told)
        log.warning("schedule %s: %s taken back, for the clock was ahead", row.key, plural(count, "due time"))

    def _step(self, spec: ScheduleSpec, due: datetime, newest: bool, now: datetime, memo: Memo) -> Step:
        late = now - due - spec.delay(due)
        why = _why_not(spec, late, newest, now)
        if why:
            return Step(due, DueState.MISSED, why)
        made: list[Step] = []

        def check() -> None:
            try:
                asked = schedules.request(spec, due)
                asked = replace(asked, code=asked.code.after_fetch)  # by `fetches`
                checked = checking.check(self.desk.bench, asked, later=True, memo=memo)
                made.append(Step(due, DueState.FIRED, _how_late(late), checked))
            except StoreError:
                raise
            except (WorkbenchError, OSError) as error:
                failed(one_line(error.message if isinstance(error, WorkbenchError) else str(error), 300))

        def failed(why: str) -> None:
            made.append(_not_queued(due, why))

        self.desk.apart(f"schedule {spec.key}, due {due}", check, failed)
        return made[0]

    def _write(self, turns: Sequence[Turn]) -> None:
        """All in one transaction; where something in it goes wrong, in smaller ones down to the one due time."""
        if len(turns) == 1 and len(turns[0].steps) == 1:
            self._alone(turns[0])
            return
        done: list[bool] = []

        def act() -> None:
            try:
                self._together(turns)
            except StoreError:
                raise
            except (WorkbenchError, OSError):
                return  # found again, and told, in the transaction of the one it is of
            done.append(True)

        self.desk.apart("due times of several schedules", act)
        if not done:
            self._apart(turns)

    def _apart(self, turns: Sequence[Turn]) -> None:
        for turn in turns if len(turns) > 1 else _cut(turns[0]):
            self._write([turn])

    def _alone(self, turn: Turn) -> None:
        """One due time; what cannot be queued is missed, so that the times after it come."""
        why: list[str] = []

        def act() -> None:
            try:
                self._together([turn])
            except StoreError:
                raise
            except (WorkbenchError, OSError) as error:
                why.append(one_line(error.message if isinstance(error, WorkbenchError) else str(error), 300))

        self.desk.apart(f"schedule {turn.spec.key}, due {turn.until}", act, why.append)
        if why:
            self._together([replace(turn, steps=(_not_queued(turn.until, why[0]),))])

    def _together(self, turns: Sequence[Turn]) -> None:
        told: list[str] = []
        memo = Memo()  # of this transaction's own: what is shared is only what it wrote itself
        with self.desk.write() as connection:
            for turn in turns:
                # First of all, so that nothing has to be taken back: another was first, or it was paused just now.
                if rows.evaluated(connection, turn.spec.key, turn.after, turn.until, paused=turn.paused):
                    told += [self._row(connection, turn.spec, step, memo) for step in turn.steps]
        steps = (step for turn in turns for step in turn.steps)
        if any(step.checked and not step.checked.request.code.live for step in steps):
            self.copies.find()
        for line in told[:20]:
            log.info("%s", line)
        if len(told) > 20:
            log.info("and %d further due times", len(told) - 20)

    def _row(self, connection: sqlite3.Connection, spec: ScheduleSpec, step: Step, memo: Memo) -> str:
        """The row of one due time, and its run; a line for the log."""
        at = self.desk.now()
        state, reason, due = step.state, step.reason, step.due
        active = self._active(connection, spec) if step.checked else []
        # Times that are made up for one after the other do not skip each other.
        made_up = spec.catch_up is CatchUp.ALL and at - due - spec.delay(due) > LATE
        if active and spec.overlap is Overlap.SKIP and not made_up:
            state, reason = DueState.SKIPPED, f"run {active[0].id} was still {active[0].state}"
        if not rows.add_due(connection, spec.key, due, state, at=at, actor=self.actor, reason=reason):
            return f"schedule {spec.key}, due {due}: it had its row"
        if step.checked is None or state is not DueState.FIRED:
            return f"schedule {spec.key}, due {due}: {state}: {reason}"
        if spec.overlap is Overlap.REPLACE:
            for run in active:
                run_rows.ask_cancel(connection, run.id, at=at, actor=self.actor)
        number = queueing.insert(self.desk.bench, connection, step.checked, self.actor, memo)
        rows.set_due_run(connection, spec.key, due, number)
        return f"schedule {spec.key}, due {due}: run {number}"

    def _active(self, connection: sqlite3.Connection, spec: ScheduleSpec) -> list[Run]:
        """Runs of its due times that have not ended: those that somebody asked for beside them decide nothing."""
        active = run_rows.active_of_schedule(connection, spec.key)
        if not active:
            return active
        beside = ledger_rows.runs_by_hand(connection, [run.id for run in active])
        return [run for run in active if run.id not in beside]


def _cut(turn: Turn) -> list[Turn]:
    """A turn for each of its due times, one after the other."""
    cut, after = [], turn.after
    for step in turn.steps:
        cut.append(replace(turn, after=after, until=step.due, steps=(step,)))
        after = step.due
    return cut


def _not_queued(due: datetime, why: str) -> Step:
    return Step(due, DueState.MISSED, f"it could not be queued: {why}")


def _how_late(late: timedelta) -> str:
    return "workbench did not run at its time" if late > LATE else ""


def _why_not(spec: ScheduleSpec, late: timedelta, newest: bool, now: datetime) -> str:
    """Why a due time does not fire; empty where it does."""
    if newest and late <= LATE:
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
