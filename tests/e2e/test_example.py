"""The example project that ships: stored cleanly, declared well, and its notebooks run as their README says."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from images import mirror

ROOT = Path(__file__).parents[2]
NOTEBOOKS = sorted((ROOT / "projects").rglob("*.ipynb"))


def workbench(home: Path, *words: str, code: int = 0) -> str:
    """What a command prints on stdout; its exit code has to be `code`."""
    done = subprocess.run(
        [sys.executable, "-m", "workbench", "--home", str(home), *words],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    assert done.returncode == code, f"{words} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.mark.parametrize("path", NOTEBOOKS, ids=[path.stem for path in NOTEBOOKS])
def test_notebooks_are_stored_without_results(path: Path) -> None:
    """No outputs and no counts; every cell has an id, one is tagged `parameters`, and the kernel is named."""
    book: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    assert (book["nbformat"], book["nbformat_minor"]) == (4, 5)
    assert book["metadata"]["kernelspec"]["name"] in {"python3", "ir"}
    cells = book["cells"]
    assert len({cell["id"] for cell in cells}) == len(cells)
    assert [cell["id"] for cell in cells if cell.get("outputs") or cell.get("execution_count")] == []
    assert sum("parameters" in cell["metadata"].get("tags", ()) for cell in cells) == 1


def test_the_example_is_declared_well(tmp_path: Path) -> None:
    """A copy of it has no problem in any file, and its schedule says when it will run."""
    home = tmp_path / "home"
    workbench(home, "init")
    workbench(home, "projects", "new", "weather", "--example", "weather")
    workbench(home, "check")
    (schedule,) = json.loads(workbench(home, "schedules", "--json"))
    assert schedule["state"] == "active"
    assert schedule["next"]


@pytest.mark.docker
@pytest.mark.timeout(900)
def test_the_r_notebook_runs_in_a_container(tmp_path: Path) -> None:
    """R's own data, R's kernel and a parameter; a month that is not in the data fails with the reason."""
    home = tmp_path / "home"
    mirror.use(home)
    workbench(home, "projects", "new", "weather", "--example", "weather")
    notebook = str(home / "projects" / "weather" / "notebooks" / "ozone.ipynb")
    try:
        workbench(home, "environments", "build", "r")
        said = workbench(home, "run", notebook, "-e", "r", "-p", "month", "7")
        assert "R squared 0.79" in said
        book = json.loads((home / "projects" / "weather" / "runs" / "latest" / "output.ipynb").read_text())
        outputs = [output for cell in book["cells"] for output in cell.get("outputs", ())]
        assert sum("image/png" in output.get("data", {}) for output in outputs) == 3
        said = workbench(home, "run", notebook, "-e", "r", "-p", "month", "3", code=3)
        assert "month is 3" in said
    finally:
        workbench(home, "service", "stop")
