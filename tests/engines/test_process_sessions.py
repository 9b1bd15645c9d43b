"""Sessions of the process engine: found again by another supervisor, ended whole, never confused with a stranger."""

from __future__ import annotations

import json
import os
import signal
import socket
import stat
from dataclasses import replace
from pathlib import Path

import pytest
from engines.conftest import Bench, Opened
from engines.talking import ask, gone, ready, session_request, workspace
from waiting import until

from workbench import ports
from workbench.engines.base import PortTaken, SessionRequest
from workbench.engines.folders import link_data
from workbench.engines.process import kept, proc
from workbench.engines.process.engine import ProcessEngine
from workbench.engines.process.session import MADE
from workbench.engines.process.spool import Spool
from workbench.errors import Conflict, NotFound, Refused
from workbench.model.project import Mount
from workbench.settings import Settings

# What stands in for JupyterLab where only processes matter: it listens, prints, and has a child that will not go.
SERVER = """
import signal, socket, subprocess, sys, time
child = subprocess.Popen(["sh", "-c", "trap '' TERM HUP INT; while true; do sleep 1; done"], start_new_session=True)
listener = socket.create_server(("127.0.0.1", int(sys.argv[1])))
print("the secret is", open(sys.argv[2]).read(), "\\x1b[31mred\\x1b[0m", child.pid, flush=True)
time.sleep(600)
"""


@pytest.fixture
def made(process_bench: Bench) -> tuple[ProcessEngine, SessionRequest, str]:
    """A session that was made, with SERVER in the place of JupyterLab."""
    engine = process_bench.engine
    assert isinstance(engine, ProcessEngine)
    request = process_bench.request()
    handle = process_bench.create(request)
    path = request.folder / MADE
    data = json.loads(path.read_text())
    data["job"]["argv"][1:] = ["-c", SERVER, str(request.port), str(request.folder / "token")]
    path.write_text(json.dumps(data))
    return engine, request, handle


Made = tuple[ProcessEngine, SessionRequest, str]


def child_of(request: SessionRequest) -> int:
    """The stubborn child, once the server listens."""
    until(lambda: not ports.free(request.port), "the server")
    log = request.folder / "session.log"
    return int(until(lambda: log.exists() and log.read_text().split(), "its child's number in the log")[-1])


def keeper_of(request: SessionRequest) -> dict[str, int]:
    """The identity of a session's keeper."""
    identity = kept.read(request.folder / "kept", "identity.json")
    assert identity
    return identity


def test_another_supervisor_finds_it(made: Made) -> None:
    """An engine opened anew sees the same session by its handle, and can stop it with all it started."""
    engine, request, handle = made
    engine.start_session(handle)
    child = child_of(request)
    other = ProcessEngine(engine.home, Settings())
    facts = other.inspect_session(handle)
    assert facts is not None
    assert facts.alive
    assert facts in other.sessions(engine.home.id)
    assert other.sessions("another-home") == []
    with pytest.raises(Conflict):
        other.create_session(request)
    other.stop_session(handle, grace=5)
    assert ports.free(request.port)
    assert gone([child])
    ended = engine.inspect_session(handle)
    assert ended is not None
    assert (ended.alive, ended.exit_code) == (False, 128 + signal.SIGTERM)


def test_a_session_is_no_child_of_its_supervisor(made: Made) -> None:
    """It has a session of its own and no ancestor among us, so that nothing of ours takes it along."""
    engine, request, handle = made
    engine.start_session(handle)
    identity = keeper_of(request)
    fields = Path(f"/proc/{identity['pid']}/stat").read_text().rpartition(")")[2].split()
    assert int(fields[1]) != os.getpid()
    assert os.getsid(identity["child"]) == identity["child"]
    assert os.getsid(identity["pid"]) != os.getsid(0)


def test_what_a_session_says_is_cleaned(made: Made) -> None:
    """Its log is private, and holds neither the secret nor control sequences."""
    engine, request, handle = made
    engine.start_session(handle)
    child_of(request)
    log = (request.folder / "session.log").read_text()
    assert "the secret is [secret] red" in log
    assert (request.folder / "token").read_text() not in log
    assert stat.S_IMODE((request.folder / "session.log").stat().st_mode) == 0o600
    assert stat.S_IMODE((request.folder / MADE).stat().st_mode) == 0o600


def test_a_keeper_that_was_killed(made: Made) -> None:
    """The session dies with its keeper and is seen to; what it left is found when it is removed."""
    engine, request, handle = made
    engine.start_session(handle)
    child = child_of(request)
    identity = keeper_of(request)
    os.kill(identity["pid"], signal.SIGKILL)
    until(lambda: not kept.alive(request.folder / "kept"), "the keeper's end")
    until(lambda: ports.free(request.port), "the server's end")
    facts = engine.inspect_session(handle)
    assert facts is not None
    assert not facts.alive
    assert facts.exit_code is None
    assert "keeper" in facts.reason
    engine.remove_session(handle)
    assert gone([child])
    assert engine.inspect_session(handle) is None


def test_after_a_restart_of_the_machine(made: Made) -> None:
    """A record from before it names no process of today: nothing is signalled, and the reason is said."""
    engine, request, handle = made
    engine.start_session(handle)
    child_of(request)
    engine.stop_session(handle, grace=0)
    place = request.folder / "kept"
    (place / "exit.json").unlink()
    identity = keeper_of(request)
    (place / "identity.json").write_text(json.dumps({**identity, "boot": "before", "pid": os.getpid()}))
    facts = engine.inspect_session(handle)
    assert facts is not None
    assert not facts.alive
    assert facts.reason == "the machine was restarted"
    engine.stop_session(handle, grace=0)
    engine.remove_session(handle)


def test_a_session_can_be_started_again(made: Made) -> None:
    """After its end the same handle starts it anew, on the same port; meanwhile a holder of the port is told."""
    engine, request, handle = made
    engine.start_session(handle)
    child_of(request)
    engine.stop_session(handle, grace=0)
    with socket.create_server(("127.0.0.1", request.port)), pytest.raises(PortTaken):
        engine.start_session(handle)
    engine.start_session(handle)
    facts = engine.inspect_session(handle)
    assert facts is not None
    assert (facts.alive, facts.exit_code) == (True, None)
    until(lambda: ports.listeners(request.port) == {os.getuid()}, "the server")


def test_a_session_of_an_environment_without_it(process_bench: Bench) -> None:
    """An environment that has no JupyterLab refuses one; a handle that was never made is not found."""
    request = process_bench.request()
    bare = replace(process_bench.revision, packages=())
    with pytest.raises(Refused, match="no JupyterLab"):
        process_bench.engine.create_session(replace(request, revision=bare))
    for handle in ("8888.1.00000000", "nonsense"):
        with pytest.raises(NotFound):
            process_bench.engine.start_session(handle)


def test_a_session_without_a_secret_is_refused(process_bench: Bench) -> None:
    """An empty token, which would switch signing in off, a short one, or one with a newline is never used."""
    request = process_bench.request()
    for token in ("", "short", "x" * 48 + "\n"):
        (request.folder / "token").write_text(token)
        with pytest.raises(Refused, match="no secret"):
            process_bench.engine.create_session(request)
    (request.folder / "token").unlink()
    with pytest.raises(Refused, match="no secret"):
        process_bench.engine.create_session(request)


def test_an_environment_cannot_set_the_secret(process_bench: Bench) -> None:
    """A JUPYTER_TOKEN in a declaration would win over the file, so it does not reach the session."""
    request = process_bench.request()
    space = replace(request.workspace, env={"JUPYTER_TOKEN": "mine", "OTHER": "x"})
    process_bench.create(replace(request, workspace=space))
    env = json.loads((request.folder / MADE).read_text())["job"]["env"]
    assert "JUPYTER_TOKEN" not in env
    assert env["OTHER"] == "x"


def test_everything_of_jupyterlab_ends_with_it(process_opened: Opened, tmp_path: Path) -> None:
    """Kernels and terminals that were opened in it are gone when it is stopped; an open tab's cookie stays valid."""
    engine, home = process_opened.engine, process_opened.home
    request = session_request(home, process_opened.revision, workspace(home, tmp_path / "project"), 7100)
    handle = engine.create_session(request)
    engine.start_session(handle)
    ready(engine, request, handle)
    assert ask(request, "/api/kernels", token=True, method="POST", body='{"name": "python3"}') == 201
    assert ask(request, "/api/terminals", token=True, method="POST", body="{}") == 200
    mark = str(keeper_of(request)["mark"])
    until(lambda: len(proc.marked(mark)) >= 3, "server, kernel and terminal")
    cookie = (request.folder / "state" / "cookie_secret").read_bytes()
    engine.stop_session(handle, grace=request.ide.stop_grace)
    assert proc.marked(mark) == []
    engine.remove_session(handle)
    assert (request.folder / "state" / "cookie_secret").read_bytes() == cookie


def test_data_folders_are_linked_and_nothing_is_replaced(process_bench: Bench, tmp_path: Path) -> None:
    """A data folder is a link; twice is once; what stands in its way, or a folder that is not there, is refused."""
    warehouse = tmp_path / "warehouse"
    warehouse.mkdir()
    space = process_bench.workspace(data=(Mount(warehouse, "sales"),))
    link_data(space)
    link_data(space)
    place = space.project / "data" / "sales"
    assert place.readlink() == warehouse
    place.unlink()
    place.mkdir()
    (place / "mine.csv").touch()
    with pytest.raises(Refused, match="in the way"):
        link_data(space)
    assert (place / "mine.csv").exists()
    with pytest.raises(Refused, match="not there"):
        link_data(replace(space, data=(Mount(tmp_path / "none", "none"),)))


def test_a_log_is_bounded(tmp_path: Path) -> None:
    """A log that is full becomes `.1`; a line that never ends is written all the same; a secret never is."""
    (tmp_path / "token").write_text("0123456789abcdef")
    (tmp_path / "short").write_text("pw1234\n")
    source, sink = os.pipe()
    spool = Spool(source, str(tmp_path / "log"), 200_000, [str(tmp_path / "token"), str(tmp_path / "short")])
    for number in range(12):
        os.write(sink, b"x" * 50_000 + (b"\n" if number % 2 else b""))
        spool.take()
    os.write(sink, b"token=0123456789abcdef&x\xff pw=pw1234; 01234567\x1b[1m89abcdef\n")
    os.close(sink)
    spool.take()
    assert not spool.open
    spool.close()
    assert (tmp_path / "log").stat().st_size <= 200_000
    assert 0 < (tmp_path / "log.1").stat().st_size <= 200_000
    assert "token=[secret]&x\ufffd pw=[secret]; [secret]\n" in (tmp_path / "log").read_text()
