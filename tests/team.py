"""A team's weeks at speed: the supervisor's parts over a real home and store, under a clock that jumps from event to event.

Real are the schedules' files, firing, the queue, what watches and ends runs, and the notices that are written down. The one
stand-in is `Kernels`: in place of the nursery it takes an attempt's lock and later writes its events and result, as a
runner does, without a kernel. Whether environments are there is said by `Known`, as their engine comes and goes.
"""

from __future__ import annotations

import os
import random
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import nbformat
import pytest
from waiting import until

from workbench.declare import writer
from workbench.execution.fence import hold
from workbench.execution.job import Job, read_job
from workbench.execution.journal import Journal
from workbench.execution.result import Result, write_result
from workbench.model.environment import EngineName, Revision
from workbench.model.event import Progress
from workbench.model.run import RunState
from workbench.services import environments, projects
from workbench.services.bench import Bench, open_bench
from workbench.services.supervision import control
from workbench.store.events import Actor
from workbench.supervisor.desk import Desk
from workbench.supervisor.due.clock import Clock
from workbench.supervisor.due.schedules import Schedules
from workbench.supervisor.engines import Engines
from workbench.supervisor.notices import Notices
from workbench.supervisor.queue import runs as watching
from workbench.supervisor.queue.dispatch import Dispatch
from workbench.supervisor.queue.ready import Environments, NotYet, Readiness, Usable
from workbench.supervisor.queue.runs import Runs
from workbench.supervisor.warmth import Warmth

R = RunState
PLACES = 4
NOTEBOOK = "notebooks/n.ipynb"
PROJECT = "team"


class Killed(BaseException):
    """The supervisor was killed at a point of its desk."""


class MortalDesk(Desk):
    """One whose points end the simulated process, as they end the real one for WB_CRASH_AT."""

    left: int | None = None

    def point(self) -> None:
        """Where it may die."""
        if self.left is not None:
            self.left -= 1
            if self.left < 0:
                raise Killed


@dataclass
class Known(Environments):
    """Environments that are built; their engine may be down."""

    desk: Desk
    engines: Engines
    down: Callable[[], bool]

    def ready(self, name: str, asked: datetime, actor: Actor) -> Readiness:
        """There, unless the engine is away."""
        if self.down():
            return NotYet("docker is down: nobody answers", "Start it.", down=True)
        revision = Revision(id="r1", engine=EngineName.PROCESS, reference="/nowhere")
        return Usable(environments.spec(self.desk.bench, name), EngineName.PROCESS, revision)


@dataclass
class Execution:
    """One runner: what it was given, since when it lives, and how it will end."""

    job: Job
    folder: Path
    lock: int
    begun: datetime
    until: datetime
    end: R
    ended: datetime | None = None


class Kernels:
    """Runners without kernels. They outlive the supervisor, as real ones do, and die with the machine."""

    def __init__(self, team: Team) -> None:
        self.team = team
        self.living: dict[str, Execution] = {}
        self.all: list[Execution] = []
        # Whom the ladder of a cancel signals: a process that minds nothing, for the runner sees the row.
        self.ear = subprocess.Popen(
            ["sh", "-c", "trap '' TERM INT; while :; do read -r _ || exit; done"], stdin=subprocess.PIPE
        )

    def run(self, folder: Path, place: int | None = None) -> int:
        """As the nursery: a runner that holds the attempt's lock."""
        job = read_job(folder)
        lock = hold(folder)
        assert lock is not None, f"{job.label} runs already"
        dice = random.Random(f"{self.team.seed} {job.label}")
        length = timedelta(seconds=round(dice.choice([2, 20, 90, 400, 1500, 5000]) * dice.uniform(0.5, 1.5)))
        end = dice.choices([R.SUCCEEDED, R.FAILED, R.OUT_OF_MEMORY, R.CRASHED], [20, 3, 1, 1])[0]
        one = Execution(job, folder, lock, self.team.now, self.team.now + length, end)
        journal = Journal(folder)
        journal.event(Progress.STARTED, pid=self.ear.pid)
        journal.event(Progress.CELLS, total=1, code=1)
        journal.event(Progress.CELL, cell=1)
        journal.close()
        self.living[job.label] = one
        self.all.append(one)
        return self.ear.pid

    def alive(self) -> bool:
        """It has no process that could be gone."""
        return True

    def close(self, seconds: float = -1.0) -> None:
        """Nothing to let go of."""

    def due(self) -> datetime | None:
        """When the next one ends."""
        return min((one.until for one in self.living.values()), default=None)

    def work(self, cancelled: set[int]) -> None:
        """Those whose time has come end, and those that were told to."""
        for label, one in list(self.living.items()):
            told = one.job.run in cancelled
            if told or one.until <= self.team.now:
                self._end(label, one, R.CANCELLED if told else one.end)

    def die(self) -> None:
        """All at once, without a word."""
        for label, one in list(self.living.items()):
            self._end(label, one, R.CRASHED)

    def _end(self, label: str, one: Execution, state: R) -> None:
        one.ended, one.end = self.team.now, state
        if state is not R.CRASHED:  # a runner that was killed writes nothing
            seconds = (one.ended - one.begun).total_seconds()
            write_result(
                one.folder,
                Result(
                    state, one.job.token, "" if state is R.SUCCEEDED else f"it ended so: {state}", cells=1,
                    cells_done=int(state is R.SUCCEEDED), started=one.begun, ended=one.ended, seconds=seconds,
                ),
            )  # fmt: skip
        os.close(one.lock)
        del self.living[label]


@dataclass
class Team:
    """The home, the supervisor's parts while it is up, and the time."""

    folder: Path
    patch: pytest.MonkeyPatch
    seed: str
    now: datetime
    up: bool = False
    engine_down: bool = False
    boots: int = 0
    crash: int | None = None  # after how many points the supervisor dies next
    looks: int = 0
    bench: Bench = field(init=False)
    kernels: Kernels = field(init=False)

    def __post_init__(self) -> None:
        self.patch.setattr(control, "ensure", lambda bench: None)
        self.patch.setattr(control, "wake", lambda bench: None)
        self.patch.setattr(control, "boot_id", lambda: f"boot {self.boots}")
        self.patch.setattr(watching, "NEVER_BEGAN", 0.0)  # another's nursery takes no time here
        self.bench = open_bench(self.folder / "home")
        self.bench.clock = lambda: self.now
        self.bench.home.settings_file.write_text(
            f"concurrency: {PLACES}\nnotify: {{failure: [a@b.example], late: [a@b.example]}}\n"
        )
        project = projects.create(self.bench, PROJECT, environment="python")
        made = nbformat.v4.new_notebook(
            metadata={"kernelspec": {"name": "python3", "display_name": "P", "language": "python"}}
        )
        made.cells = [nbformat.v4.new_code_cell("day = ''\nregion = ''", metadata={"tags": ["parameters"]})]
        (project.path / "notebooks").mkdir(exist_ok=True)
        nbformat.write(made, project.path / NOTEBOOK)
        self.schedules_folder = project.path / "schedules"
        self.schedules_folder.mkdir(exist_ok=True)
        self.kernels = Kernels(self)
        self.clock = Clock(lambda: None)  # the real one, whose time is another

    def start(self) -> None:
        """The supervisor comes up and looks."""
        self.desk = desk = MortalDesk(self.bench, self._wake, Path("/nowhere"))
        engines = Engines(desk)
        self.schedules = Schedules(desk, self.clock)
        self.warmth = Warmth(desk, engines, desk.budget)
        known = Known(desk, engines, lambda: self.engine_down)
        self.dispatch = Dispatch(desk, engines, known, self.schedules, self.warmth)
        self.dispatch.launches.nursery = self.kernels  # type: ignore[assignment]
        self.runs = Runs(desk, self.dispatch)
        self.notices = Notices(desk, self.schedules)
        self.notices._send = lambda now: 60.0  # type: ignore[method-assign] - what is told is read from the store
        self.up = True
        self.look(begin=True)

    def stop(self) -> None:
        """It ends, or was killed; runners go on."""
        self.up = False
        self.desk.stopping.set()

    def plug(self) -> None:
        """The machine goes: everything dies, and the next start is another boot."""
        self.stop()
        self.kernels.die()
        self.boots += 1

    def look(self, *, begin: bool = False) -> None:
        """Let all parts look until there is nothing more to do, in the order of the supervisor; it may be killed meanwhile."""
        if not self.up:
            return
        self.desk.left = self.crash
        try:
            if begin:
                self.runs.look()
            again = True
            while again:
                self.woken = False
                self.looks += 1
                self.schedules.look(woken=True)
                self.runs.look()
                self.dispatch.look()
                until(lambda: not self.dispatch.launching, "runners to be there", every=0.001)
                self.notices.look()
                with self.bench.store.read() as connection:
                    marked = connection.execute("SELECT COUNT(*), MAX(id) FROM events").fetchone()
                again = self.woken or tuple(marked) != self._seen
                self._seen = tuple(marked)
        except Killed:
            self.stop()
            self.crash = None
        else:
            self.crash = self.desk.left

    def next(self) -> datetime | None:
        """When something happens by itself next: a runner ends, the supervisor's clock wakes, a pause between tries ends."""
        with self.bench.store.read() as connection:
            row = connection.execute("SELECT MIN(not_before) FROM runs WHERE state = 'retrying'").fetchone()
        found = [self.kernels.due()]
        if self.up:
            found += [self.schedules.agenda.next, datetime.fromisoformat(row[0]) if row[0] else None]
        later = [moment for moment in found if moment and moment > self.now]
        return min(later) if later else None

    def go_to(self, moment: datetime) -> None:
        """Let the time pass until then, with all that happens meanwhile."""
        while True:
            due = self.next()
            if due is None or due > moment:
                break
            self.now = due
            self.happen()
        self.now = max(self.now, moment)
        self.happen()

    def happen(self) -> None:
        """Runners end and the supervisor looks, at this moment."""
        while True:
            self.kernels.work(self._cancelling())
            self.look()
            if not self._cancelling() & {one.job.run for one in self.kernels.living.values()}:
                return  # a runner that is told to end does so at once

    def write(self, name: str, text: str | dict[str, Any]) -> None:
        """A schedule's file, written now."""
        path = self.schedules_folder / f"{name}.yaml"
        path.write_text(text if isinstance(text, str) else writer.dump(text))
        os.utime(path, (self.now.timestamp(), self.now.timestamp()))

    def close(self) -> None:
        """All of it."""
        self.stop()
        self.kernels.die()
        self.kernels.ear.kill()
        self.kernels.ear.communicate()
        self.clock.close()
        self.bench.close()

    _seen: tuple[int, ...] = ()
    woken: bool = False

    def _wake(self) -> None:
        self.woken = True

    def _cancelling(self) -> set[int]:
        with self.bench.store.read() as connection:
            return {row[0] for row in connection.execute("SELECT id FROM runs WHERE state = 'cancelling'")}


def utc(year: int, month: int, day: int, hour: int = 0, minute: int = 0) -> datetime:
    """A moment."""
    return datetime(year, month, day, hour, minute, tzinfo=UTC)
