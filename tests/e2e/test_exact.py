"""A run repeated exactly, end to end: the kernel has the code, notebook and environment of then, and today's data."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from cli_home import Shell
from containers import built, declare, engine, without_kernels
from containers import lab as contained_lab
from docker import APIClient
from repositories import git
from world import PROJECT, bench, ended, kernel_python, notebook

from workbench.errors import Refused
from workbench.model.environment import Revision
from workbench.model.run import Request, Run, RunState
from workbench.services import disk, projects, runs
from workbench.services.bench import Bench
from workbench.services.history import comparison, exact
from workbench.services.supervision import control

__all__ = ["bench", "contained_lab", "engine", "kernel_python"]
LOOKS = """\
import pathlib, sys, helper
print(helper.VALUE, rows, pathlib.Path("../data/in.txt").read_text(), sys.prefix)
"""


def prepared(bench: Bench, declaration: str) -> tuple[Path, str, Revision]:
    """The project as a repository whose module was edited since its commit, in an environment of its own."""
    declare(bench, "own", declaration)
    made = built(bench, "own")
    project = projects.get(bench, PROJECT).path
    path = notebook(bench, "looks.ipynb", LOOKS, parameters="rows = 1")
    (project / "notebooks/helper.py").write_text("VALUE = 'committed'\n")
    for folder in ("data", "runs"):
        (project / folder).mkdir(exist_ok=True)
    (project / "data/in.txt").write_text("before")
    (project / ".gitignore").write_text("data/\nruns/\n")
    git(project, "init", "-q")
    git(project, "add", "--all")
    git(project, "commit", "-qm", "first")
    (project / "notebooks/helper.py").write_text("VALUE = 'edited'\n")
    return project, path, made


def moved_on(bench: Bench, project: Path, declaration: str) -> Revision:
    """Code, notebook, data and environment of another day; what the environment is now."""
    (project / "notebooks/helper.py").write_text("VALUE = 'later'\n")
    notebook(bench, "looks.ipynb", "raise SystemError", parameters="rows = 1")
    git(project, "commit", "-qam", "later")
    (project / "data/in.txt").write_text("after")
    declare(bench, "own", declaration)
    return built(bench, "own")


def said(run: Run) -> list[str]:
    """The words that its cells printed."""
    assert run.state is RunState.SUCCEEDED, (run.reason, run.failure)
    cells = json.loads((Path(run.output) / "output.ipynb").read_text())["cells"]
    return "".join("".join(one.get("text", ())) for cell in cells for one in cell.get("outputs", ())).split()


def record_of(run: Run) -> dict[str, Any]:
    """Its record."""
    return dict(json.loads((Path(run.output) / "record.json").read_text()))


def test_exactly_is_the_code_and_the_environment_of_then(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """By the command: what it printed before it prints again, but for today's data, which is told. A revision that is gone
    when its turn comes ends the run with what to do, and one that is known to be gone is refused at once."""
    monkeypatch.setenv("WORKBENCH_HOME", str(bench.home.root))
    shell = Shell(capsys, bench=bench)
    project, path, old = prepared(bench, "engine: process\npython: {packages: [ipykernel]}\nides: []\n")
    request = Request(PROJECT, path, {"rows": 7}, environment="own", inputs=("data/in.txt",))
    first = ended(bench, runs.submit(bench, request))
    before = said(first)
    assert before[:3] == ["edited", "7", "before"]
    (project / "notebooks/helper.py").write_text("VALUE = 'edited again'\n")
    other = ended(bench, runs.submit(bench, request))
    files = [fact for fact in comparison.compare(bench, other.id, first.id).facts if fact[0].startswith("file ")]
    assert [name for name, *_ in files] == ["file notebooks/helper.py"], "and nothing that the first made of it"
    assert files[0][1] != files[0][2]
    new = moved_on(bench, project, "engine: process\npython: {packages: [ipykernel, six]}\nides: []\n")
    assert new.id != old.id
    answer = shell("runs", "again", str(first.id), "--exactly")
    assert shell.code == 0, (answer, shell.err)
    assert f"not as they were for run {first.id}: data/in.txt" in answer
    run = runs.get(bench, other.id + 1)
    assert said(run) == [*before[:2], "after", before[3]]
    assert run.revision == old.id
    assert record_of(run)["again"] == {"of": first.id, "exactly": True}
    assert record_of(run)["revision"]["id"] == old.id
    facts = shell.json("runs", "show", str(run.id))
    assert (facts["exactly"], facts["record"]["inputs_differ"]) == (str(first.id), ["data/in.txt"])
    assert f"of run {first.id}, exactly, but other inputs: data/in.txt" in shell("runs", "show", str(run.id))
    control.stop(bench)  # it trusts for a minute what it has seen
    folders = [one for one in (bench.home.state / "environments").rglob(old.id) if one.is_dir()]
    assert folders
    for folder in folders:
        shutil.rmtree(folder)
    gone = shell("runs", "again", str(first.id), "--exactly")
    assert shell.code == 3, (gone, shell.err)
    assert f"revision {old.id} of environment own, in which run {first.id} ran, is gone" in gone
    assert f"runs again {first.id}" in gone


@pytest.mark.docker
@pytest.mark.timeout(600)
def test_exactly_is_the_image_of_then(contained_lab: Bench, engine: APIClient) -> None:
    """The revision that is not active any more is the one that the kernel's container is of, and no prune takes it while
    a run waits for it; once it was pruned the run cannot be asked for."""
    base = built(contained_lab, "python")
    ready = f"image: {base.reference}\nides: []\n"
    project, path, old = prepared(contained_lab, f"{ready}env: {{NUMBER: '{contained_lab.home.id} 1'}}\n")
    first = ended(contained_lab, runs.submit(contained_lab, Request(PROJECT, path, {"rows": 7}, environment="own")))
    assert said(first)[:3] == ["edited", "7", "before"]
    new = moved_on(contained_lab, project, f"{ready}env: {{NUMBER: '{contained_lab.home.id} 2'}}\n")
    assert new.id != old.id
    again = ended(contained_lab, exact.again(contained_lab, first.id))
    assert said(again)[:3] == ["edited", "7", "after"]
    assert record_of(again)["revision"]["digest"] == old.digest
    without_kernels(contained_lab, engine)
    freed = disk.free(contained_lab, (old.id,))
    assert [one.revision for one in freed.entries if not one.stays] == [old.id], freed
    with pytest.raises(Refused, match=f"revision {old.id} of environment own was removed"):
        exact.again(contained_lab, first.id)
