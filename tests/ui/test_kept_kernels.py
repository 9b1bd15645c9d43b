"""A failed run whose kernel is kept: shown as that, corrected in the editor, looked into, given back."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from ui.seeding import ANN, NOW, Seed

from workbench.model.run import Run, RunState
from workbench.services import projects, runs
from workbench.services.history import continuing
from workbench.store import attachments, kept
from workbench.ui.modals.choice import Choice
from workbench.ui.modals.confirm import Confirm

CELLS = ("x = 41", "x / 0", "print(x)")


def failed(seed: Seed) -> int:
    """A run that failed in its second cell, its kernel kept for half an hour."""
    seed.project("sales")
    number = seed.failed_run()
    folder = seed.bench.home.attempt_folder(number, 1)
    folder.mkdir(parents=True)
    cells = [
        {"cell_type": "code", "id": f"c{at}", "metadata": {}, "outputs": [], "execution_count": None, "source": source}
        for at, source in enumerate(CELLS)
    ]
    (folder / "output.ipynb").write_text(
        json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": cells})
    )
    with seed.bench.store.write() as connection:
        connection.execute(
            "UPDATE runs SET kept_until = ?, kept_cell = 2, kept_memory = ? WHERE id = ?",
            ((NOW + timedelta(minutes=30)).isoformat(timespec="microseconds"), 412 * 1024**2, number),
        )
    return number


def frozen(seed: Seed, run: Run) -> list[str]:
    """The cells that a run will execute."""
    content = json.loads((seed.bench.home.run_folder(run.id) / "input.ipynb").read_text())
    return [cell["source"] for cell in content["cells"]]


async def test_a_cell_is_corrected_in_the_editor(
    seed: Seed, stage: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """F opens the failed cell alone; left as it was nothing is run, changed a run is queued that goes on from it."""
    number = failed(seed)
    monkeypatch.setenv("EDITOR", "ed")
    opened: list[str] = []
    new = ["x / 0\n"]

    def ed(argv: Sequence[str], cwd: Path | None = None) -> None:
        del cwd
        opened.append(Path(argv[-1]).read_text())
        Path(argv[-1]).write_text(new[0])

    async with stage() as on:
        monkeypatch.setattr(on.app.desk, "run_over", ed)
        await on.list("runs", rows=1)
        await on.see("failed kept", "kept until", "412 MB")
        await on.press("F")
        await on.modal(Choice)
        await on.see("Edit cell 2 and go on", "As the notebook is now", "as it is")
        await on.press("enter")
        await on.see("Nothing was changed, so nothing was run.")
        new[0] = "x += 1\n"
        await on.press("F")
        await on.modal(Choice)
        await on.press("enter")
        await on.see(f"Goes on as run {number + 1}")
    assert opened == ["x / 0\n", "x / 0\n"]
    after = runs.get(seed.bench, number + 1)
    assert (after.continues, after.kernel, after.state) == (number, f"{number}.1", RunState.QUEUED)
    assert frozen(seed, after) == ["x = 41", "x += 1", "print(x)"]


async def test_it_is_kept_for_longer_and_gone_on_with_from_jupyterlab(seed: Seed, stage: Callable[..., Any]) -> None:
    """+ keeps it for an hour from now; where a copy of its output was opened in JupyterLab, F goes on as that was saved. J says
    what is missing where the project has no JupyterLab."""
    number = failed(seed)
    run = runs.get(seed.bench, number)
    copy = projects.get(seed.bench, run.project).path / "notebooks" / "run.ipynb"
    corrected = json.loads((seed.bench.home.attempt_folder(number, 1) / "output.ipynb").read_text())
    corrected["cells"][1]["source"] = "x += 2"
    copy.write_text(json.dumps(corrected))
    with seed.bench.store.write() as connection:
        asked = attachments.insert(connection, run=number, way=attachments.JUPYTER, at=NOW, actor=ANN)
        attachments.done(connection, asked, kernel="k", file="notebooks/run.ipynb")
    (seed.bench.home.environments / "none.yaml").write_text("engine: process\npython: {}\nides: []\n")
    (copy.parents[1] / "project.yaml").write_text("environment: none\n")
    async with stage() as on:
        await on.list("runs", rows=1)
        await on.press("plus")
        await on.modal(Choice)
        await on.press("down", "enter")
        await on.see("kept until", "1h00m left")
        await on.press("J")
        await on.see("environment none has no JupyterLab", "ides: [jupyter]")
        await on.press("escape")
        await on.gone("environment none has no JupyterLab")
        await on.press("F")
        await on.modal(Choice)
        await on.see("As it is in JupyterLab, saved")
        await on.press("down", "down", "enter")
        await on.see(f"Goes on as run {number + 1}")
    assert runs.get(seed.bench, number).kept_until == seed.bench.now() + timedelta(hours=1)
    assert frozen(seed, runs.get(seed.bench, number + 1)) == ["x = 41", "x += 2", "print(x)"]
    assert "after work by hand in it (JupyterLab)" in continuing.went_on(seed.bench, runs.get(seed.bench, number + 1))


async def test_it_is_given_back_after_a_question(seed: Seed, stage: Callable[..., Any]) -> None:
    """K asks and then has the supervisor give it back; on a run without a kept kernel none of the keys does anything."""
    number = failed(seed)
    async with stage() as on:
        await on.list("runs", rows=1)
        await on.press("K")
        await on.modal(Confirm)
        await on.see(f"Give back the kernel of run {number}?", f"$ workbench runs release {number}")
        await on.press("y")

        def asked() -> bool:
            with seed.bench.store.read() as connection:
                return kept.released(connection) == {number}

        await on.until(asked, "the wish")
        with seed.bench.store.write() as connection:
            kept.over(connection, number, at=NOW, actor=ANN, why="somebody asked")
        await on.gone("failed kept")
        for action in ("runs.continue", "runs.attach", "runs.release"):
            assert on.screen.check_action("act", (action,)) is None
    assert continuing.all_kept(seed.bench) == []
