"""Kernels of failed runs that are kept, without the kernels: which go first, which stay, and the notebook that goes on."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from supervisor_parts import NOW, Parts, parts

from workbench.errors import Refused
from workbench.execution.fence import hold
from workbench.model.run import Run, RunState
from workbench.model.terms import Terms
from workbench.notebooks import correction
from workbench.services import runs
from workbench.services.history import continuing
from workbench.store import kept as rows
from workbench.store import runs as run_rows
from workbench.supervisor.queue import kept as module
from workbench.supervisor.queue.look import Look, in_turn

__all__ = ["parts"]
FOR = timedelta(minutes=30)


class Keepers:
    """Stands for the runners: their locks are held, and what they are told is noted."""

    def __init__(self, parts: Parts, monkeypatch: pytest.MonkeyPatch) -> None:
        self.parts = parts
        self.told: list[int] = []
        self.times: list[float] = []
        monkeypatch.setattr(module.keeping, "release", self.release)
        monkeypatch.setattr(module.keeping, "keep", lambda folder, seconds: self.times.append(seconds))
        monkeypatch.setattr(module, "memory_left", lambda: 1)
        monkeypatch.setattr(parts.desk, "thread", lambda name, body: body())

    def release(self, folder: Path) -> bool:
        """Note who is told."""
        self.told.append(int(folder.parent.name))
        return True

    def keep(self, **more: Any) -> int:
        """A run that failed, its kernel kept."""
        number = self.parts.queue()
        folder = self.parts.bench.home.attempt_folder(number, 1)
        folder.mkdir(parents=True)
        assert hold(folder) is not None
        with self.parts.desk.write() as connection:
            run = run_rows.get(connection, number)
            assert run
            facts: dict[str, Any] = {"at": NOW, "actor": self.parts.desk.actor}
            run_rows.begin_attempt(connection, run, token="t", revision="r1", engine="process", **facts)
            until = {"kept_until": NOW + FOR, "kept_cell": 2, **more}
            run_rows.change(connection, number, RunState.STARTING, RunState.FAILED, attempt=1, **facts, **until)
        return number

    def look(self) -> list[int]:
        """Who is told to give its kernel back at a look."""
        before = len(self.told)
        self.parts.dispatch.kept.look()
        return self.told[before:]


@pytest.fixture
def keepers(parts: Parts, monkeypatch: pytest.MonkeyPatch) -> Keepers:
    """Runners of a home that keep kernels."""
    return Keepers(parts, monkeypatch)


def test_more_than_may_be_kept_the_first_goes(keepers: Keepers) -> None:
    """With `kept_kernels: 2` the third that is kept has the first given back; told once, not at each look."""
    keepers.parts.bench.home.settings_file.write_text("kept_kernels: 2\n")
    first, *_ = [keepers.keep(ended=NOW + timedelta(seconds=at)) for at in range(3)]
    assert keepers.look() == [first]
    assert keepers.look() == []


def test_where_memory_is_needed_the_first_goes(keepers: Keepers) -> None:
    """A run that waits for memory gets that of the kernel kept first, one at each look; so does a machine that is short."""
    first, second = (keepers.keep(ended=NOW + timedelta(seconds=at)) for at in range(2))
    assert keepers.look() == []
    kept = keepers.parts.dispatch.kept
    kept.short = True
    assert keepers.look() == [first]
    assert not kept.short
    kept.short = True
    assert keepers.look() == [second]


def test_a_kernel_is_kept_for_as_long_as_was_asked_last(keepers: Keepers) -> None:
    """Its runner is told, once, and it is given back then; where it is on its way out that is said, and nothing promised."""
    number, bench = keepers.keep(), keepers.parts.bench

    def extend(until: datetime) -> bool:
        with keepers.parts.desk.write() as connection:
            return rows.extend(connection, number, until, at=NOW, actor=keepers.parts.desk.actor)

    assert keepers.look() == []
    assert extend(NOW + 4 * FOR)
    assert "2h00m left" in continuing.words(bench, runs.get(bench, number))
    assert keepers.look() == keepers.look() == []
    assert keepers.times == [FOR.total_seconds(), 7200]
    assert extend(NOW - FOR)
    assert keepers.look() == [number]
    with keepers.parts.desk.write() as connection:
        rows.ask_release(connection, at=NOW, actor=keepers.parts.desk.actor, run=number)
    assert not extend(NOW + FOR)


def test_a_kernel_that_a_run_waits_for_stays(keepers: Keepers) -> None:
    """Its time may be over while the run that goes on in it waits for a place; it goes all the same where somebody asks."""
    number = keepers.keep(kept_until=NOW - FOR)
    waiting = keepers.parts.queue(continues=number, kernel=f"{number}.1")
    urgent = keepers.parts.queue(priority=100)
    assert keepers.look() == []
    with keepers.parts.desk.read() as connection:
        both = [one for one in (run_rows.get(connection, urgent), run_rows.get(connection, waiting)) if one]
    assert [one.id for one in in_turn(both, Look(NOW, 2))] == [waiting, urgent]
    with keepers.parts.desk.write() as connection:
        rows.ask_release(connection, at=NOW, actor=keepers.parts.desk.actor, run=number)
    assert keepers.look() == [number]


def test_kernels_that_are_kept_are_not_swept(keepers: Keepers) -> None:
    """They are somebody's although their run is over, also that of one that had gone on in another's kernel."""
    number = keepers.keep()
    assert f"{number}.1" in keepers.parts.runs.living()
    with keepers.parts.desk.write() as connection:
        connection.execute("UPDATE runs SET kernel = '7.1' WHERE id = ?", (number,))
    assert {f"{number}.1", "7.1"} <= keepers.parts.runs.living()


def test_how_long_is_said_by_the_nearest() -> None:
    """A run's own word holds, `off` too, then its project's, then the home's; where nobody says, none is kept."""
    assert Terms(keep=60.0).kept(30.0, 10.0).keep == 60.0
    assert Terms(keep=0.0).kept(30.0, 10.0).keep == 0.0
    assert Terms().kept(None, 10.0).keep == 10.0
    assert Terms().kept(None, None) == Terms()
    assert Terms.from_json(Terms(keep=60.0).to_json()) == Terms(keep=60.0)


def cells(*sources: str, injected: int | None = None) -> dict[str, Any]:
    """A notebook; the cell at `injected` is papermill's."""
    made = [
        {"cell_type": "code", "metadata": {"tags": ["injected-parameters"]} if at == injected else {}, "source": source}
        for at, source in enumerate(sources)
    ]
    return {"metadata": {"kernelspec": {"name": "python3"}}, "cells": made}


def sources(notebook: dict[str, Any]) -> list[str]:
    """The text of its cells."""
    return [cell["source"] for cell in notebook["cells"]]


def test_injected_parameters_stay_where_they_were() -> None:
    """The notebook has no cell for them; it is compared without, and the run goes on with the values it was given."""
    ran = cells("n = 0", "n = 1", "x", "bad", "end", injected=1)
    made, changes = correction.by_notebook(ran, 4, cells("n = 0", "x", "good", "new", "end"))
    assert sources(made) == ["n = 0", "n = 1", "x", "good", "new", "end"]
    assert [one.cell for one in changes] == [4, 5, 6]
    made, changes = correction.by_notebook(ran, 2, cells("n = 0", "x", "bad", "end"))
    assert (sources(made), changes) == (["n = 0", "n = 1", "x", "bad", "end"], [])


def test_what_ran_must_be_there_as_it_ran() -> None:
    """A cell before the failed one that was changed, taken out or put in is named by its number."""
    ran = cells("a", "b", "bad")
    for now in (cells("a", "B", "good"), cells("a", "new", "b", "good"), cells("a")):
        with pytest.raises(Refused, match="cell 2, which ran already"):
            correction.by_notebook(ran, 3, now)
    with pytest.raises(Refused, match="no cell 3 any more"):
        correction.by_notebook(ran, 3, cells("a", "b"))


def test_a_change_is_told_as_a_difference() -> None:
    """Hash before, and what a person reads; twice gone on with, both are told."""
    ran = cells("a", "bad")
    made, (change,) = correction.by_sources(ran, 2, {2: "good"})
    assert change.diff.splitlines()[-2:] == ["-bad", "+good"]
    assert len(change.before_sha256) == 64
    for run in (1, 2):
        correction.note(made, {"run": run})
    assert [one["run"] for one in made["metadata"]["workbench"]["continues"]] == [1, 2]
    assert "workbench" not in ran["metadata"]


def test_a_run_knows_whose_kernel_it_has(keepers: Keepers) -> None:
    """The first of a row of runs that go on names the kernel, however long the row is."""
    with keepers.parts.desk.read() as connection:
        run = run_rows.get(connection, keepers.keep())
    assert isinstance(run, Run)
    assert run.kernels == (f"{run.id}.1",)
