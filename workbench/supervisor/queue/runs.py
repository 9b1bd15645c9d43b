"""Runs that are on their way: watched by lock and result, cancelled, and ended exactly once.

One path for runs of this supervisor and those of the one before it: the lock says alive or not, `result.json` how it
ended, `events.jsonl` how far it is. The process id only serves to send signals, and only while the lock is held.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import signal
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from itertools import chain
from pathlib import Path
from sqlite3 import Connection
from typing import Any

from workbench.execution.fence import is_held
from workbench.execution.job import EVENTS_FILE
from workbench.execution.result import Result, read_result
from workbench.model.event import Progress
from workbench.model.run import ACTIVE, PENDING, Failure, Run, RunState
from workbench.services.supervision import control
from workbench.store import kept
from workbench.store import runs as rows
from workbench.supervisor.desk import Desk
from workbench.supervisor.queue.dispatch import Dispatch
from workbench.supervisor.queue.endings import Endings
from workbench.supervisor.queue.jobs import BOOT_FILE

log = logging.getLogger("workbench.supervisor.runs")
R = RunState
TICK, TICK_STARTING = 0.5, 0.1  # seconds between looks while runs are active
NEVER_BEGAN = 8.0  # seconds that another's nursery may take to fork a runner, seen from our own start
HANDING = 0.05  # seconds that a signal waits for a run that is being handed to a runner
SLOW = 2.0  # seconds that a kernel takes for its end before it is told
STARTS = 3  # runners tried for one attempt before it is given up
LADDER = ((0.0, signal.SIGTERM), (8.0, signal.SIGTERM), (16.0, signal.SIGKILL))  # since the wish to cancel
BLOCK = 1_000_000  # bytes of events read at a time


@dataclass
class Watched:
    """What is remembered of an active attempt between two looks; all of it can be found again from its folder."""

    folder: Path
    token: str
    begun: float = field(default_factory=time.monotonic)
    offset: int = 0
    pid: int = 0
    cells: int = 0
    done: int = 0
    cell: int | None = None
    written: tuple[int, int] = (0, 0)
    cancelling: float = 0.0
    sent: int = 0
    finishing: bool = False
    lived: bool = False  # a look has found its runner alive
    kernel: str = ""  # its kernel's name, once that has answered; empty again when the others know it


class Runs:
    """Watches every active run. `swept` is called where a runner died: its kernel may be left."""

    def __init__(self, desk: Desk, dispatch: Dispatch) -> None:
        self.desk = desk
        self.dispatch = dispatch
        self.endings = Endings(desk)
        self.left_kernels = False
        self.active = False
        self.leaving: dict[Path, tuple[str, ...]] = {}  # ended, and their kernel, of these labels, is on its way out
        self._ending: dict[Path, float] = {}  # since when these are
        self._watched: dict[tuple[int, int], Watched] = {}
        self._failed_starts: dict[int, int] = {}
        self._boot = control.boot_id()

    def living(self) -> frozenset[str]:
        """Labels of attempts whose runner may live, for sweeping kernels that are of none."""
        with self.desk.read() as connection:
            owners = [*rows.in_states(connection, ACTIVE), *kept.listing(connection)]
        # One whose result is there may still give its kernel time for its own end.
        leaving = (label for labels in tuple(self.leaving.values()) for label in labels)
        return frozenset([*(label for run in owners for label in run.kernels), *leaving])

    def look(self) -> float | None:
        """See how every active run is; seconds until the next look, None where none is active."""
        with self.desk.read() as connection:
            active = rows.in_states(connection, ACTIVE)
            wanted_gone = rows.in_states(connection, PENDING, cancel_asked=True)
        self.active = bool(active)
        left = {folder: self.leaving.pop(folder) for folder in list(self.leaving) if not is_held(folder)}
        if left:  # a place is free
            self.desk.wake()
        # Where the engine was away when it left, or it was killed, something of its kernel may be there.
        self.left_kernels |= any(map(self.desk.home.kernel_records, chain.from_iterable(left.values())))
        if wanted_gone:
            self.endings.before_they_began(wanted_gone)
        for run in active:  # a fault of one is looked at again next time, and holds up no other
            self.desk.apart(f"run {run.id}.{run.attempt}", partial(self._watch, run))
        for key in self._watched.keys() - {(run.id, run.attempt) for run in active}:
            del self._watched[key]
        self.dispatch.taken = len(self.leaving)
        now = time.monotonic()
        self._ending = {folder: self._ending.get(folder, now) for folder in self.leaving}
        self.dispatch.slow = sum(now - since > SLOW for since in self._ending.values())
        if self.leaving:
            return TICK_STARTING
        if not active:
            return None
        return TICK_STARTING if any(run.state is R.STARTING for run in active) else TICK

    def _watch(self, run: Run) -> None:
        key = (run.id, run.attempt)
        if key not in self._watched:
            self._watched[key] = self._begin(run)
        self._one(run, self._watched[key])

    def _begin(self, run: Run) -> Watched:
        with self.desk.read() as connection:
            token = rows.token(connection, run.id, run.attempt)
        return Watched(self.desk.home.attempt_folder(run.id, run.attempt), token)

    def _one(self, run: Run, seen: Watched) -> None:
        alive = is_held(seen.folder)  # asked before the result is looked for: it is written while the lock is held
        result = self._result(run, seen)
        seen.lived = seen.lived or alive
        self._follow(seen)
        if seen.kernel:
            self.dispatch.warmth.started(run.environment, seen.folder, seen.kernel)
            seen.kernel = ""
        if result:
            if self.endings.by_result(run, result):
                self.left_kernels = self.left_kernels or not alive
                if result.state is not R.SUCCEEDED and not result.cells_done:
                    self.dispatch.environments.doubt(run.environment)
                self._failed_starts.pop(run.id, None)
                if alive and not result.kept:
                    self.leaving[seen.folder] = run.kernels
                self.desk.wake()
            return
        if not alive:
            self._gone(run, seen)
            return
        state = self._progress(run, seen)
        if run.cancel_asked or state is R.CANCELLING:
            self._cancel(run, state, seen)

    def _result(self, run: Run, seen: Watched) -> Result | None:
        try:
            result = read_result(seen.folder)
        except (OSError, ValueError) as error:
            log.warning("run %d: its result cannot be read: %s", run.id, error)
            return None
        if result and result.token != seen.token:
            log.warning("run %d: a result with another token was left aside", run.id)
            return None
        return result

    def _gone(self, run: Run, seen: Watched) -> None:
        """No runner holds the lock and there is no result: it never began, or it died."""
        if (run.id, run.attempt) in self.dispatch.launching:
            return
        if run.state is R.STARTING and not seen.offset and not run.cancel_asked:
            ours = seen.folder.is_dir() and self._machine(seen) == self._boot
            if ours and time.monotonic() - seen.begun < NEVER_BEGAN:
                return
            count = self._failed_starts[run.id] = self._failed_starts.get(run.id, 0) + 1
            why = self.dispatch.trouble.pop(run.id, "its runner could not be started")
            if count < STARTS and self.endings.never_began(run, seen.folder, why):
                self._watched.pop((run.id, run.attempt), None)
                return
        failure = Failure(cell=seen.cell, error="", message="") if seen.cell else None
        rebooted = self._machine(seen) not in ("", self._boot)
        seen.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        # One that nobody watched has been dead for longer than it is known to be.
        heard = None if seen.lived else _last_heard(seen.folder)
        result = self.endings.of_a_dead_runner(
            run, seen.folder, seen.token, cell=failure, rebooted=rebooted, heard=heard
        )
        if result and result.token == seen.token:
            self.endings.by_result(run, result)
            self.left_kernels = True
            self.desk.wake()

    def _progress(self, run: Run, seen: Watched) -> RunState:
        """Write down that it runs, and how far it is; the state it is in then."""
        state, steps = run.state, []
        if state is R.STARTING and seen.pid:
            steps.append(R.RUNNING)
        if R.RUNNING in (state, *steps) and seen.finishing and not run.cancel_asked:
            steps.append(R.FINISHING)
        now = (seen.cells or run.cells, seen.done)
        told = now != seen.written and (steps or state in (R.RUNNING, R.FINISHING))
        if not (steps or told):
            return state
        with self.desk.write() as connection:
            for new in steps:
                state = self._changed(connection, run, state, new)
            if told and state in (R.RUNNING, R.FINISHING):
                rows.note_progress(connection, run.id, run.attempt, cells=now[0], done=now[1])
                seen.written = now
        return state

    def _become(self, run: Run, old: RunState, new: RunState) -> RunState:
        with self.desk.write() as connection:
            return self._changed(connection, run, old, new)

    def _changed(self, connection: Connection, run: Run, old: RunState, new: RunState) -> RunState:
        done = rows.change(connection, run.id, old, new, attempt=run.attempt, at=self.desk.now(), actor=self.desk.actor)
        return new if done else old

    def _cancel(self, run: Run, state: RunState, seen: Watched) -> None:
        """Up the ladder: asked, told, killed. What its kernel leaves is swept afterwards."""
        # One that is finishing cannot go back; it is told all the same, in case it hangs there.
        settled = state in (R.CANCELLING, R.FINISHING)
        if not settled and self._become(run, state, R.CANCELLING) is not R.CANCELLING:
            return
        if not seen.cancelling:
            seen.cancelling = time.monotonic()
        passed = time.monotonic() - seen.cancelling
        while seen.pid and seen.sent < len(LADDER) and passed >= LADDER[seen.sent][0]:
            number = LADDER[seen.sent][1]
            if not self._signal(seen, number):
                return
            seen.sent += 1
            log.info("run %d: sent %s to its runner %d", run.id, number.name, seen.pid)

    def _signal(self, seen: Watched, number: signal.Signals) -> bool:
        """Send it to the runner where that still has this attempt; False where that cannot be said until the next look: the
        runner may be given another one just now."""
        handing = self.dispatch.launches.handing
        if not handing.acquire(timeout=HANDING):
            return False
        with contextlib.suppress(ProcessLookupError), contextlib.ExitStack() as stack:
            stack.callback(handing.release)
            descriptor = os.pidfd_open(seen.pid)
            stack.callback(os.close, descriptor)
            # Held after the descriptor was had: then the process behind it is the runner, not a later one.
            if is_held(seen.folder) and self._machine(seen) == self._boot:
                signal.pidfd_send_signal(descriptor, number)
        return True

    def _machine(self, seen: Watched) -> str:
        """The start of the machine that the attempt belongs to; empty where that was not written."""
        try:
            return (seen.folder / BOOT_FILE).read_text()
        except OSError:
            return ""

    def _follow(self, seen: Watched) -> None:
        """Read what the runner wrote since the last look."""
        try:
            with (seen.folder / EVENTS_FILE).open("rb") as file:
                while True:
                    file.seek(seen.offset)
                    block = file.read(BLOCK)
                    whole = block[: block.rfind(b"\n") + 1]
                    seen.offset += len(whole)
                    for line in whole.splitlines():
                        with contextlib.suppress(ValueError, TypeError, KeyError):
                            _note(seen, json.loads(line))
                    if len(block) < BLOCK or not whole:
                        return
        except OSError:
            return


def _last_heard(folder: Path) -> datetime | None:
    """When its runner last wrote anything; None where it never did."""
    try:
        return datetime.fromtimestamp((folder / EVENTS_FILE).stat().st_mtime, UTC)
    except OSError:
        return None


def _note(seen: Watched, event: dict[str, Any]) -> None:
    match event["kind"]:
        case Progress.STARTED:
            seen.pid = int(event["pid"])
        case Progress.KERNEL:
            seen.kernel = str(event["kernel"])
        case Progress.CELLS:
            seen.cells, seen.done = int(event["code"]), int(event.get("before", 0))
        case Progress.CELL:
            seen.cell = int(event["cell"])
        case Progress.DONE:
            seen.done += event.get("status") == "ok"
            seen.cell = None
        case Progress.PHASE:
            seen.finishing = event.get("name") == "finishing"
