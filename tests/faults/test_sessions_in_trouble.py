"""A full disk, an engine that is away, a machine that was restarted: sessions and builds show what is so within 30 s, and
work again, without a restart of ours, once the cause is gone."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import world
from containers import built, engine, gone, make_home
from docker import APIClient
from engines.relay import Relay
from images.own_engine import Daemon, daemon
from waiting import until
from world import PROJECT, bench, kernel_python, lab_python

from workbench.engines.docker.endpoint import find_endpoint
from workbench.errors import StoreError
from workbench.model.build import BuildState
from workbench.model.session import ENDED, Session, SessionState
from workbench.services import environments, projects, sessions
from workbench.services.bench import Bench, open_bench
from workbench.services.overview import overview
from workbench.services.supervision import control

__all__ = ["bench", "daemon", "engine", "kernel_python", "lab_python"]
S = SessionState
SOON = 30.0  # seconds in which what is so has to be shown


def shown(bench: Bench, number: int, state: SessionState, words: str = "", *, seconds: float = SOON) -> Session:
    """The session once it is shown in `state`, for a reason with these words."""

    def look() -> Session | None:
        now = sessions.get(bench, number)
        return now if now.state is state and words in now.reason else None

    try:
        return until(look, f"session {number} to be {state}", seconds=seconds)
    except AssertionError as error:
        now = sessions.get(bench, number)
        raise AssertionError(f"{error}: it is {now.state}, {now.reason!r}") from None


def stop_all(bench: Bench) -> None:
    """End what is up."""
    for session in sessions.listing(bench):
        if session.state not in ENDED:
            sessions.stop(bench, session.id)
            shown(bench, session.id, S.STOPPED, seconds=60)


@pytest.fixture
def small_disk(tmp_path: Path, lab_python: Path) -> Iterator[Bench]:
    """A home whose state is on a small disk of its own; a project with JupyterLab."""
    state = tmp_path / "home" / ".workbench"
    state.mkdir(parents=True, mode=0o700)
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=400m,mode=0700", "tmpfs", state], capture_output=True)
    if mounted.returncode:
        pytest.skip("this account may not mount a disk")
    opened = open_bench(tmp_path / "home")
    (opened.home.environments / "bare.yaml").write_text(f"engine: process\nuse: {lab_python}\nides: [jupyter]\n")
    projects.create(opened, PROJECT, environment="bare")
    yield opened
    world.end(opened)
    opened.close()
    subprocess.run(["umount", "-l", state], check=True)


def fill(folder: Path) -> Path:
    """Take all the room there is."""
    path = folder / "filler"
    with path.open("ab", buffering=0) as file:
        for size in (1_000_000, 10_000, 100):
            try:
                while True:
                    file.write(b"x" * size)
            except OSError:
                continue
    return path


def test_a_full_disk(small_disk: Bench) -> None:
    """What ends is told although the disk is full; then nothing more is begun, and that is said; with room again it is."""
    lab = small_disk
    number = sessions.start(lab, PROJECT)
    session = shown(lab, number, S.READY, seconds=60)
    assert (lab.home.state / "reserve").exists()
    filler = fill(lab.home.state)
    world.server(session.port).kill()
    shown(lab, number, S.FAILED, "kill")
    fill(lab.home.state)
    with pytest.raises(StoreError, match="disk is full"):
        sessions.start(lab, PROJECT)
    assert any("is full" in need.text for need in overview(lab).needs)
    filler.unlink()
    sessions.start(lab, PROJECT)
    assert shown(lab, number, S.READY, seconds=60).port == session.port
    assert not any("is full" in need.text for need in overview(lab).needs)
    stop_all(lab)


@pytest.mark.soak
def test_a_restart_of_the_machine(bench: Bench, lab_python: Path) -> None:
    """With `restart: boot` a session that was up comes up again at its address; without, it has stopped, and why is said."""
    (bench.home.environments / "bare.yaml").write_text(f"engine: process\nuse: {lab_python}\nides: [jupyter]\n")
    project = projects.get(bench, PROJECT).path / "project.yaml"
    declared = project.read_text()
    project.write_text(f"{declared}restart: boot\n")
    number = sessions.start(bench, PROJECT)
    first = shown(bench, number, S.READY, seconds=60)

    def boot() -> None:
        """As after a power cut: another boot, and no process of before."""
        world.kill_supervisor(bench)
        with bench.store.write() as connection:
            connection.execute("UPDATE sessions SET boot = 'of another day'")
        world.server(sessions.get(bench, number).port).kill()
        until(lambda: not world.processes(bench, "keeper"), "the keeper to be gone")
        world.start(bench)

    old = world.server(first.port).pid
    boot()
    until(lambda: sessions.get(bench, number).boot == control.boot_id(), "its new start", seconds=SOON)
    again = shown(bench, number, S.READY, seconds=60)
    assert (again.port, again.desired) == (first.port, "up")
    assert world.server(again.port).pid != old
    project.write_text(declared)
    boot()
    ended = shown(bench, number, S.STOPPED, "the machine was restarted")
    assert "restart: boot" in ended.hint
    assert ended.desired == "down"


@pytest.mark.soak
@pytest.mark.docker
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_docker_restarted(daemon: Daemon, tmp_path: Path, engine: APIClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """dockerd stopped, and dockerd killed, each with a session: that it is down is said; once it is back, what became of
    the session is told within 30 s; and it comes up again at its address, with the same supervisor."""
    daemon.carry(engine, tmp_path / "source")
    monkeypatch.setenv("DOCKER_HOST", f"unix://{daemon.socket}")
    to = daemon.client()
    lab = make_home(tmp_path / "home")
    try:
        built(lab, "python")
        number = sessions.start(lab, PROJECT)
        pid = control.status(lab).pid
        for how in (signal.SIGTERM, signal.SIGKILL):
            first = shown(lab, number, S.READY, seconds=90)
            daemon.end(how)
            shown(lab, number, S.READY, "docker is down")
            daemon.start()
            told = until(
                lambda: (one := sessions.get(lab, number)).reason[:14] != "docker is down" and one, "news", seconds=SOON
            )
            if told.state is not S.READY:  # a killed dockerd may find its container alive
                assert told.state in (S.STOPPED, S.FAILED)
                assert told.reason
                sessions.start(lab, PROJECT)
            assert shown(lab, number, S.READY, seconds=90).port == first.port
        assert control.status(lab).pid == pid
        stop_all(lab)
    finally:
        world.end(lab)
        gone(lab, to)
        to.close()
        lab.close()


@pytest.mark.docker
@pytest.mark.timeout(600)
def test_an_engine_that_is_away(tmp_path: Path, engine: APIClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sessions say that their engine is down; what is asked for meanwhile waits and says so. When it is back, what lives
    is ready again, what ended meanwhile is told, and what waited goes on."""
    target = find_endpoint().socket
    assert target
    with Relay(Path(f"/tmp/wb-relay-{os.getpid()}.sock"), target) as relay:
        monkeypatch.setenv("DOCKER_HOST", f"unix://{relay.path}")
        lab = make_home(tmp_path / "home")
        try:
            built(lab, "python")
            lives, ends = (sessions.start(lab, PROJECT, name=name) for name in ("lives", "ends"))
            for number in (lives, ends):
                shown(lab, number, S.READY, seconds=90)
            relay.cut()
            for number in (lives, ends):
                shown(lab, number, S.READY, "docker is down")
            late = sessions.start(lab, PROJECT, name="late")
            build = environments.build(lab, "python", force=True)
            assert build
            shown(lab, late, S.QUEUED, "docker is down")
            until(lambda: "docker is down" in environments.get_build(lab, build).reason, "its reason", seconds=SOON)
            assert environments.get_build(lab, build).state is BuildState.QUEUED
            environments.cancel_build(lab, build)
            engine.stop(sessions.get(lab, ends).handle, timeout=60)
            relay.mend()
            until(lambda: sessions.get(lab, lives).reason == "", "to be known again", seconds=SOON)
            assert sessions.get(lab, lives).state is S.READY
            shown(lab, ends, S.STOPPED, "outside of workbench")
            shown(lab, late, S.READY, seconds=90)
        finally:
            relay.cut()
            relay.mend()
            for session in sessions.listing(lab):
                sessions.stop(lab, session.id)
            until(lambda: all(one.state in ENDED for one in sessions.listing(lab)), "their ends", seconds=60)
            world.end(lab)
            gone(lab, engine)
            lab.close()
