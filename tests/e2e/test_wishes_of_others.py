"""What users of papermill and jupyter-scheduler asked for, a test named after each; all of it is run once, together."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from waiting import until
from world import PROJECT, end, ended, kernel_python, leftovers, notebook, start

from workbench.model.run import Request, Run, RunState
from workbench.services import projects, runs
from workbench.services.bench import Bench, open_bench

__all__ = ["kernel_python"]
SAYS = "import os, sys\nprint(sys.prefix, os.environ['WHERE'], os.getcwd())\nopen('made.txt', 'w').write(os.getcwd())"
LIVE = "import live\nprint(live.VALUE)"


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory, kernel_python: Path) -> Iterator[tuple[Bench, dict[str, Run]]]:
    """Runs of one notebook in two environments at once, of another folder, and of one whose module was edited after it
    was asked for."""
    bench = open_bench(tmp_path_factory.mktemp("wishes") / "home")
    for name in ("first", "second"):
        text = f"engine: process\nuse: {kernel_python}\nides: []\nenv: {{WHERE: {name}}}\n"
        (bench.home.environments / f"{name}.yaml").write_text(text)
    bench.home.settings_file.write_text("concurrency: 4\n")
    folder = projects.create(bench, PROJECT, environment="first").path
    paths = {name: notebook(bench, f"{name}.ipynb", SAYS) for name in ("says", "other")}
    (folder / "other").mkdir()
    (folder / paths["other"]).rename(folder / "other/other.ipynb")
    live = notebook(bench, "live.ipynb", LIVE)
    (folder / "notebooks/live.py").write_text("VALUE = 'before'\n")
    asked = {
        "first": Request(PROJECT, paths["says"]),
        "second": Request(PROJECT, paths["says"], environment="second"),
        "other": Request(PROJECT, "other/other.ipynb"),
        "live": Request(PROJECT, live),
    }
    numbers = {name: runs.submit(bench, request) for name, request in asked.items()}
    (folder / "notebooks/live.py").write_text("VALUE = 'edited'\n")
    notebook(bench, "live.ipynb", "raise SystemExit('the notebook itself is as it was asked for')")
    start(bench)
    yield bench, {name: ended(bench, number) for name, number in numbers.items()}
    end(bench)
    until(lambda: not leftovers(bench), "nothing to be left")
    bench.close()


def said(run: Run) -> str:
    """What its cells printed."""
    assert run.state is RunState.SUCCEEDED, (run.reason, run.failure)
    cells = json.loads((Path(run.output) / "output.ipynb").read_text())["cells"]
    return "".join("".join(output.get("text", ())) for cell in cells for output in cell["outputs"]).strip()


def test_github_papermill_302_run_in_an_environment(done: tuple[Bench, dict[str, Run]], kernel_python: Path) -> None:
    """The kernel is the Python of the declared environment, found without a kernelspec of the account, and not the one that
    papermill runs in."""
    prefix = Path(said(done[1]["first"]).split()[0])
    assert prefix == kernel_python.parent.parent or prefix == kernel_python
    assert prefix != Path(sys.prefix)


def test_github_jupyter_scheduler_594_environment_per_job(done: tuple[Bench, dict[str, Run]]) -> None:
    """One notebook runs in two environments at once, each run in its own; the record names it."""
    for name in ("first", "second"):
        run = done[1][name]
        assert said(run).split()[1] == name
        assert json.loads((Path(run.output) / "record.json").read_text())["environment"] == name


def test_github_papermill_473_own_working_directory_each(done: tuple[Bench, dict[str, Run]]) -> None:
    """Runs at the same time each work in their notebook's folder, whatever the others do."""
    bench, found = done
    folder = projects.get(bench, PROJECT).path
    for name, inner in (("first", "notebooks"), ("other", "other")):
        assert said(found[name]).split()[2] == str(folder / inner)
        assert (folder / inner / "made.txt").read_text() == str(folder / inner)


def test_github_jupyter_scheduler_504_live_file(done: tuple[Bench, dict[str, Run]]) -> None:
    """Files beside the notebook are as they are when it runs, not a copy of when it was asked for; the notebook is that
    copy."""
    assert said(done[1]["live"]) == "edited"
