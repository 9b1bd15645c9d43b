"""What the supervisor makes of a run's events."""

from __future__ import annotations

import json
from pathlib import Path

from workbench.execution.journal import Journal
from workbench.model.event import Progress
from workbench.supervisor.runs import BLOCK, Runs, Watched


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
