"""The supervisor dies at its n-th change of state, for every n: afterwards everything is as if it had not.

After each: the run ended exactly once and ran exactly once, nothing unowned is left, the database is whole.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import world
from waiting import until

from workbench.model.run import ENDED, RunState
from workbench.model.schedule import DueState
from workbench.services import runs, schedules
from workbench.services.bench import Bench
from workbench.services.supervision import control
from workbench.store import schedules as schedule_rows

SCHEDULE = "often"


def prepare(bench: Bench) -> tuple[str, Path]:
    """A notebook that writes down that it ran and waits where it is told to, its environment built, and a schedule for it."""
    file = bench.home.root / "ran.txt"
    path = world.notebook(
        bench,
        "counts.ipynb",
        f"with open({str(file)!r}, 'a') as f:\n    f.write(f'{{number}}\\n')",
        f"import os, time\nwhile os.path.exists(f'{bench.home.root}/held-{{number}}-1'):\n    time.sleep(0.01)",
        f"while os.path.exists(f'{bench.home.root}/held-{{number}}-2'):\n    time.sleep(0.01)",
        parameters="number = 0",
    )
    assert world.ended(bench, world.submit(bench, path, number=0)).state is RunState.SUCCEEDED
    schedules.add(bench, world.PROJECT, SCHEDULE, notebook=path, cron="0 0 1 1 *", parameters={"number": -1})
    control.stop(bench)
    return path, file


def make_due(bench: Bench, number: int) -> datetime:
    """Put the schedule back by as many years as there were rounds: one more due time each."""
    key = f"{world.PROJECT}/{SCHEDULE}"
    with bench.store.write() as connection:
        row = schedule_rows.get(connection, key)
        assert row
        year = datetime.now(UTC).year
        start = datetime(year - number, 1, 1, tzinfo=UTC) - timedelta(days=1)
        schedule_rows.evaluated(connection, key, row.evaluated_until, start)
    return datetime(year, 1, 1, tzinfo=UTC)


def crash_at(bench: Bench, path: str, file: Path, n: int) -> bool:
    """One round; whether the supervisor got as far as the n-th point."""
    ran = len(file.read_text().split())
    held = [bench.home.root / f"held-{n}-{step}" for step in (1, 2)]
    for hold in held:
        hold.touch()
    process = world.start(bench, WB_CRASH_AT=str(n))
    assert process
    until(lambda: control.held(bench.home) or process.poll() is not None, "the supervisor")
    number = world.submit(bench, path, number=n)

    def seen(step: int) -> bool:
        run = runs.get(bench, number)
        return run.state is RunState.RUNNING if step == 1 else 0 < run.cells - 1 <= run.cells_done

    # Held until what came before is written down: else steps of a quick run are written as one, and there are fewer points.
    for step, hold in enumerate(held, start=1):
        until(lambda step=step: process.poll() is not None or seen(step), f"the crash or step {step}")  # type: ignore[misc]
        hold.unlink()
    until(lambda: process.poll() is not None or runs.get(bench, number).state in ENDED, "the crash or the end")
    # At the last points the end can be read before the process has died: asked to stop, it passes them first.
    control.stop(bench)
    crashed = process.wait(15) == 9
    control.ensure(bench)
    run = world.ended(bench, number)
    assert run.state is RunState.SUCCEEDED, run.reason
    assert world.ends_of(bench, number) == ["succeeded"]
    assert len(file.read_text().split()) == ran + 1
    until(lambda: not world.processes(bench, "ipykernel"), "kernels to be gone", seconds=15)
    assert bench.store.integrity() == []
    control.stop(bench)
    return crashed


@pytest.mark.parametrize("n", [1, 3, 5, 6, 8])
def test_a_crash_at_a_point(bench: Bench, n: int) -> None:
    """The points of a run: before and after each transaction of its life."""
    path, file = prepare(bench)
    assert crash_at(bench, path, file, n)


@pytest.mark.soak
@pytest.mark.timeout(1800)
def test_a_crash_at_every_point(bench: Bench) -> None:
    """All of them, until the supervisor gets through."""
    path, file = prepare(bench)
    n = 1
    while crash_at(bench, path, file, n):
        n += 1
    assert n > 8


@pytest.mark.parametrize("n", [1, 2, 3, 4])
def test_a_crash_while_a_schedule_fires(bench: Bench, n: int) -> None:
    """Between a due time and its run there is no crash point: both are there or neither, and it fires once."""
    _, file = prepare(bench)
    due = make_due(bench, 0)
    process = world.start(bench, WB_CRASH_AT=str(n))
    assert process
    key = f"{world.PROJECT}/{SCHEDULE}"
    until(lambda: process.poll() is not None, "the crash")
    control.ensure(bench)
    row = until(lambda: rows[0] if (rows := schedules.ledger(bench, key)) else None, "the due time")
    assert (row.state, row.due) == (DueState.FIRED, due)
    assert row.run
    assert world.ended(bench, row.run).state is RunState.SUCCEEDED
    assert len(schedules.ledger(bench, key)) == 1
    assert [run.schedule for run in runs.page(bench)].count(key) == 1
    assert file.read_text().split().count("-1") == 1
    control.stop(bench)
    assert process.wait(15) in (0, 9)
