"""The engine goes away and comes back: due times wait for it and say so, sessions are shown as they are."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from browsing import Page
from containers import built, containers, endpoint, gone, make_home, without_kernels
from docker import APIClient
from engines.relay import Relay
from ui.staging import SMALL, Stage
from waiting import until
from world import PROJECT, end, ended, ends_of, events_of, in_cell, notebook, states_of, submit

from workbench.execution.fence import is_held
from workbench.model.build import BuildState
from workbench.model.environment import EngineName
from workbench.model.run import Request, Run, RunState
from workbench.model.schedule import DueState
from workbench.model.session import ENDED, Session, SessionState
from workbench.services import environments, projects, runs, schedules, sessions
from workbench.services.bench import Bench
from workbench.store.run_pages import RunFilter
from workbench.ui.app import Workbench

pytestmark = [pytest.mark.docker, pytest.mark.timeout(600)]
S = SessionState


@pytest.fixture
def relay(engine: APIClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Relay]:
    """The engine's address for all that is started in this test: a socket that can be taken away."""
    target = Path(endpoint().removeprefix("unix://"))
    with Relay(tmp_path / "docker.sock", target) as made:
        monkeypatch.setenv("DOCKER_HOST", f"unix://{made.path}")
        yield made


@pytest.fixture
def far(relay: Relay, engine: APIClient, tmp_path: Path) -> Iterator[Bench]:
    """A home whose environment is built on the engine behind the relay."""
    opened = make_home(tmp_path / "home")
    built(opened, "python")
    yield opened
    for session in sessions.listing(opened):
        if session.state not in ENDED:
            sessions.stop(opened, session.id)
    until(lambda: all(one.state in ENDED for one in sessions.listing(opened)), "the sessions' ends", seconds=60)
    end(opened)
    gone(opened, engine)
    opened.close()


def status(bench: Bench) -> dict[str, Any]:
    """What `workbench status --json` answers."""
    done = subprocess.run(
        [sys.executable, "-m", "workbench", "--home", bench.home.root, "status", "--json"],
        capture_output=True,
        text=True,
    )
    found: dict[str, Any] = json.loads(done.stdout)
    return found | {"code": done.returncode}


async def test_a_due_time_waits_for_its_engine(far: Bench, relay: Relay, engine: APIClient) -> None:
    """Down at a due time: the run waits, status and the program say so; back: it runs in its container, exactly once."""
    due = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=4)
    path = notebook(far, "due.ipynb", "import os\nprint('inside', os.path.exists('/.dockerenv'))")
    schedules.add(far, PROJECT, "soon", notebook=path, once=f"{due:%Y-%m-%d %H:%M:%S}", timezone="UTC")
    relay.cut()

    def waiting() -> Run | None:
        found = runs.page(far, RunFilter())
        return found[0] if found and found[0].state is RunState.WAITING else None

    run = until(waiting, "the run to wait", seconds=40)
    assert run.due == due
    assert "docker is down" in run.reason
    assert str(relay.path) in run.reason
    assert run.hint

    seen = status(far)
    assert seen["code"] == 1
    assert [one["id"] for one in seen["pending"]] == [str(run.id)]
    assert any("docker is down" in need["text"] for need in seen["needs"])
    assert "no engine answers" in seen["engines"]["docker"]["problem"]
    app = Workbench(far)
    async with app.run_test(size=SMALL) as pilot:
        stage = Stage(app, pilot, None)  # type: ignore[arg-type] - nothing is seeded
        await stage.see("docker does not answer")
        await stage.press("4")
        await stage.see("waiting", "docker is down")

    # Nothing that this home meant for a container runs on the machine itself meanwhile, as what code in one has made.
    other = projects.create(far, "other")
    (other.path / "requirements.txt").write_text("six\n")
    asked = environments.build(far, "other/requirements.txt")
    assert asked
    until(lambda: "docker is down" in environments.get_build(far, asked).reason, "the build to say why", seconds=20)
    assert environments.get_build(far, asked).state is BuildState.QUEUED
    environments.cancel_build(far, asked)
    until(lambda: environments.get_build(far, asked).state is BuildState.CANCELLED, "its end")
    shutil.copy(projects.get(far, PROJECT).path / path, other.path / "due.ipynb")
    new = runs.submit(far, Request("other", "due.ipynb"))
    late = until(
        lambda: next(
            (one for one in runs.page(far, RunFilter(project="other")) if one.state is RunState.WAITING), None
        ),
        "it",
    )
    assert "`engine: process`" in late.hint
    assert environments.view(far, "other/requirements.txt").engine is None
    runs.cancel(far, new)

    relay.mend()
    over = ended(far, run.id, seconds=40)
    assert over.ended_well, over.reason
    assert over.engine == EngineName.DOCKER
    output = runs.artifacts(far, run.id).notebook
    assert output
    assert "inside True" in output.read_text()
    assert ends_of(far, run.id) == ["succeeded"]
    assert states_of(far, run.id).count("running") == 1
    assert [one.id for one in runs.page(far, RunFilter(project=PROJECT))] == [run.id]
    ledger = schedules.ledger(far, f"{PROJECT}/soon")
    assert [(one.state, one.run) for one in ledger] == [(DueState.FIRED, run.id)]
    until(lambda: not status(far)["engines"]["docker"]["problem"], "the engine to be seen as back", seconds=40)
    without_kernels(far, engine)


def test_sessions_after_the_engine_was_away(far: Bench, relay: Relay, engine: APIClient) -> None:
    """Away, the engine's sessions say that it is down; back, each is as it is: one lives on, one was killed, one is gone."""
    names = ("lives", "killed", "gone")
    numbers = {name: sessions.start(far, PROJECT, name=f"{name}-one") for name in names}

    def is_in(name: str, state: SessionState) -> Session | None:
        now = sessions.get(far, numbers[name])
        return now if now.state is state else None

    for name in names:
        until(lambda name=name: is_in(name, S.READY), f"{name} to be ready", seconds=90)
    before = {name: containers(far, engine, session=str(number))[0]["Id"] for name, number in numbers.items()}
    url = sessions.secret_url(far, numbers["lives"])
    relay.cut()
    engine.kill(before["killed"])
    engine.remove_container(before["gone"], force=True)
    for name in names:
        until(lambda name=name: "docker is down" in sessions.get(far, numbers[name]).reason, "the reason", seconds=40)
    assert {need["key"] for need in status(far)["needs"]} == {f"{name}-one" for name in names}
    relay.mend()
    assert "killed" in until(lambda: is_in("killed", S.FAILED), "the killed one", seconds=30).reason
    assert "removed" in until(lambda: is_in("gone", S.VANISHED), "the one that is gone", seconds=30).reason
    alive = until(lambda: not sessions.get(far, numbers["lives"]).reason and is_in("lives", S.READY), "it", seconds=30)
    assert sessions.secret_url(far, alive.id) == url
    assert Page(alive, url.rpartition("token=")[2]).status() == 200
    assert containers(far, engine, session=str(alive.id))[0]["Id"] == before["lives"]


def test_a_kernel_that_ends_with_its_engine(far: Bench, relay: Relay, engine: APIClient) -> None:
    """Killed while the engine is away, as at its restart: crashed once it is back, with cell, signal and that it was away."""
    run = submit(far, notebook(far, "long.ipynb", "import time", "time.sleep(600)"))
    in_cell(far, run, 2)
    container = containers(far, engine, role="kernel")[0]["Id"]
    relay.cut()
    engine.kill(container)
    relay.mend()
    over = ended(far, run, seconds=20)
    assert over.state is RunState.CRASHED
    assert "killed by SIGKILL in cell 2 `time.sleep(600)`; the engine was away" in over.reason
    assert "live-restore" in over.hint
    without_kernels(far, engine)


def test_a_limit_that_passes_during_an_outage(far: Bench, relay: Relay, engine: APIClient) -> None:
    """A run whose time is over while nobody can end its kernel ends as timed out; the kernel goes once the engine is back."""
    path = notebook(far, "long.ipynb", "import time", "time.sleep(600)")
    run = runs.submit(far, Request(PROJECT, path, timeout=8))
    in_cell(far, run, 2)
    relay.cut()
    over = ended(far, run, seconds=40)
    assert over.state is RunState.TIMED_OUT
    assert over.reason == "took longer than 8s in cell 2 `time.sleep(600)`"
    assert any("could not be told to end" in event.get("text", "") for event in events_of(far, run))
    relay.mend()
    without_kernels(far, engine, seconds=60)


def test_a_run_over_an_outage(far: Bench, relay: Relay, engine: APIClient) -> None:
    """A kernel lives through an outage, and its run ends well meanwhile; what is left is removed when the engine is back."""
    run = submit(far, notebook(far, "long.ipynb", "import time", "time.sleep(4)", "print('to the end')"))
    in_cell(far, run, 2)
    relay.cut()
    over = ended(far, run, seconds=40)
    assert over.ended_well, over.reason
    folder = far.home.attempt_folder(run, 1)
    until(lambda: not is_held(folder), "its runner to end")
    assert len(containers(far, engine, role="kernel")) == 1
    relay.mend()
    without_kernels(far, engine, seconds=60)
    until(lambda: not far.home.kernel_records(f"{run}.1"), "its folder to be removed")
