"""People are told: the journal is read for ends of runs and missed due times, and what is to be told becomes rows.

A row for each occasion, subject and target, in the transaction that notes how far the journal was read: so nothing is
told twice and nothing left out, whoever is killed when. Sending takes a process of its own (workbench/notices).
"""

from __future__ import annotations

import logging
import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterable
from datetime import timedelta

from workbench.execution.nursery import package_root
from workbench.model.notice import Beat, Notify, Occasion
from workbench.model.run import ENDED, PENDING, Run, RunState
from workbench.model.schedule import ScheduleSpec
from workbench.notices import heartbeat
from workbench.notices.letter import SETTLE
from workbench.notices.unsent import Unsent
from workbench.services import notices
from workbench.store import events
from workbench.store import notices as rows
from workbench.store import runs as run_rows
from workbench.store.environments import EngineRow
from workbench.supervisor.desk import Desk
from workbench.supervisor.due.schedules import Schedules
from workbench.supervisor.queue import outages

log = logging.getLogger("workbench.supervisor.notices")
PIECE = 500  # lines of the journal read at a time
LATE = timedelta(seconds=float(os.environ.get("WORKBENCH_NOTICE_LATE", "600")))
OLD = timedelta(days=2)  # ends that are found later than that are no news
LOOK = 60.0  # seconds between looks for late runs
NOTED = 30.0  # seconds after which is written down how far the journal was read, where there was nothing to tell
LOG_FILE = "notices.log"


class Notices:
    """Reads, writes down whom to tell, starts the sender, and asks for the home's heartbeat."""

    def __init__(self, desk: Desk, schedules: Schedules) -> None:
        self.desk = desk
        self.schedules = schedules
        self.sender: subprocess.Popen[bytes] | None = None
        self._read: tuple[int, int] | None = None
        self._noted: tuple[int, int] | None = None  # what of it is written down
        self._note = 0.0  # when it is again
        self._late = 0.0
        self._beat = 0.0
        self._restart = 0.0

    def begin(self) -> None:
        """Before anything is made true: what was before the first supervisor of a home is told to nobody."""
        self.reset()
        with self.desk.read() as connection:
            self._read = rows.read_up_to(connection)
            newest = (events.newest(connection), rows.newest_due(connection))
        if self._read is None:
            self._read = newest
            with self.desk.write() as connection:
                rows.note_read(connection, *newest, self.desk.actor)
        self._noted, self._note = self._read, time.monotonic() + NOTED

    def reset(self) -> None:
        """The clock was set: what was written down while it was ahead need not wait for that time."""
        with self.desk.write() as connection:
            rows.bring_forward(connection, self.desk.now())

    def look(self) -> float:
        """Seconds until the next look."""
        self._news()
        now = time.monotonic()
        if now >= self._late:
            self._late = now + LOOK
            self._late_runs()
        return min(LOOK if self._noted == self._read else NOTED, self._send(now), self._heartbeat(now))

    def _news(self) -> None:
        """What the journal has since the last look."""
        if self._read is None:
            self.begin()
        assert self._read
        event, due = self._read
        with self.desk.read() as connection:
            due = min(due, rows.newest_due(connection))  # those that were taken back are gone
            news = events.after(connection, event, PIECE)
            missed = rows.missed_after(connection, due, PIECE)
            newest = rows.newest_due(connection) if len(missed) < PIECE else missed[-1][0]
            ended = [line for line in news if line.kind == "run" and line.what in ENDED]
            runs = [run for line in ended if (run := run_rows.get(connection, int(line.key)))]
        reached = (news[-1].id if news else event, newest)
        now = time.monotonic()
        if reached == self._noted and not missed:
            self._read = reached
            return
        fresh = [run for run in runs if run.state in ENDED and run.ended and self.desk.now() - run.ended < OLD]
        fresh = [run for run in fresh if self._concerns(run)]
        if fresh or missed or now >= self._note:
            with self.desk.write() as connection:
                for run in fresh:
                    self._ended(connection, run)
                for _, key, moment, why in missed:
                    text = f"{key} missed {moment.astimezone(self.desk.bench.zone):%a %Y-%m-%d %H:%M}: {why}"
                    self._tell(
                        connection, Occasion.LATE, f"due {key} {moment.isoformat()}", text, self._of_schedule(key)
                    )
                rows.note_read(connection, *reached, self.desk.actor)
            self._noted, self._note = reached, now + NOTED
        self._read = reached
        if len(news) == PIECE or len(missed) == PIECE:
            self.desk.wake()

    def _concerns(self, run: Run) -> bool:
        """Whether there is anybody to tell of its end: mostly there is nobody, and nothing is written."""
        notify = self._of_run(run)
        if run.state is RunState.SUCCEEDED:
            occasions = [Occasion.SUCCESS, Occasion.RECOVERY, *([Occasion.CHANGED] if run.changed else [])]
            asked = bool(notify.heartbeat)
        else:
            occasions, asked = [Occasion.FAILURE] if run.state is not RunState.CANCELLED else [], False
        asked = asked or any(notify.targets.get(occasion) for occasion in occasions)
        return asked or bool(notices.deliveries(self.desk.bench, run, self._spec(run.schedule)))

    def _ended(self, connection: sqlite3.Connection, run: Run) -> None:
        notify = self._of_run(run)
        if run.state is RunState.CANCELLED:
            return
        for target, what in notices.deliveries(self.desk.bench, run, self._spec(run.schedule)):
            self._add(connection, Occasion.DELIVERY, f"run {run.id}", [target], f"{what} of run {run.id}", run.id)
        if run.state is not RunState.SUCCEEDED:
            self._tell(connection, Occasion.FAILURE, f"run {run.id}", notices.line(run), notify, run.id)
            return
        self._tell(connection, Occasion.SUCCESS, f"run {run.id}", notices.line(run), notify, run.id)
        if run.changed:
            text = f"{notices.line(run)}; its output changed: {run.changed}"
            self._tell(connection, Occasion.CHANGED, f"run {run.id}", text, notify, run.id)
        if notify.heartbeat:
            self._add(connection, Occasion.HEARTBEAT, f"run {run.id}", [notify.heartbeat], "", run.id)
        before = notices.before(connection, run)
        if before and before.state is not RunState.SUCCEEDED:
            text = f"{run.project}/{run.name} succeeds again; before: {notices.line(before)}"
            self._tell(connection, Occasion.RECOVERY, f"run {run.id}", text, notify, run.id)

    def _late_runs(self) -> None:
        """Runs that have not begun long after their due time."""
        now = self.desk.now()
        with self.desk.read() as connection:
            pending = run_rows.in_states(connection, PENDING, limit=1000)
        late = [
            run for run in pending if run.due and run.attempt == 0 and now - run.due > LATE and now - run.created > LATE
        ]
        told = [(run, notify) for run in late if (notify := self._of_run(run)).targets.get(Occasion.LATE)]
        if told:
            with self.desk.write() as connection:
                away: dict[tuple[EngineRow, str], list[Run]] = {}
                for run, notify in told:
                    if row := outages.awaited(connection, run):  # the engine's absence is told, not each run that waits
                        for target in notify.targets[Occasion.LATE]:
                            away.setdefault((row, target), []).append(run)
                        continue
                    why = run.reason or "it waits for its turn"
                    text = f"run {run.id} {run.project}/{run.name} has not begun ten minutes after its time: {why}"
                    self._tell(connection, Occasion.LATE, f"run {run.id}", text, notify, run.id)
                for (row, target), waiting in away.items():
                    text = outages.told(row, waiting, self.desk.bench.zone)
                    self._add(connection, Occasion.LATE, outages.subject(row), [target], text, waiting[0].id)

    def _tell(
        self, connection: sqlite3.Connection, occasion: Occasion, subject: str, text: str, notify: Notify,
        run: int | None = None,
    ) -> None:  # fmt: skip
        self._add(connection, occasion, subject, notify.targets.get(occasion, ()), text, run, report=notify.report)

    def _add(
        self, connection: sqlite3.Connection, occasion: Occasion, subject: str, targets: Iterable[str], text: str,
        run: int | None, *, report: bool = False,
    ) -> None:  # fmt: skip
        for target in dict.fromkeys(targets):
            rows.add(
                connection, occasion, subject, target, text, at=self.desk.now(), actor=self.desk.actor, run=run,
                report=report,
            )  # fmt: skip

    def _of_run(self, run: Run) -> Notify:
        spec = self._spec(run.schedule)
        return notices.of(self.desk.bench, run.project, spec.notify if spec else None)

    def _of_schedule(self, key: str) -> Notify:
        spec = self._spec(key)
        return notices.of(self.desk.bench, key.partition("/")[0], spec.notify if spec else None)

    def _spec(self, key: str | None) -> ScheduleSpec | None:
        file = self.schedules.known.get(key or "")
        return file.spec if file else None

    def _send(self, now: float) -> float:
        """Have a sender at work where something is due."""
        if self.sender and self.sender.poll() is not None:
            self.sender = None
            self._restart = now + 1.0
        with self.desk.read() as connection:
            due, awaited = rows.next_due(connection)
        if due is None:
            return LOOK
        wait = (due - self.desk.now()).total_seconds() + (0.0 if awaited else SETTLE)
        if self.sender is None and wait <= 0 and now >= self._restart:
            with (self.desk.home.state / LOG_FILE).open("ab") as file:
                self.sender = subprocess.Popen(
                    [sys.executable, "-m", "workbench.notices", str(self.desk.home.root)],
                    stdin=subprocess.DEVNULL, stdout=file, stderr=file, start_new_session=True, cwd=package_root(),
                    env={**os.environ, "WORKBENCH_HOME": str(self.desk.home.root)},
                )  # fmt: skip
        return max(1.0, wait)

    def _heartbeat(self, now: float) -> float:
        beat = self.desk.settings.heartbeat
        if beat is None:
            return LOOK
        if now >= self._beat:
            self._beat = now + beat.seconds
            self.desk.thread("heartbeat", lambda: _ask(beat))
        return self._beat - now


def _ask(beat: Beat) -> None:
    try:
        heartbeat.ask(beat.url)
    except Unsent as error:
        log.warning("%s", error)
