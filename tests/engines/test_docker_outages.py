"""An engine that goes away for a while, as at its restart: what lives on is neither lost nor taken for dead."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from threading import Event

import pytest
from engines.conftest import DOCKER_SETTINGS, Bench
from engines.relay import Relay
from waiting import until

from workbench.engines.docker.connection import Connection
from workbench.engines.docker.endpoint import Endpoint, find_endpoint
from workbench.engines.docker.engine import DockerEngine
from workbench.engines.docker.greeting import greet
from workbench.errors import EngineDown

pytestmark = [
    pytest.mark.docker,
    # docker-py forgets to close a socket whose connection is refused; the outage may come just then.
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


@pytest.fixture
def relay(tmp_path: Path) -> Iterator[Relay]:
    """A relay in front of the engine of this machine."""
    target = find_endpoint().socket
    assert target is not None
    with Relay(tmp_path / "s", target) as made:
        yield made


@pytest.fixture
def far(docker_bench: Bench, relay: Relay) -> Bench:
    """The docker bench, its engine reached through the relay."""
    engine = DockerEngine(docker_bench.home, DOCKER_SETTINGS, endpoint=Endpoint(f"unix://{relay.path}", "a relay"))
    return replace(docker_bench, engine=engine, sessions=[], hosts=[])


def test_a_kernel_outlives_an_outage(far: Bench, relay: Relay) -> None:
    """It counts as alive while nobody can know, and its end is learnt once the engine answers again."""
    space = far.workspace()
    host = far.host(space)
    code = "import os, sys, time\nwhile not os.path.exists('go'): time.sleep(0.02)\nsys.exit(9)"
    host.launch(far.script(code), host.folder / "kernel.json", {})
    relay.cut()
    assert "no engine answers" in far.engine.facts().problem
    with pytest.raises(EngineDown):
        far.engine.sessions(far.home.id)
    (space.cwd / "go").touch()
    assert host.wait(1.0) is None
    relay.mend()
    assert not far.engine.facts().problem
    end = host.wait(20)
    assert end is not None
    assert end.code == 9
    far.tidy()


def test_an_engine_that_answered_is_kept(relay: Relay, monkeypatch: pytest.MonkeyPatch) -> None:
    """An outage is waited for: no other engine that could be found takes its place, for it has none of the containers."""
    monkeypatch.setenv("DOCKER_HOST", f"unix://{relay.path}")
    connection = Connection()
    assert not connection.facts().problem
    relay.cut()
    monkeypatch.setenv("DOCKER_HOST", f"unix://{relay.target}")
    assert "no engine answers" in connection.facts().problem
    assert connection.facts().endpoint == f"unix://{relay.path}"


def test_a_greeting_says_what_the_library_says(relay: Relay) -> None:
    """What is asked without the library is answered as with it: what the engine is, and why nothing answers."""
    at = Endpoint(f"unix://{relay.path}", "a test")
    greeted = greet(at)
    assert greeted == Connection(at).facts()
    assert greeted is not None
    assert greeted.known
    relay.cut()
    down = greet(at)
    assert down == Connection(at).facts()
    assert down is not None
    assert "no engine answers" in down.problem
    assert greet(Endpoint("tcp://127.0.0.1:1", "a test")) is None


def test_a_log_goes_on_after_an_outage(far: Bench, relay: Relay) -> None:
    """The end of a stream is not the end of the session: copying goes on, and no line is lost or doubled."""
    request = far.request()
    handle = far.create(request)
    far.engine.start_session(handle)
    log = request.folder / "session.log"
    copying = threading.Thread(target=far.engine.copy_log, args=(handle, Event()))
    copying.start()
    until(lambda: log.exists() and log.read_text(), "the log's first lines")
    relay.cut()
    relay.mend()
    until(lambda: "Serving notebooks" in log.read_text(), "later lines")
    far.engine.stop_session(handle, grace=10)
    until(lambda: not copying.is_alive(), "the end of the copy")
    lines = log.read_text().splitlines()
    assert len([line for line in lines if "Serving notebooks" in line]) == 1
    assert len([line for line in lines if "jupyterlab | extension was successfully linked" in line]) == 1
    far.tidy()
