"""Parity with papermill in containers, Python and R: its command line with the same image's kernel against our runs."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import stat
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from containers import built, declare, endpoint, make_home
from docker import APIClient
from parity import NAMES, NOTEBOOKS, by_command, compare, parameters_of
from waiting import until
from world import PROJECT, end, ended, events_of

from workbench.model.environment import Revision
from workbench.model.run import Request, RunState
from workbench.paths import shipped
from workbench.services import projects, runs, warmth
from workbench.services.bench import Bench

pytestmark = [pytest.mark.docker, pytest.mark.timeout(900)]
SPREAD = "engine: docker\npython: {packages: [ipykernel, ipywidgets, matplotlib, pandas]}\nides: []\n"
THEIRS = "io.workbench.test.papermill"
LONG = "many_cells"  # whose two hundred cells are compared over local processes each time
OZONE = shipped("projects") / "weather" / "notebooks" / "ozone.ipynb"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """A home with what the spread imports, and with R."""
    opened = make_home(tmp_path_factory.mktemp("parity") / "home")
    declare(opened, "spread", SPREAD)
    yield opened
    end(opened)
    opened.close()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, engine: APIClient) -> Iterator[Path]:
    """Where papermill's own runs are; its kernels' containers are removed with it."""
    folder = tmp_path_factory.mktemp("papermill")
    yield folder
    for left in engine.containers(all=True, filters={"label": f"{THEIRS}={folder}"}):
        engine.remove_container(left["Id"], force=True)


def kernel_for_papermill(folder: Path, revision: Revision, language: str) -> Path:
    """A folder with a specification of the image's own kernel, started by the docker command on the host's loopback."""
    (kernel,) = (one for one in revision.kernels if one.language == language)
    jupyter = folder / f"jupyter-{language}"
    spec = jupyter / "kernels" / kernel.name
    spec.mkdir(parents=True, exist_ok=True)
    argv = " ".join('"$1"' if word == "{connection_file}" else shlex.quote(word) for word in kernel.argv)
    script = spec / "start"
    script.write_text(
        f"""#!/bin/sh
runtime=$(dirname "$1")
exec docker -H {endpoint()} run --rm --init --network host --label {THEIRS}={folder} \\
    --user {os.getuid()}:{os.getgid()} -e HOME=/tmp -v "$runtime:$runtime" -v "$PWD:$PWD" -w "$PWD" \\
    {revision.digest} {argv}
"""
    )
    script.chmod(script.stat().st_mode | stat.S_IXUSR)
    facts = {"argv": [str(script), "{connection_file}"], "display_name": "x", "language": kernel.language}
    (spec / "kernel.json").write_text(json.dumps(facts))
    return jupyter


def asked(bench: Bench, notebook: Path, environment: str) -> int:
    """Queue a run of a copy of `notebook` in a folder of its own, as papermill's has one."""
    place = projects.get(bench, PROJECT).path / notebook.stem
    place.mkdir()
    shutil.copy(notebook, place)
    path = f"{place.name}/{notebook.name}"
    return runs.submit(
        bench,
        Request(
            PROJECT,
            path,
            parameters=parameters_of(notebook.stem),
            environment=environment,
            allow_unknown_parameters=True,
        ),
    )


def output(bench: Bench, run: int) -> dict[str, Any]:
    """The output notebook of a run that has to succeed."""
    over = ended(bench, run, seconds=120)
    assert over.state is RunState.SUCCEEDED, over.reason
    path = runs.artifacts(bench, run).notebook
    assert path
    written: dict[str, Any] = json.loads(path.read_text())
    return written


@pytest.fixture(scope="module")
def both(home: Bench, folder: Path) -> dict[str, tuple[int, Future[dict[str, Any]]]]:
    """For each notebook of the spread our run, queued, and what papermill writes meanwhile."""
    jupyter = kernel_for_papermill(folder, built(home, "spread"), "python")
    pool = ThreadPoolExecutor(1)
    found = {}
    for name in (name for name in NAMES if name != LONG):
        path = NOTEBOOKS / f"{name}.ipynb"
        theirs = pool.submit(by_command, path, folder / "theirs" / name, jupyter)
        found[name] = (asked(home, path, "spread"), theirs)
    pool.shutdown(wait=False)
    return found


@pytest.mark.parametrize("name", [name for name in NAMES if name != LONG])
def test_same_output_as_papermill(name: str, home: Bench, both: dict[str, tuple[int, Future[dict[str, Any]]]]) -> None:
    """In a container too, sources, outputs, metadata and the injected cell equal what papermill's command line writes."""
    run, theirs = both[name]
    compare(name, output(home, run), theirs.result())


@pytest.mark.soak
def test_a_preloaded_kernel_draws_as_papermills_does(
    home: Bench, both: dict[str, tuple[int, Future[dict[str, Any]]]]
) -> None:
    """A container in which pandas and matplotlib were imported before there was a kernel: plots are inline, and all is as
    papermill writes it."""
    run, theirs = both["plots"]
    for number, _ in both.values():  # which would take the kernel that waits
        ended(home, number, seconds=120)
    declare(home, "spread", f"{SPREAD}kernel: {{preload: [pandas, matplotlib.pyplot]}}\n")
    settings = home.home.settings_file
    settings.write_text(settings.read_text().replace("warm_kernels: 0", "warm_kernels: 1"))
    try:
        assert ended(home, runs.again(home, run), seconds=120).ended_well
        until(lambda: [one for one in warmth.kernels(home) if one.memory], "a kernel that waits", seconds=60)
        number = runs.again(home, run)
        compare("plots", output(home, number), theirs.result())
        assert [event["warm"] for event in events_of(home, number) if event["kind"] == "kernel"] == [True]
    finally:
        settings.write_text(settings.read_text().replace("warm_kernels: 1", "warm_kernels: 0"))


@pytest.mark.soak
def test_two_hundred_cells_as_papermill(home: Bench, folder: Path) -> None:
    """The same of a notebook with many cells."""
    jupyter = kernel_for_papermill(folder, built(home, "spread"), "python")
    run = asked(home, NOTEBOOKS / f"{LONG}.ipynb", "spread")
    theirs = by_command(NOTEBOOKS / f"{LONG}.ipynb", folder / "theirs" / LONG, jupyter)
    compare(LONG, output(home, run), theirs)


def test_the_r_notebook_as_papermill_writes_it(home: Bench, folder: Path) -> None:
    """The example's R notebook, tables and plots in it, equals what papermill writes with the same image's kernel."""
    jupyter = kernel_for_papermill(folder, built(home, "r"), "R")
    run = asked(home, OZONE, "r")
    theirs = by_command(OZONE, folder / "theirs" / "ozone", jupyter)
    ours = output(home, run)
    compare("ozone", ours, theirs)
    kinds = {kind for cell in ours["cells"] for shown in cell.get("outputs", ()) for kind in shown.get("data", {})}
    assert {"image/png", "text/html"} <= kinds
