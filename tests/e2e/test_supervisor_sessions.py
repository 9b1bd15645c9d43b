"""Sessions end to end on the process engine: a real JupyterLab, brought up, found again, and told apart at its end."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
import world
from session_world import settled, taken
from waiting import until
from world import bench, kernel_python, lab_python

from workbench.model.session import ENDED, SessionState
from workbench.services import sessions
from workbench.services.bench import Bench, open_bench
from workbench.services.declared import catalogue
from workbench.services.supervision import control
from workbench.store.events import of

__all__ = ["bench", "kernel_python", "lab_python"]
S = SessionState


@pytest.fixture
def lab(bench: Bench, lab_python: Path) -> Iterator[Bench]:
    """A home whose environment holds JupyterLab; its sessions are stopped at the end."""
    (bench.home.environments / "bare.yaml").write_text(f"engine: process\nuse: {lab_python}\nides: [jupyter]\n")
    yield bench
    for session in sessions.listing(bench):
        if session.state not in ENDED:
            sessions.stop(bench, session.id)
            settled(bench, session.id, S.STOPPED)


def status(port: int, path: str = "/api/status", **headers: str) -> int:
    """What the session answers."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", path, headers=headers)
        return connection.getresponse().status
    finally:
        connection.close()


def token_of(bench: Bench, session: int) -> str:
    """Its secret."""
    return (bench.home.session_folder(session) / "token").read_text()


def test_a_session_from_start_to_stop(lab: Bench) -> None:
    """Ready means: 200 with its secret, refused without and under another name; kill -9 of the supervisor changes nothing."""
    number = sessions.start(lab, world.PROJECT)
    session = settled(lab, number, S.READY)
    token, port = token_of(lab, number), session.port
    assert status(port, Authorization=f"token {token}") == 200
    assert status(port) != 200
    assert status(port, Authorization=f"token {token}", Host="evil.example") in (400, 403)

    file = lab.home.session_folder(number) / "token"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert token == token.strip()
    assert len(token) >= 32
    process = world.server(port)
    assert token not in " ".join(process.cmdline())
    assert token not in str(process.environ())
    assert token not in (lab.home.session_folder(number) / "session.log").read_text()
    assert token.encode() not in lab.home.database.read_bytes()
    assert token not in lab.home.supervisor_log.read_text()

    world.kill_supervisor(lab)
    assert status(port, Authorization=f"token {token}") == 200
    address = sessions.secret_url(lab, number)
    world.start(lab)
    until(lambda: "begins" in control.log_tail(lab.home), "the next supervisor")
    settled(lab, number, S.READY)
    assert sessions.secret_url(lab, number) == address
    assert world.server(port).pid == process.pid

    assert sessions.restart(lab, number)
    until(lambda: not process.is_running() or process.status() == psutil.STATUS_ZOMBIE, "the first to end")
    again = settled(lab, number, S.READY)
    assert again.port == port
    assert token_of(lab, number) != token
    assert sessions.stop(lab, number)
    settled(lab, number, S.STOPPED)
    with pytest.raises(OSError, match="refused"):
        status(port)
    assert not file.exists()
    sessions.start(lab, world.PROJECT)
    assert settled(lab, number, S.READY).port == port


def test_where_browsers_look_first_is_held(lab: Bench) -> None:
    """Browsers take `<name>.localhost` for ::1 first: nobody can listen there, also after the supervisor was killed
    and another lives; a port that somebody has there already is not used."""
    number = sessions.start(lab, world.PROJECT)
    port = settled(lab, number, S.READY).port
    with pytest.raises(OSError, match="in use"):
        squatter(port)
    world.kill_supervisor(lab)
    with squatter(port):
        world.start(lab)
        told = until(lambda: sessions.get(lab, number).reason, "a word of it")
        assert f"has port {port} of ::1" in told
        sessions.restart(lab, number)
        until(lambda: sessions.get(lab, number).port != port, "another port", seconds=60)
        again = settled(lab, number, S.READY)
        told = until(lambda: sessions.get(lab, number).reason, "a word of its port")
        assert f"its port {port} was taken" in told
    with pytest.raises(OSError, match="in use"):
        squatter(again.port)


def squatter(port: int) -> socket.socket:
    """Listen on a port of ::1, as any account may."""
    return socket.create_server(("::1", port), family=socket.AF_INET6)


def test_a_killed_server_is_told(lab: Bench) -> None:
    """kill -9 of the server behind our back: the session has failed, and says killed; started again it is up."""
    number = sessions.start(lab, world.PROJECT)
    session = settled(lab, number, S.READY)
    world.server(session.port).kill()
    ended = settled(lab, number, S.FAILED)
    assert "kill" in ended.reason.lower()
    sessions.start(lab, world.PROJECT)
    assert settled(lab, number, S.READY).port == session.port


def test_a_server_that_was_asked_to_end_is_no_failure(lab: Bench) -> None:
    """SIGTERM from outside, or its own menu: stopped, and that it was not us is said."""
    number = sessions.start(lab, world.PROJECT)
    session = settled(lab, number, S.READY)
    process = world.server(session.port)
    process.send_signal(signal.SIGTERM)
    ended = settled(lab, number, S.STOPPED)
    assert "outside of workbench" in ended.reason
    assert ended.desired == "down"


def test_a_taken_port_is_answered_with_another(lab: Bench) -> None:
    """Where another program has the kept port, the session comes up on another and says so; once it is free again, the
    next start is at the old one, where bookmarks and tunnels lead."""
    number = sessions.start(lab, world.PROJECT)
    first = settled(lab, number, S.READY).port
    sessions.stop(lab, number)
    settled(lab, number, S.STOPPED)
    with taken(first):
        sessions.start(lab, world.PROJECT)
        second = settled(lab, number, S.READY).port
        told = until(lambda: sessions.get(lab, number).reason, "a word of it", seconds=30)
        assert f"its port {first} was taken by another program, so it is at {second} this time" == told
    assert second != first
    sessions.restart(lab, number)
    until(lambda: sessions.get(lab, number).state is not S.READY, "its restart")
    again = settled(lab, number, S.READY)
    assert (again.port, again.moved_from, again.reason) == (first, 0, "")


def test_a_stop_while_it_starts(lab: Bench) -> None:
    """A session that is stopped before it is ready ends as stopped, and leaves no process."""
    number = sessions.start(lab, world.PROJECT)
    until(lambda: sessions.get(lab, number).state is S.STARTING, "starting", seconds=60)
    sessions.stop(lab, number)
    settled(lab, number, S.STOPPED)
    until(lambda: not world.processes(lab, "jupyter"), "nothing to be left")


def test_kills_while_it_starts_leave_one(lab: Bench) -> None:
    """kill -9 of the supervisor at any moment of a start: the next one brings it up, and there is one server."""
    number = sessions.start(lab, world.PROJECT)
    for _ in range(3):
        until(lambda: sessions.get(lab, number).state in (S.STARTING, S.READY), "starting", seconds=60)
        world.kill_supervisor(lab)
        world.start(lab)
    session = settled(lab, number, S.READY)
    assert status(session.port, Authorization=f"token {token_of(lab, number)}") == 200
    listening = {
        c.laddr.port for c in psutil.net_connections("tcp") if c.pid and c.status == "LISTEN" and _of(lab, c.pid)
    }
    assert listening == {session.port}


def test_an_environment_that_cannot_be_built_fails_its_session(lab: Bench) -> None:
    """The reason of the build is the reason of the session."""
    text = "engine: process\npython: {packages: [no-such-package-of-ours==0.0.1]}\nides: [jupyter]\n"
    (lab.home.environments / "bare.yaml").write_text(text)
    number = sessions.start(lab, world.PROJECT)
    failed = settled(lab, number, S.FAILED)
    assert "no-such-package-of-ours" in failed.reason
    with lab.store.read() as connection:
        assert [event.what for event in of(connection, "session", number)].count("failed") == 1


def _of(bench: Bench, pid: int) -> bool:
    """Whether a process is a server of this home."""
    try:
        line = " ".join(psutil.Process(pid).cmdline())
    except psutil.Error:
        return False
    return "jupyter" in line and pid != os.getpid() and str(bench.home.root) in line


def test_jupyterlab_starts_without_a_slow_library(tmp_path: Path, lab_python: Path, kernel_python: Path) -> None:
    """What our start leaves for later is not loaded, and still does its work where it is asked for; a JupyterLab of
    another Python than the one that starts it is found as well."""
    slow = "rfc3987_syntax.syntax_helpers"
    (start,) = [one.text for one in catalogue.ides(open_bench(tmp_path / "home")).reading("jupyter").get().files]
    program = tmp_path / "start.py"
    program.write_text(start)

    def said(*argv: str | Path, **env: str) -> str:
        done = subprocess.run(list(map(str, argv)), capture_output=True, text=True, env={**os.environ, **env})
        assert done.returncode == 0, done.stderr[-2000:]
        return done.stdout + done.stderr

    if slow not in said(lab_python, "-X", "importtime", "-m", "jupyterlab", "--version"):
        pytest.skip("JupyterLab does not load it any more: start.py of ides/jupyter.yaml can go")
    assert slow not in said(lab_python, "-X", "importtime", program, "--version")
    ask = (
        "import jsonschema as j; v = j.Draft202012Validator({'format': 'iri'}, format_checker=j.FormatChecker());"
        "print([v.is_valid(one) for one in ('not one', 'http://a.example')])"
    )
    program.write_text(start.partition("sys.argv[0]")[0] + ask + "\n")
    assert "[False, True]" in said(lab_python, program)
    program.write_text(start)
    path = f"{lab_python.parent}{os.pathsep}{os.environ['PATH']}"
    assert said(kernel_python, program, "--version", PATH=path).strip()
