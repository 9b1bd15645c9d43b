"""Attempts of runs for tests: a real environment, a frozen notebook, a job, and what its runner left."""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from waiting import until

from workbench.engines import registry
from workbench.engines.base import Person, Workspace
from workbench.engines.process import zygotes
from workbench.engines.process.zygotes import Zygote
from workbench.execution.fence import is_held
from workbench.execution.job import Job, write_job
from workbench.execution.result import Result, read_result
from workbench.model.environment import EngineName, EnvironmentSpec, PythonPart, Revision
from workbench.paths import Home, open_home
from workbench.settings import Settings

PACKAGES = ("ipywidgets", "matplotlib", "pandas")
KERNELSPEC = {"name": "python3", "display_name": "Python 3", "language": "python"}
_numbers = itertools.count(1)
_built: dict[str, Revision] = {}


def plain(factory: pytest.TempPathFactory) -> Revision:
    """A venv of the process engine with ipykernel alone; built once for all tests."""
    return _environment("plain", (), factory)


def science(factory: pytest.TempPathFactory) -> Revision:
    """The same with what the notebooks of the parity tests import."""
    return _environment("science", PACKAGES, factory)


def _environment(name: str, packages: tuple[str, ...], factory: pytest.TempPathFactory) -> Revision:
    if name not in _built:
        home = open_home(factory.mktemp(name))
        engine = registry.open_engine(EngineName.PROCESS, home, Settings())
        spec = EnvironmentSpec(name, python=PythonPart(packages=packages), ides=())
        identity = engine.revision_id(spec)
        _built[name] = engine.build(spec, identity, log=home.build_log(0), progress=lambda _: None, cancelled=Event())
    return _built[name]


def code(source: str, *tags: str) -> dict[str, Any]:
    """A code cell."""
    metadata = {"tags": list(tags)} if tags else {}
    return {
        "cell_type": "code",
        "id": f"c{next(_numbers)}",
        "metadata": metadata,
        "outputs": [],
        "execution_count": None,
        "source": source,
    }


def notebook(*cells: str | dict[str, Any], **metadata: Any) -> dict[str, Any]:
    """A notebook of Python cells; a text is a code cell."""
    return {
        "nbformat": 4,
        "nbformat_minor": 5,
        "metadata": metadata or {"kernelspec": KERNELSPEC},
        "cells": [code(cell) if isinstance(cell, str) else cell for cell in cells],
    }


@dataclass
class Attempt:
    """One attempt that was written and may have been run."""

    folder: Path
    job: Job

    @property
    def ended(self) -> Result | None:
        """Its result, None while it has none."""
        return read_result(self.folder)

    def result(self, seconds: float = 30.0) -> Result:
        """Its result, waited for; then also until its runner is gone."""
        result = until(lambda: self.ended, f"the result of {self.folder}", seconds=seconds)
        until(lambda: not is_held(self.folder), f"the end of the runner of {self.folder}", seconds=seconds)
        return result

    def output(self) -> dict[str, Any]:
        """The output notebook as it is now."""
        found: dict[str, Any] = json.loads((self.folder / "output.ipynb").read_text())
        return found

    def statuses(self) -> list[str]:
        """What papermill's metadata says of the cells, its banner cells left out."""
        cells = [cell["metadata"] for cell in self.output()["cells"]]
        return [cell["papermill"]["status"] for cell in cells if "papermill" in cell]

    def events(self, kind: str = "") -> list[dict[str, Any]]:
        """The lines of its journal, of one kind where that is given."""
        try:
            lines = (self.folder / "events.jsonl").read_text().rstrip("\n").split("\n")
        except FileNotFoundError:
            return []
        return [event for event in map(json.loads, filter(None, lines)) if not kind or event["kind"] == kind]

    def until_cell(self, number: int) -> None:
        """Wait until cell `number` (from 1) was begun."""
        until(lambda: any(event["cell"] == number for event in self.events("cell")), f"cell {number}")

    def until_output(self, text: str) -> None:
        """Wait until a cell printed `text`."""
        until(lambda: any(text in event["text"] for event in self.events("output")), f"output {text!r}")

    def said(self) -> str:
        """All text its cells gave."""
        return "".join(event["text"] for event in self.events("output"))


@dataclass
class Desk:
    """A home with one project in which notebooks are run."""

    home: Home
    revision: Revision
    project: Path
    warm: bool = False
    preload: tuple[str, ...] = ()

    @contextmanager
    def zygote(self, preload: tuple[str, ...] = ()) -> Iterator[Zygote]:
        """Kernels come from a zygote meanwhile, which has loaded `preload`."""
        self.warm, self.preload = True, preload
        wanted = zygotes.first(self.revision, self.space)
        assert wanted
        zygote = Zygote(self.home, wanted)
        try:
            assert not zygote.problems
            yield zygote
        finally:
            zygote.close()
            self.warm, self.preload = False, ()

    @property
    def space(self) -> Workspace:
        """The workspace of its runs. What variables say of the test that goes on is made the same in all of a desk:
        each would have a zygote of its own."""
        os.environ.update(PYTEST_CURRENT_TEST="one of them", XDG_STATE_HOME=str(self.home.root.parent / "xdg"))
        return Workspace(
            self.home.id,
            "p",
            self.project,
            self.project,
            env={"WORKBENCH_HOME": str(self.home.root)},
            person=Person(os.getuid(), os.getgid(), "tester"),
            warm=self.warm,
            preload=self.preload,
        )

    def write(self, content: dict[str, Any] | bytes, **changes: Any) -> Attempt:
        """Freeze a notebook and write its job."""
        run = next(_numbers)
        folder = self.home.attempt_folder(run, 1)
        folder.mkdir(parents=True)
        frozen = self.home.run_folder(run) / "input.ipynb"
        frozen.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
        job = Job(
            run=run,
            attempt=1,
            token=f"token-{run}",
            name="t",
            notebook="t.ipynb",
            input=frozen,
            workspace=self.space,
            revision=self.revision,
            engine=EngineName.PROCESS,
            engine_options=registry.options(self.home, Settings()),
            published=self.project / "runs" / f"2026-01-02T0304-t-{run}",
        )
        job = replace(job, **changes)
        write_job(folder, job)
        return Attempt(folder, job)

    def start(self, content: dict[str, Any] | bytes, **changes: Any) -> tuple[Attempt, subprocess.Popen[bytes]]:
        """Start a runner of its own process, without a nursery."""
        attempt = self.write(content, **changes)
        return attempt, runner(attempt.folder)

    def run(self, content: dict[str, Any] | bytes, *, seconds: float = 60.0, **changes: Any) -> tuple[Attempt, Result]:
        """Run to the end."""
        attempt, process = self.start(content, **changes)
        result = finished(attempt, process, seconds)
        return attempt, result


def runner(folder: Path) -> subprocess.Popen[bytes]:
    """A runner process for an attempt's folder."""
    with (folder / "runner.log").open("ab") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "workbench.execution.runner", str(folder)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env=dict(os.environ),  # not what a library has set beside them
            cwd=Path(__file__).parents[1],
            start_new_session=True,
        )


def finished(attempt: Attempt, process: subprocess.Popen[bytes], seconds: float = 60.0) -> Result:
    """Wait until a runner exited; its result."""
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        raise
    result = attempt.ended
    assert result is not None, (attempt.folder / "runner.log").read_text()
    return result


def processes_of(desk: Desk) -> Sequence[str]:
    """Kernels and what they started that still live, by the home in their environment."""
    import psutil

    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get("WORKBENCH_HOME") == str(desk.home.root) and "ipykernel" in " ".join(
                process.cmdline()
            ):
                found.append(f"{process.pid} {process.cmdline()}")
        except psutil.Error:
            continue
    return found


@pytest.fixture
def desk(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Desk:
    """A home and a project of its own for each test, on one environment."""
    project = tmp_path / "home" / "projects" / "p"
    made = Desk(open_home(tmp_path / "home"), plain(tmp_path_factory), project)
    project.mkdir()
    return made
