"""Code in a container against the account whose project it can write in: it gains nothing outside of its container."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
from world import ended

from workbench.errors import Refused
from workbench.model.project import Project
from workbench.model.run import Request, Run, RunState
from workbench.services import environments, foresight, projects, runs
from workbench.services.bench import Bench
from workbench.services.declared import catalogue

pytestmark = [pytest.mark.docker, pytest.mark.timeout(600)]
NAME = "loose"
WHERE = "import os\nprint('inside', os.path.exists('/.dockerenv'))"


@pytest.fixture(scope="module")
def loose(lab: Bench) -> Project:
    """A project that names no environment: it is in the home's default one, which is built on Docker."""
    return projects.create(lab, NAME)


@pytest.fixture
def elsewhere(tmp_path: Path) -> Iterator[Path]:
    """A folder of the person outside of the project, with what nobody may read or change from inside."""
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    (folder / "keys").write_text("private")
    yield folder
    assert {path.name for path in folder.iterdir()} == {"keys"}
    assert (folder / "keys").read_text() == "private"


def run(bench: Bench, project: Project, name: str, *cells: str, **asked: Any) -> Run:
    """Run a notebook of these cells in the project; how it ended."""
    made = nbformat.v4.new_notebook(
        metadata={"kernelspec": {"name": "python3", "display_name": "", "language": "python"}}
    )
    made.cells += [nbformat.v4.new_code_cell(cell) for cell in cells]
    nbformat.write(made, project.path / name)
    return ended(bench, runs.submit(bench, Request(project.name, name, **asked)), seconds=120)


def shell(bench: Bench, *words: str) -> str:
    """What the command prints."""
    argv = [sys.executable, "-m", "workbench", "--home", bench.home.root, *words]
    return subprocess.run(argv, capture_output=True, text=True, check=True).stdout


def output(bench: Bench, done: Run) -> str:
    """What its notebook holds in the end."""
    found = runs.artifacts(bench, done.id).notebook
    assert found
    return found.read_text()


def test_code_in_a_container_does_not_choose_where_it_runs_next(lab: Bench, loose: Project) -> None:
    """It makes declarations of every kind where there were none: the next run is in the same environment, in a container,
    and what was made is told; by the person's word in project.yaml it counts."""
    makes = (
        "import os, pathlib\n"
        "pathlib.Path('environment.yaml').write_text('engine: process\\nuse: /usr/bin/python3\\nsecrets: [TOKEN]\\n')\n"
        "pathlib.Path('requirements.txt').write_text('six\\n')\n"
        "os.mkdir('binder'); pathlib.Path('binder/requirements.txt').write_text('six\\n')\n"
        "try: pathlib.Path('project.yaml').write_text('environment: ./environment.yaml')\n"
        "except OSError: print('refused')\n"
    )
    first = run(lab, loose, "first.ipynb", makes)
    assert first.ended_well, first.reason
    assert "refused" in output(lab, first)
    assert (loose.path / "environment.yaml").exists()
    assert environments.for_project(lab, loose).name == "python"
    assert f"{NAME}/environment.yaml" not in {spec.name for spec in environments.specs(lab)}
    told = [one for one in foresight.problems(lab) if "is not used" in one.message]
    assert [one.path.name for one in told] == ["environment.yaml"]
    assert "environment: ./environment.yaml" in told[0].hint
    shown = json.loads(shell(lab, "projects", "show", NAME, "--json"))
    assert (shown["uses"], shown["problem"]) == ("python", "")
    assert "environment.yaml: is not used" in shown["notice"]
    second = run(lab, loose, "second.ipynb", WHERE)
    assert second.ended_well, second.reason
    assert (second.environment, second.engine) == ("python", "docker")
    assert "inside True" in output(lab, second)
    (loose.path / "project.yaml").write_text("environment: ./requirements.txt\n")
    assert environments.for_project(lab, projects.get(lab, NAME)).name == f"{NAME}/requirements.txt"
    for left in ("project.yaml", "environment.yaml", "requirements.txt"):
        (loose.path / left).unlink()
    shutil.rmtree(loose.path / "binder")
    assert catalogue.name_for(lab, projects.get(lab, NAME)) == "python"


def test_a_link_for_the_folder_of_runs(lab: Bench, loose: Project, elsewhere: Path) -> None:
    """`runs` made a link by a cell: nothing is written behind it, the run says why, and its output is kept."""
    swap = f"import os, shutil\nshutil.rmtree('runs', ignore_errors=True)\nos.symlink({str(elsewhere)!r}, 'runs')"
    done = run(lab, loose, "swap.ipynb", swap, "print('to the end')")
    os.unlink(loose.path / "runs")
    assert done.state is RunState.FAILED
    assert "could not be published: runs is a link" in done.reason
    assert "to the end" in output(lab, done)


def test_links_laid_while_a_run_is_published(lab: Bench, loose: Project, elsewhere: Path) -> None:
    """A process that stays in the container and puts links wherever a folder of a run appears changes no file outside."""
    race = f"""\
import os, subprocess, sys
code = '''
import os, shutil
runs, away = "runs", {str(elsewhere)!r}
os.makedirs(runs, exist_ok=True)
seen = set()
while True:
    for name in os.listdir(runs):
        if name in seen or name in ("latest", ".gitignore"):
            continue
        seen.add(name)
        for file in ("output.ipynb", "log.txt", "record.json"):
            try: os.symlink(away + "/keys", runs + "/" + name + "/" + file)
            except OSError: pass
'''
subprocess.Popen([sys.executable, "-c", code], start_new_session=True)
import time; time.sleep(0.5)"""
    done = run(lab, loose, "race.ipynb", race)
    assert done.state in (RunState.SUCCEEDED, RunState.FAILED)
    if done.state is RunState.FAILED:
        assert "could not be published" in done.reason
    shutil.rmtree(loose.path / "runs")


def test_links_for_data_and_notebooks(lab: Bench, loose: Project, elsewhere: Path, tmp_path: Path) -> None:
    """`data` and the folder of a notebook made links by a cell: the next run makes and reads nothing behind them."""
    shown = tmp_path / "sales"
    shown.mkdir()
    (elsewhere / "other.ipynb").write_text(nbformat.writes(nbformat.v4.new_notebook()))
    swap = (
        "import os, shutil\n"
        "shutil.rmtree('data', ignore_errors=True)\n"
        f"os.symlink({str(elsewhere)!r}, 'data')\n"
        f"os.symlink({str(elsewhere)!r}, 'notes')\n"
        f"os.symlink({str(elsewhere / 'other.ipynb')!r}, 'mine.ipynb')"
    )
    run(lab, loose, "links.ipynb", swap)
    for name in ("notes/other.ipynb", "mine.ipynb"):
        with pytest.raises(Refused, match="outside of"):
            runs.submit(lab, Request(NAME, name))
    (elsewhere / "other.ipynb").unlink()
    (loose.path / "project.yaml").write_text(f"data: [{{path: {shown}, as: sales}}]\n")
    done = run(lab, loose, "links.ipynb", "1")
    assert done.state is RunState.FAILED
    assert "data is a link" in done.reason
    for link in ("data", "notes", "mine.ipynb"):
        (loose.path / link).unlink()
