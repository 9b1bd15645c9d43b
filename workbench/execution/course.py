"""What is so in a run while it goes on: phase, cells, why it must stop. Engine, warden and runner share it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from workbench.engines.base import KernelExit
from workbench.engines.spent import Spent
from workbench.execution.job import Job
from workbench.execution.journal import Journal
from workbench.model.event import Progress
from workbench.text import duration, one_line


class Stop(StrEnum):
    """Why a run is ended from outside its cells."""

    CANCELLED = "cancelled"
    TIMED_OUT = "timed out"
    CELL_TIMED_OUT = "cell timed out"
    NOT_STARTED = "kernel did not start"
    DIED = "kernel died"
    INPUT = "asked for input"
    SILENT = "output did not end"


class Stopped(Exception):  # noqa: N818 - not an error of the notebook
    """The run was ended from outside; `Course.stop` says why."""


@dataclass
class CellTime:
    """A code cell that was begun: its number from 1 of all cells, `n` of the code cells, seconds it took."""

    cell: int
    n: int
    status: str
    seconds: float | None
    line: str


class Course:
    """The course of one run. Times are monotonic seconds from its beginning, unless they are aware datetimes."""

    def __init__(self, job: Job, journal: Journal) -> None:
        self.job = job
        self.journal = journal
        self.began = time.monotonic()
        self.started = datetime.now(UTC)
        self.phase = ""
        self.stop: Stop | None = None
        self.cancel_asked = 0
        self.launched = False
        self.ask_again: Callable[[], None] | None = None  # asks a kernel to end, also one that was asked and has not
        self.dismissed = False  # the kernel was asked to end
        self.at_rest: int | None = None  # the cell, from 0, that a kernel which is idle would go on from
        self.settled = threading.Event()  # no launch is under way
        self.settled.set()
        self.kernel_exit: KernelExit | None = None
        self.code_cells = 0
        self.before = 0  # code cells that ran before in the kernel that it goes on in
        self.cells: list[CellTime] = []
        self.source = ""  # of the newest cell
        self.running: CellTime | None = None
        self.cell_began = 0.0
        self.heard = 0.0
        self.spent = Spent()
        self.cpu_before = 0.0  # seconds that its kernel had used for the run before
        self.measure: Callable[[], Spent] = Spent

    @property
    def seconds(self) -> float:
        """How long it has been going on."""
        return time.monotonic() - self.began

    @property
    def cell_seconds(self) -> float:
        """How long the newest cell has been going on, or had when it ended."""
        return time.monotonic() - self.cell_began

    @property
    def cells_done(self) -> int:
        """Code cells that ended well."""
        return self.before + sum(one.status == "ok" for one in self.cells)

    def enter(self, phase: str) -> None:
        """Say that a phase begins: starting, running, finishing."""
        if phase == self.phase:
            return
        self.phase = phase
        self.journal.event(Progress.PHASE, name=phase)

    def kernel_answered(self, kernel: str, *, warm: bool = False) -> None:
        """The kernel is ready; `warm`: it was, or came from one that was, before the run began."""
        self.journal.event(Progress.KERNEL, kernel=kernel, seconds=round(self.seconds, 3), warm=warm)

    def count(self, cells: list[Mapping[str, Any]]) -> None:
        """The cells that there are."""
        self.code_cells = sum(map(is_code, cells))
        self.before = sum(map(is_code, cells[: self.job.first]))
        self.journal.event(Progress.CELLS, total=len(cells), code=self.code_cells, before=self.before)

    def cell_begins(self, number: int, cell: Mapping[str, Any]) -> None:
        """A code cell is sent to the kernel."""
        self.source = str(cell.get("source", ""))
        first = next((line for line in self.source.splitlines() if line.strip()), "")
        self.running = CellTime(number, self.before + len(self.cells) + 1, "running", None, one_line(first, 120))
        self.cells.append(self.running)
        self.cell_began = self.heard = time.monotonic()
        self.journal.event(Progress.CELL, cell=number, n=self.running.n, of=self.code_cells)
        self.journal.heading(f"cell {number} ({self.running.n} of {self.code_cells}): {self.running.line}")

    def cell_ends(self, status: str) -> None:
        """The running cell ended: `ok`, `error`, or `stopped` where it was ended from outside."""
        one, self.running = self.running, None
        if one is None:
            return
        self.journal.end_of_cell()
        if status != "ok" or one.n >= self.code_cells:  # its kernel may go at once after the last
            self.look_at_spent()
        one.status, one.seconds = status, round(time.monotonic() - self.cell_began, 3)
        told = "ok" if status == "ok" else "error"
        self.journal.event(Progress.DONE, cell=one.cell, n=one.n, of=self.code_cells, seconds=one.seconds, status=told)
        if status != "ok":
            self.journal.heading(f"cell {one.cell}: {status} after {duration(one.seconds)}")

    def look_at_spent(self) -> None:
        """Keep what its kernel has taken so far."""
        self.spent |= self.measure()

    def end(self, reason: Stop) -> None:
        """Say why it must stop; the first reason holds."""
        self.stop = self.stop or reason

    @property
    def may_be_kept(self) -> bool:
        """Whether its kernel is to be kept, where it can be: not where somebody wants its end."""
        return (
            bool(self.job.keep) and self.stop in (None, Stop.TIMED_OUT, Stop.CELL_TIMED_OUT) and not self.cancel_asked
        )

    @property
    def peak_memory(self) -> int | None:
        """Bytes that its kernel and what that started held at most; None where that is not known."""
        limit = self.job.workspace.limits.memory if self.kernel_exit and self.kernel_exit.oom else None
        return max(self.spent.memory, limit or 0) or None

    @property
    def cpu_seconds(self) -> float | None:
        """Seconds of processor time that they used."""
        return round(max(0.0, self.spent.cpu - self.cpu_before), 2) if self.spent.memory else None

    def table(self) -> list[dict[str, Any]]:
        """The cells that were begun, for `record.json`."""
        return [asdict(one) for one in self.cells]


def is_code(cell: Mapping[str, Any]) -> bool:
    """Whether a cell will be sent to the kernel."""
    tags = cell.get("metadata", {}).get("tags") or ()
    return (
        cell.get("cell_type") == "code" and bool(str(cell.get("source", "")).strip()) and "skip-execution" not in tags
    )
