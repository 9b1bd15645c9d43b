"""Sessions of a tool without a login, end to end on the process engine: the front comes, stays, comes back and goes with them."""

from __future__ import annotations

import http.client
import json
import socket
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
import toy_ide
import world
from session_world import settled, taken
from waiting import until
from world import bench, kernel_python

from workbench.front import custody
from workbench.front.job import Place
from workbench.model.session import ENDED, Session, SessionState
from workbench.services import projects, sessions
from workbench.services.bench import Bench
from workbench.services.supervision import control

__all__ = ["bench", "kernel_python"]
S = SessionState


@pytest.fixture
def lab(bench: Bench, kernel_python: Path) -> Iterator[Bench]:
    """A home whose environment holds a tool without a login."""
    toy_ide.declare(bench.home.root, projects.get(bench, world.PROJECT).path)
    (bench.home.environments / "bare.yaml").write_text(
        f"engine: process\nuse: {kernel_python}\nides: [toy]\nports: [8000]\n"
    )
    yield bench
    for session in sessions.listing(bench):
        if session.state not in ENDED:
            sessions.stop(bench, session.id)
            until(lambda one=session.id: sessions.get(bench, one).state in ENDED, "its end", seconds=60)


def asked(session: Session, path: str = "/", **headers: str) -> tuple[int, http.client.HTTPMessage, str]:
    """Status, headers and text of an answer."""
    connection = http.client.HTTPConnection("127.0.0.1", session.port, timeout=20)
    connection.request("GET", path, headers={"Host": f"{session.host_name}:{session.port}", **headers})
    with connection.getresponse() as answer:
        said = answer.status, answer.headers, answer.read().decode()
    connection.close()
    return said


def front(bench: Bench, session: int) -> psutil.Process:
    """The process of its front."""
    place = Place(bench.home.session_folder(session))
    assert custody.alive(place)
    return psutil.Process(int(place.lock.read_text()))


def lets_in(session: Session, cookie: str) -> bool:
    """Whether somebody listens who knows the cookie."""
    try:
        return asked(session, Cookie=cookie)[0] == 200
    except OSError:
        return False


def gone(process: psutil.Process) -> bool:
    """Whether a process has ended, reaped or not."""
    return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE


def signed_in(bench: Bench, session: Session) -> str:
    """The cookie that the address with the secret gives."""
    address = sessions.secret_url(bench, session.id)
    status, headers, _ = asked(session, address.partition(str(session.port))[2])
    assert (status, headers["Location"]) == (303, "/")
    return headers["Set-Cookie"].partition(";")[0]


def test_a_front_from_start_to_stop(lab: Bench) -> None:
    """Ready means that the tool answers through its front, and to nobody without the secret; the tool itself listens on
    no port. A front that dies comes back and knows who was signed in; restarted with another secret the session does too."""
    number = sessions.start(lab, world.PROJECT, "toy")
    session = settled(lab, number, S.READY)
    assert asked(session)[0] == 403
    cookie = signed_in(lab, session)
    status, _, text = asked(session, Cookie=cookie)
    said = json.loads(text)
    assert (status, said["host"]) == (200, f"{session.host_name}:{session.port}")
    assert "Cookie" not in said["headers"]
    assert asked(session, Cookie=cookie, Host="evil.example")[0] == 403
    first = front(lab, number)
    ours = {process.pid for process in world.processes(lab)}
    listening = [c for c in psutil.net_connections("tcp") if c.pid in ours and c.status == psutil.CONN_LISTEN]
    assert {(one.pid, one.laddr.port) for one in listening} == {(first.pid, session.port)}
    (other,) = session.forwards
    assert (other.inside, other.url) == (8000, "")
    assert "all its accounts can reach it" in other.problem

    first.kill()
    until(lambda: gone(first), "its end")
    until(lambda: lets_in(session, cookie), "another front", seconds=30)
    token = (lab.home.session_folder(number) / "token").read_text()
    assert sessions.restart(lab, number)
    until(lambda: sessions.get(lab, number).state is not S.READY, "its restart")
    again = settled(lab, number, S.READY)
    assert again.port == session.port
    assert (lab.home.session_folder(number) / "token").read_text() != token
    assert asked(again, Cookie=cookie)[0] == 200
    assert asked(again, Authorization=f"token {token}")[0] == 403
    second = front(lab, number)
    assert sessions.stop(lab, number)
    settled(lab, number, S.STOPPED)
    assert gone(second)
    with pytest.raises(OSError, match="refused"):
        asked(session)


def test_a_front_is_found_by_the_next_supervisor(lab: Bench) -> None:
    """kill -9 of the supervisor: who is signed in works on; the next one finds the front, or starts it where it died
    meanwhile; one that nobody wants any more is ended."""
    number = sessions.start(lab, world.PROJECT, "toy")
    session = settled(lab, number, S.READY)
    cookie = signed_in(lab, session)
    before = front(lab, number)
    world.kill_supervisor(lab)
    assert asked(session, Cookie=cookie)[0] == 200
    world.start(lab)
    until(lambda: _guarded(session.port), "the next supervisor's look", seconds=30)
    assert front(lab, number) == before
    world.kill_supervisor(lab)
    before.kill()
    until(lambda: gone(before), "its end")
    world.start(lab)
    until(lambda: lets_in(session, cookie), "another front", seconds=30)
    last = front(lab, number)
    world.kill_supervisor(lab)
    with lab.store.write() as connection:
        connection.execute("UPDATE sessions SET state='stopped', desired='down' WHERE id=?", (number,))
    world.start(lab)
    until(lambda: gone(last), "its end", seconds=30)


def test_a_tool_that_ends_takes_its_front_along(lab: Bench) -> None:
    """The tool killed behind our back: the session has failed, nothing is left on its port, and started again it is there."""
    number = sessions.start(lab, world.PROJECT, "toy")
    session = settled(lab, number, S.READY)
    process = front(lab, number)
    (tool,) = (one for one in world.processes(lab, "toy.py") if "keeper" not in " ".join(one.cmdline()))
    tool.kill()
    assert "kill" in settled(lab, number, S.FAILED).reason
    until(lambda: gone(process), "its front's end")
    sessions.start(lab, world.PROJECT, "toy")
    assert settled(lab, number, S.READY).port == session.port


def crashed_at(lab: Bench, n: int, *, stop: bool) -> bool:
    """The supervisor dies at its n-th change of state while a session comes up, or goes down; the next one makes true what
    is wanted, with one front or none. Whether the n-th was reached."""
    number = sessions.start(lab, world.PROJECT, "toy") if stop else 0
    if stop:
        settled(lab, number, S.READY)
    control.stop(lab)
    process = world.start(lab, WB_CRASH_AT=str(n))
    assert process
    until(lambda: control.held(lab.home) or process.poll() is not None, "the supervisor")
    if stop:
        sessions.stop(lab, number)
    else:
        number = sessions.start(lab, world.PROJECT, "toy")
    wanted = S.STOPPED if stop else S.READY
    until(lambda: process.poll() is not None or sessions.get(lab, number).state is wanted, "the crash or the end")
    control.stop(lab)
    crashed = process.wait(15) == 9
    control.ensure(lab)
    session = settled(lab, number, wanted)
    if not stop:
        assert asked(session, Cookie=signed_in(lab, session))[0] == 200
        sessions.stop(lab, number)
        settled(lab, number, S.STOPPED)
    until(lambda: not world.processes(lab, "workbench.front"), "no front", seconds=30)
    assert not world.processes(lab, "toy.py")
    return crashed


@pytest.mark.soak
@pytest.mark.timeout(900)
@pytest.mark.parametrize("stop", [False, True], ids=["up", "down"])
def test_a_crash_at_every_point(lab: Bench, stop: bool) -> None:
    """All points of a session's start and of its end, one after the other, until none is left."""
    n = 1
    while crashed_at(lab, n, stop=stop):
        n += 1
    assert n > 4


def test_a_port_that_is_taken_is_answered_with_another(lab: Bench) -> None:
    """Where another program has the kept port, the front comes up on another."""
    number = sessions.start(lab, world.PROJECT, "toy")
    first = settled(lab, number, S.READY).port
    sessions.stop(lab, number)
    settled(lab, number, S.STOPPED)
    with taken(first):
        sessions.start(lab, world.PROJECT, "toy")
        session = settled(lab, number, S.READY)
    assert session.port != first
    assert asked(session, Cookie=signed_in(lab, session))[0] == 200


def _guarded(port: int) -> bool:
    """Whether a supervisor holds the port of ::1 again."""
    with socket.socket(socket.AF_INET6) as probe:
        try:
            probe.bind(("::1", port))
        except OSError:
            return True
    return False
