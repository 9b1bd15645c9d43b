"""Runs of frozen code and of a commit, end to end: the kernel sees those files, and the project's own data and runs."""

from __future__ import annotations

import hashlib
import json
import platform
from pathlib import Path

import pytest
from containers import engine
from containers import lab as contained_lab
from repositories import git
from world import PROJECT, bench, ended, kernel_python, notebook, start

from workbench.cli.facts import record as record_facts
from workbench.model.code import code
from workbench.model.run import Request, Run, RunState
from workbench.services import projects, runs
from workbench.services.bench import Bench

__all__ = ["bench", "contained_lab", "engine", "kernel_python"]
LOOKS = """\
import os, pathlib, helper
print(helper.VALUE, pathlib.Path("../data/in.txt").read_text(), os.environ["WORKBENCH_PROJECT"])
pathlib.Path("../data/out.txt").write_text(helper.VALUE)
assert pathlib.Path("../runs").is_dir()
try:
    pathlib.Path("beside.txt").write_text("x")
    wrote = True
except OSError:
    wrote = False
print("wrote", wrote, pathlib.Path(os.environ["WORKBENCH_PROJECT"], "notebooks/helper.py").exists())
"""


def prepared(bench: Bench) -> tuple[Path, str]:
    """The project as a repository, its tag v1 with a module that has another value since."""
    project = projects.get(bench, PROJECT).path
    path = notebook(bench, "looks.ipynb", LOOKS)
    (project / "notebooks/helper.py").write_text("VALUE = 'committed'\n")
    (project / "data").mkdir(exist_ok=True)
    (project / "runs").mkdir(exist_ok=True)
    (project / "data/in.txt").write_text("input")
    (project / ".gitignore").write_text("data/\nruns/\n")
    git(project, "init", "-q")
    git(project, "add", "--all")
    git(project, "commit", "-qm", "first")
    git(project, "tag", "v1")
    (project / "notebooks/helper.py").write_text("VALUE = 'edited'\n")
    return project, path


def said(bench: Bench, run: Run) -> str:
    """What its cells printed."""
    cells = json.loads((Path(run.output) / "output.ipynb").read_text())["cells"]
    return "".join("".join(output.get("text", ())) for cell in cells for output in cell.get("outputs", ()))


def test_live_frozen_and_a_commit_beside_each_other(bench: Bench) -> None:
    """Three runs asked for at once: the frozen one has the module as it was then, that of a tag as it was committed, the
    live one as it is when it runs. All read and write the project's data, and are published in its runs."""
    project, path = prepared(bench)
    reads = ("data/in.txt", "notebooks/helper.py")
    numbers = {
        what: runs.submit(bench, Request(PROJECT, path, code=code(what), inputs=reads))
        for what in ("live", "frozen", "v1")
    }
    (project / "notebooks/helper.py").write_text("VALUE = 'later'\n")
    start(bench)
    for what, value in (("live", "later"), ("frozen", "edited"), ("v1", "committed")):
        run = ended(bench, numbers[what])
        assert run.state is RunState.SUCCEEDED, (run.reason, run.failure)
        assert said(bench, run).startswith(f"{value} input ")
        assert said(bench, run).rstrip().endswith("True")
        assert Path(run.output).parent == project / "runs"
        record = json.loads((Path(run.output) / "record.json").read_text())
        assert record.get("code", {}).get("what", "live") == what
        kept = record_facts.of(bench, run)
        assert kept["inputs"] == record["inputs"]
        hashes = [hashlib.sha256(text.encode()).hexdigest() for text in ("input", f"VALUE = '{value}'\n")]
        assert [one["sha256"] for one in kept["inputs"]] == hashes
        assert (kept["host"], kept["git_commit"], kept["git_dirty"]) == (
            platform.node(),
            record["git_commit"],
            what != "v1",
        )
        assert (Path(run.output) / "changes.patch").exists() is (what != "v1")
        assert [one["status"] for one in kept["cells"]] == ["ok"]
    assert (project / "data/out.txt").read_text() in ("later", "edited", "committed")
    (project / "notebooks/beside.txt").unlink()  # of the live one, and of no other
    assert not (project / "notebooks/beside.txt").exists()


SCRIPT = """\
# %% tags=["parameters"]
rows = 1
# %%
import helper
print(helper.VALUE, rows)
# %%
def load(count):
    return 10 / count

load(rows - 3)
"""


def test_scripts_run_as_notebooks(bench: Bench) -> None:
    """Percent cells with parameters and modules beside them; the output is a notebook, and an error names the script's line."""
    project, _ = prepared(bench)
    (project / "notebooks/load.py").write_text(SCRIPT)
    (project / "notebooks/plain.py").write_text("import helper\n\nprint(helper.VALUE)\n\nprint('end')\n")
    good = runs.submit(bench, Request(PROJECT, "notebooks/load.py", parameters={"rows": 5}))
    bad = runs.submit(bench, Request(PROJECT, "notebooks/load.py", parameters={"rows": 3}))
    plain = runs.submit(bench, Request(PROJECT, "notebooks/plain.py", code=code("frozen")))
    start(bench)
    run = ended(bench, good)
    assert run.state is RunState.SUCCEEDED, (run.reason, run.failure)
    assert said(bench, run) == "edited 5\n"
    assert said(bench, ended(bench, plain)) == "edited\nend\n"
    failed = ended(bench, bad)
    assert failed.reason == "ZeroDivisionError: division by zero (cell 4, notebooks/load.py line 8)"
    assert failed.failure
    assert "notebooks/load.py, line 10" in failed.failure.traceback


@pytest.mark.docker
@pytest.mark.timeout(600)
def test_a_container_sees_the_commit_in_the_projects_place(contained_lab: Bench) -> None:
    """At the project's own path, read-only, with `data` and `runs` that are the project's."""
    project, path = prepared(contained_lab)
    start(contained_lab)
    run = ended(contained_lab, runs.submit(contained_lab, Request(PROJECT, path, code=code("v1"))))
    assert run.state is RunState.SUCCEEDED, (run.reason, run.failure)
    assert said(contained_lab, run).split() == ["committed", "input", str(project), "wrote", "False", "True"]
    assert (project / "data/out.txt").read_text() == "committed"
    assert not (project / "notebooks/beside.txt").exists()
