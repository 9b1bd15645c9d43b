"""The life of a session in a container: what it takes, memory that runs out inside, idleness."""

from __future__ import annotations

import asyncio
import os
import pty
import subprocess
import sys
from collections.abc import Iterator

import pytest
from browsing import Page
from containers import containers, declare
from docker import APIClient
from session_world import settled
from waiting import until
from world import PROJECT

from workbench.model.session import ENDED, SessionState
from workbench.services import projects, sessions, usage
from workbench.services.bench import Bench

pytestmark = [pytest.mark.docker, pytest.mark.timeout(600)]
S = SessionState
LIMIT = 400 * 1024**2


@pytest.fixture(autouse=True)
def _all_end(lab: Bench) -> Iterator[None]:
    """What a test that failed left up is stopped."""
    yield
    for session in sessions.listing(lab):
        sessions.stop(lab, session.id)
    until(lambda: all(one.state in ENDED for one in sessions.listing(lab)), "their ends", seconds=60)


def in_use(lab: Bench, number: int, words: str) -> None:
    """Wait until it says that it is in use, in these words."""
    try:
        until(lambda: sessions.get(lab, number).busy == words, words, seconds=40)
    except AssertionError:
        pytest.fail(f"{words}: {sessions.get(lab, number)}\n{lab.home.supervisor_log.read_text()[-3000:]}")


def log_of(lab: Bench, number: int) -> str:
    """Its log, as `workbench logs` prints it."""
    done = subprocess.run(
        [sys.executable, "-m", "workbench", "--home", lab.home.root, "logs", f"s{number}"],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_its_life(lab: Bench, engine: APIClient) -> None:
    """It is measured while somebody looks and not otherwise. A kernel killed at the limit is told, and the session goes
    on. In use, it is not stopped and says why; idle, it is stopped and says so. Removed, its log is kept."""
    declare(lab, "small", "extends: python\nlimits: {memory: 400M}\n")
    project = projects.get(lab, PROJECT).path / "project.yaml"
    project.write_text("environment: small\nidle_stop: 4s\n")
    number = sessions.start(lab, PROJECT)
    session = settled(lab, number, S.READY)
    page = Page(session, sessions.secret_url(lab, number).rpartition("token=")[2])
    go = projects.get(lab, PROJECT).path / "go"
    code = f"import os\nwhile not os.path.exists({str(go)!r}): pass\nheld = []\nwhile True: held.append(bytearray(20_000_000))"
    kernel = asyncio.run(page.leave_running(code))
    assert not lab.home.usage_file(number).exists()

    def computing() -> usage.Usage | None:
        (seen,) = usage.measured(lab, [sessions.get(lab, number)])
        taken = seen.usage
        return taken if taken and (taken.cpu or 0) > 0.02 else None  # the machine may be busy

    taken = until(computing, "its processor time", seconds=40)
    assert taken.memory_limit == LIMIT
    assert 0 < (taken.memory or 0) < LIMIT
    assert (taken.processes or 0) >= 3
    assert taken.disk is not None
    assert taken.disk_free
    in_use(lab, number, "a kernel is busy")

    go.touch()
    told = until(lambda: (now := sessions.get(lab, number)).reason and now, "a word of it", seconds=60)
    assert told.reason.startswith("out of memory inside: a process was killed at the limit of 400 MB, at "), told.reason
    assert told.oom_kills >= 1
    # Jupyter starts it anew and may go on to call it busy until it is used again.
    assert page.ask(f"/api/kernels/{kernel}", "DELETE")[0] == 204
    ours, theirs = pty.openpty()
    shell = subprocess.Popen(sessions.shell(lab, number), stdin=theirs, stdout=theirs, stderr=theirs)
    os.close(theirs)
    in_use(lab, number, "a shell is open in it")
    os.write(ours, b"exit\n")
    shell.wait(30)
    os.close(ours)
    stopped = settled(lab, number, S.STOPPED)
    assert stopped.reason == "idle for 4s"
    assert containers(lab, engine, session=str(number)) == []
    sessions.remove(lab, number)
    assert "Jupyter Server" in log_of(lab, number)
