"""The engine is away at a due time: the run waits and says so, and goes on when it is back."""

from __future__ import annotations

import contextlib
import os
import socket
import threading
from pathlib import Path

import pytest
import world
from waiting import until

from workbench.model.environment import EngineName
from workbench.model.run import RunState
from workbench.services import environments, runs
from workbench.services.bench import Bench
from workbench.services.supervision import control
from workbench.store import environments as rows

DOCKER = os.environ.get("WORKBENCH_TEST_DOCKER") or os.environ.get("DOCKER_HOST") or "unix:///var/run/docker.sock"


class Relay:
    """A unix socket that leads to Docker's: while it is not there, Docker is not there."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(path))
        self.listener.listen(64)
        self.open: list[socket.socket] = []
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self) -> None:
        """Pass on every connection."""
        while True:
            try:
                here, _ = self.listener.accept()
            except OSError:
                return
            there = socket.socket(socket.AF_UNIX)
            there.connect(DOCKER.removeprefix("unix://"))
            self.open += [here, there]
            for source, target in ((here, there), (there, here)):
                threading.Thread(target=self.pump, args=(source, target), daemon=True).start()

    def pump(self, source: socket.socket, target: socket.socket) -> None:
        """Bytes from one to the other until one ends."""
        with contextlib.suppress(OSError):
            while block := source.recv(65536):
                target.sendall(block)
        for end in (source, target):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Take it away."""
        self.path.unlink(missing_ok=True)
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        for end in (self.listener, *self.open):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()


@pytest.mark.docker
@pytest.mark.skipif(not DOCKER.startswith("unix://"), reason="the relay leads to a unix socket")
def test_a_run_waits_for_its_engine_and_goes_on(bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Down: `waiting` with the reason, never another engine. Back: noticed, and the run goes on to its environment."""
    path = Path(f"/tmp/wb-relay-{os.getpid()}.sock")
    monkeypatch.setenv("DOCKER_HOST", f"unix://{path}")
    (bench.home.environments / "bare.yaml").write_text("image: 127.0.0.1:1/no/such-image:1\nides: []\n")
    with bench.store.write() as connection:
        rows.choose_engine(connection, "bare", EngineName.DOCKER, "test", at=bench.now(), actor=bench.actor)
    number = world.submit(bench, world.notebook(bench, "one.ipynb", "print(1)"))
    waiting = world.in_state(bench, number, RunState.WAITING)
    assert "docker is down" in waiting.reason
    assert {build.state for build in environments.builds(bench, "bare")} <= {"queued"}
    control.restart(bench)
    assert world.in_state(bench, number, RunState.WAITING).engine == ""
    relay = Relay(path)
    try:
        until(lambda: runs.get(bench, number).state is not RunState.WAITING, "the engine to be noticed", seconds=15)
        # There is no such image anywhere: the build says so, and so does the run. It was docker that was asked.
        run = world.ended(bench, number, seconds=120)
        assert run.state is RunState.FAILED
        assert environments.builds(bench, "bare")[0].engine == EngineName.DOCKER
        with bench.store.read() as connection:
            assert rows.engines(connection)[EngineName.DOCKER].problem == ""
    finally:
        relay.close()


@pytest.mark.docker
def test_a_cancel_while_it_waits(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that waits for its engine can be cancelled at once."""
    monkeypatch.setenv("DOCKER_HOST", "unix:///tmp/wb-there-is-no-docker.sock")
    (bench.home.environments / "bare.yaml").write_text("image: debian:13\nides: []\n")
    with bench.store.write() as connection:
        rows.choose_engine(connection, "bare", EngineName.DOCKER, "test", at=bench.now(), actor=bench.actor)
    number = world.submit(bench, world.notebook(bench, "one.ipynb", "print(1)"))
    world.in_state(bench, number, RunState.WAITING)
    runs.cancel(bench, number)
    assert world.ended(bench, number, seconds=5).state is RunState.CANCELLED
