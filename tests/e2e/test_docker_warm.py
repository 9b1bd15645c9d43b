"""Kernels in containers that are started ahead: after a run and before a due time, shown, and given back."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from containers import built, containers, gone, make_home
from docker import APIClient
from waiting import until
from world import PROJECT, end, ended, events_of, kill_supervisor, notebook, start, submit

from workbench.model.warmth import WarmKernel
from workbench.services import projects, runs, warmth
from workbench.services.bench import Bench
from workbench.services.supervision import control
from workbench.supervisor.due.ahead import LEAD

pytestmark = [pytest.mark.docker, pytest.mark.timeout(300)]
CELLS = ("import os, sys\nprint(os.getcwd(), sorted(os.environ))", "x = 6", "x * 7")


@pytest.fixture(scope="module")
def warm(tmp_path_factory: pytest.TempPathFactory, engine: APIClient) -> Iterator[Bench]:
    """A home whose kernels are started ahead; nothing of them is left when its supervisor has ended."""
    opened = make_home(tmp_path_factory.mktemp("warm") / "home", warm=True)
    (opened.home.environments / "python.yaml").write_text("engine: docker\nextends: python\n")
    built(opened, "python")
    yield opened
    end(opened)
    gone(opened, engine)
    opened.close()


def kept(bench: Bench, project: str = PROJECT) -> WarmKernel:
    """The spare of a project once it is there."""
    return until(
        lambda: next((one for one in warmth.kernels(bench) if one.project == project and one.memory), None), "a spare"
    )


def spares(bench: Bench, engine: APIClient) -> list[dict[str, Any]]:
    """Containers that wait for a run."""
    return [one for one in containers(bench, engine, run="spare") if "-spare-" in one["Name"]]


def was_warm(bench: Bench, run: int) -> bool:
    """Whether a run's kernel had been started ahead."""
    (told,) = [event["warm"] for event in events_of(bench, run) if event["kind"] == "kernel"]
    return bool(told)


def outputs(bench: Bench, run: int) -> list[Any]:
    """What the cells of a run put out."""
    path = runs.artifacts(bench, run).notebook
    assert path
    return [cell["outputs"] for cell in json.loads(path.read_text())["cells"]]


def test_the_run_after_a_run_is_warm_and_the_same(warm: Bench, engine: APIClient) -> None:
    """It takes the container that waits, prints what the first did, and another waits then; people are shown both."""
    path = notebook(warm, "warm.ipynb", *CELLS)
    first = submit(warm, path)
    assert ended(warm, first).ended_well
    assert kept(warm).memory > 10_000_000
    (before,) = spares(warm, engine)
    assert before["Name"].startswith(f"/workbench-{PROJECT}-run-spare-")
    second = submit(warm, path)
    assert ended(warm, second).ended_well
    assert was_warm(warm, second)
    assert outputs(warm, second) == outputs(warm, first)
    (after,) = until(lambda: (now := spares(warm, engine)) and now[0]["Id"] != before["Id"] and now, "another spare")
    assert after["HostConfig"]["NetworkMode"] == before["HostConfig"]["NetworkMode"]


def test_a_killed_supervisor_leaves_nothing_and_a_change_gives_back(
    warm: Bench, engine: APIClient, tmp_path: Path
) -> None:
    """What waited is removed by the next supervisor. Declared otherwise, the run starts anew, and what waited goes."""
    path = notebook(
        warm, "killed.ipynb", "import os\nprint(os.listdir('../data') if os.path.exists('../data') else '')"
    )
    assert ended(warm, submit(warm, path)).ended_well
    kept(warm)
    (left,) = until(lambda: spares(warm, engine), "a spare")
    kill_supervisor(warm)
    assert spares(warm, engine)
    start(warm)
    until(lambda: left["Id"] not in {one["Id"] for one in spares(warm, engine)}, "the spare to be removed")
    assert ended(warm, submit(warm, path)).ended_well
    kept(warm)
    (old,) = until(lambda: spares(warm, engine), "a spare")
    (tmp_path / "fresh").mkdir()
    declared = projects.get(warm, PROJECT).path / "project.yaml"
    declared.write_text(declared.read_text() + f"data: [{tmp_path}/fresh]\n")
    run = submit(warm, path)
    assert ended(warm, run).ended_well
    assert "fresh" in str(outputs(warm, run))
    until(lambda: old["Id"] not in {one["Id"] for one in spares(warm, engine)}, "the old spare to be given back")


def test_one_is_there_before_a_due_time(warm: Bench, engine: APIClient) -> None:
    """A project of which nothing ever ran has a kernel that waits before its schedule is due; off by the setting, none."""
    project = projects.create(warm, "nightly", environment="python")
    source = projects.get(warm, PROJECT).path / notebook(warm, "due.ipynb", "6 * 7")
    (project.path / "notebooks").mkdir(exist_ok=True)
    (project.path / "notebooks" / "due.ipynb").write_text(source.read_text())
    (project.path / "schedules").mkdir(exist_ok=True)
    due = (datetime.now(UTC) + timedelta(seconds=LEAD)).replace(microsecond=0, tzinfo=None)
    text = f"notebook: notebooks/due.ipynb\nonce: '{due:%Y-%m-%d %H:%M:%S}'\ntimezone: UTC\n"
    (project.path / "schedules" / "soon.yaml").write_text(text)
    start(warm)
    assert kept(warm, "nightly").since < due.replace(tzinfo=UTC)  # type: ignore[operator]
    (project.path / "schedules" / "soon.yaml").unlink()
    settings = warm.home.settings_file
    settings.write_text(settings.read_text() + "warm_kernels: 0\n")
    control.wake(warm)
    until(lambda: not spares(warm, engine), "all to be given back", seconds=60)
