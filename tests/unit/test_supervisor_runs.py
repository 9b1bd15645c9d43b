"""What the supervisor makes of a run's events."""

from __future__ import annotations

import json
import os
from pathlib import Path
from types import SimpleNamespace

from workbench.execution.fence import hold
from workbench.execution.journal import Journal
from workbench.model.event import Progress
from workbench.services.bench import open_bench
from workbench.supervisor.desk import Desk
from workbench.supervisor.queue.runs import BLOCK, Runs, Watched


def test_a_place_that_a_kernel_leaves_is_looked_at_at_once(tmp_path: Path) -> None:
    """A run that ended holds its place until its kernel is gone; then the queue is looked at, not at its next turn."""
    bench = open_bench(tmp_path / "home")
    woken: list[int] = []
    desk = Desk(bench, lambda: woken.append(1), bench.home.wake_socket)
    part = Runs(desk, SimpleNamespace(taken=0))  # type: ignore[arg-type] - all that it tells the queue
    folder = bench.home.attempt_folder(1, 1)
    folder.mkdir(parents=True)
    held = hold(folder)
    assert held is not None
    part.leaving[folder] = ("1.1",)
    part.look()
    assert (part.dispatch.taken, woken) == (1, [])
    os.close(held)
    part.look()
    assert (part.dispatch.taken, woken) == (0, [1])
    bench.close()


def test_one_look_reads_all_that_was_written(tmp_path: Path) -> None:
    """How far a run is does not lag behind much output, and a torn line stops nothing."""
    journal = Journal(tmp_path)
    journal.event(Progress.CELLS, total=3, code=2)
    for _ in range(3 * BLOCK // 90_000):
        journal.output(1, "stdout", "x" * 90_000)
    journal.events.write(b'{"kind": "outp\n')
    journal.event(Progress.DONE, cell=1, status="ok")
    journal.event(Progress.CELL, cell=3)
    journal.events.write(json.dumps({"kind": "done"}).encode())  # not whole yet
    journal.close()
    seen = Watched(tmp_path, "token")
    Runs.__new__(Runs)._follow(seen)
    assert (seen.cells, seen.done, seen.cell) == (2, 1, 3)
