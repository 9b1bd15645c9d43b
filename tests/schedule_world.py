"""A home with a clock of ours, and the part of the supervisor that fires schedules: no process, no waiting."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import nbformat
import pytest

from workbench.model.run import RunState
from workbench.model.schedule import DueState
from workbench.services import projects, schedules
from workbench.services.bench import Bench, open_bench
from workbench.services.supervision import control
from workbench.store import runs as run_rows
from workbench.supervisor.desk import Desk
from workbench.supervisor.due.clock import Clock
from workbench.supervisor.due.schedules import Schedules

START = datetime(2026, 5, 4, 10, 0, 30, tzinfo=UTC)  # a Monday
NOTEBOOK = "notebooks/n.ipynb"


class World:
    """A home with a clock of ours, and the part of the supervisor that fires schedules."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.now = START
        bench.clock = lambda: self.now
        self.woken = 0
        self.desk = Desk(bench, self.wake, Path("/nowhere"))
        self.clock = Clock(lambda: None)  # the real one, whose time is another
        self.part = Schedules(self.desk, self.clock)

    def wake(self) -> None:
        """The loop would look again."""
        self.woken += 1

    def at(self, moment: datetime | timedelta) -> World:
        """Let the clock show `moment`, or go on by it, and look until there is nothing more to do."""
        self.now = moment if isinstance(moment, datetime) else self.now + moment
        while True:
            before = self.woken
            self.part.look(woken=True)
            if self.woken == before:
                return self

    def write(self, name: str = "s", **keys: Any) -> str:
        """Write a schedule's file by hand; its key."""
        from workbench.declare import writer

        folder = projects.get(self.bench, "p").path / "schedules"
        folder.mkdir(exist_ok=True)
        (folder / f"{name}.yaml").write_text(writer.dump({"notebook": NOTEBOOK, "timezone": "UTC", **keys}))
        return f"p/{name}"

    def ledger(self, key: str = "p/s") -> list[tuple[str, DueState]]:
        """Due times oldest first, as `day hour:minute`, with what became of them."""
        found = reversed(schedules.ledger(self.bench, key, limit=10_000))
        return [(f"{row.due:%d %H:%M}", row.state) for row in found if not row.by_hand]

    def end(self, run: int, state: RunState = RunState.CANCELLED) -> None:
        """Let a queued run be over."""
        with self.bench.store.write() as connection:
            assert run_rows.change(
                connection, run, RunState.QUEUED, state, attempt=0, at=self.now, actor=self.bench.actor
            )


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """A home with project `p` and a notebook in it; no supervisor is started."""
    monkeypatch.setattr(control, "ensure", lambda bench: None)
    bench = open_bench(tmp_path / "home")
    project = projects.create(bench, "p", environment="python")
    notebook = nbformat.v4.new_notebook(
        metadata={"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    )
    notebook.cells = [nbformat.v4.new_code_cell("day = ''", metadata={"tags": ["parameters"]})]
    (project.path / "notebooks").mkdir(exist_ok=True)
    nbformat.write(notebook, project.path / NOTEBOOK)
    made = World(bench)
    yield made
    made.clock.close()
    bench.close()
