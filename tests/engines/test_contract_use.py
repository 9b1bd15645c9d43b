"""What a person does with an environment, on both engines: notebooks' kernels and a session in a browser."""

from __future__ import annotations

import http.client
import json
import os
import pty
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from threading import Event

import psutil
import pytest
from engines.conftest import Bench, Opened, ignore
from engines.talking import Talk, ask, ready, session_request, workspace
from waiting import until

from workbench.engines.base import Cancelled, PortTaken, SessionRequest
from workbench.model.build import BuildProgress
from workbench.model.environment import PythonPart

# Variables of our own process that would change which Python or modules a kernel finds.
OURS = {"PYTHONDONTWRITEBYTECODE", "PYTHONHOME", "PYTHONPATH", "PYTHONUNBUFFERED", "WORKBENCH_HOME"}


def test_a_notebooks_kernel(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """A real kernel runs cells in the notebook's folder, with no variable of our own Python; its files are ours."""
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    monkeypatch.setenv("PYTHONUNBUFFERED", "1")
    space = bench.workspace(env={"OF_ENVIRONMENT": "one two"})
    host = bench.host(space)
    with Talk(host, bench.revision, {"OF_RUN": "ü\nnext"}) as talk:
        said = talk.run(
            "import json, os, six\n"
            "_ = open('made.txt', 'w').write('x')\n"
            "print(json.dumps([dict(os.environ), os.getcwd()]))"
        )
    env, cwd = json.loads(said)
    assert (env["OF_ENVIRONMENT"], env["OF_RUN"]) == ("one two", "ü\nnext")
    assert OURS & set(env) == set()
    assert cwd == str(space.cwd)
    made = (space.cwd / "made.txt").stat()
    assert (made.st_uid, made.st_gid) == (os.getuid(), os.getgid())
    assert not host.folder.exists(), "sockets are gone after close"


def test_a_cell_can_be_interrupted(bench: Bench) -> None:
    """SIGINT ends a cell with an error, and the kernel answers again."""
    space = bench.workspace()
    host = bench.host(space)
    with Talk(host, bench.revision) as talk:
        talk.start("open('began', 'w').close()\nimport time\ntime.sleep(600)")
        until((space.cwd / "began").exists, "the cell to begin")
        host.send_signal(signal.SIGINT)
        assert talk.status() == "error"
        assert talk.run("print(6 * 7)") == "42"


def test_a_kernel_killed_in_mid_cell(bench: Bench) -> None:
    """Its death is noticed, with the signal, and is not taken for want of memory."""
    host = bench.host()
    with Talk(host, bench.revision) as talk:
        talk.start("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)")
        end = host.wait(10)
        assert end is not None
        assert end.signal == signal.SIGKILL
        assert end.oom is not True


def test_a_build_can_be_cancelled_midway(bench: Bench, tmp_path: Path) -> None:
    """While packages are installed as well: it ends within 10 s, and nothing is taken for an environment."""
    spec = replace(bench.spec, name="midway", python=PythonPart(packages=("matplotlib", "scipy")))
    cancelled = Event()
    asked: list[float] = []

    def on_progress(progress: BuildProgress) -> None:
        if progress.step >= 4 or "matplotlib" in progress.text:
            cancelled.set()
            asked.append(time.monotonic())

    number = bench.engine.revision_id(spec)
    with pytest.raises(Cancelled):
        bench.engine.build(spec, number, log=tmp_path / "log", progress=on_progress, cancelled=cancelled)
    assert time.monotonic() - asked[0] < 10
    assert bench.engine.find(spec, number) is None


def test_a_removed_environment_is_gone(bench: Bench, tmp_path: Path) -> None:
    """After removal a revision is not found; removing it again does nothing, and others stay."""
    spec = replace(bench.spec, name="brief", python=PythonPart(packages=("iniconfig",)), ides=())
    number = bench.engine.revision_id(spec)
    made = bench.engine.build(spec, number, log=tmp_path / "log", progress=ignore, cancelled=Event())
    assert bench.engine.find(spec, number) == made
    bench.engine.remove(made)
    assert bench.engine.find(spec, number) is None
    bench.engine.remove(made)
    other = bench.engine.find(bench.spec, bench.revision.id)
    assert other
    assert replace(other, size=0) == replace(bench.revision, size=0)  # a rootless Podman counts its own copies in it


@pytest.fixture(scope="module", params=["process", pytest.param("docker", marks=pytest.mark.docker)])
def known(request: pytest.FixtureRequest) -> Opened:
    """Each engine in turn, with its environment."""
    found: Opened = request.getfixturevalue(f"{request.param}_opened")
    return found


@pytest.fixture(scope="module")
def running(known: Opened, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Opened, SessionRequest, str]]:
    """A session that answers, and its handle."""
    space = workspace(known.home, tmp_path_factory.mktemp("project"))
    request = session_request(known.home, known.revision, space, 7001)
    handle = known.engine.create_session(request)
    known.engine.start_session(handle)
    try:
        ready(known.engine, request, handle)
        yield known, request, handle
    finally:
        known.engine.stop_session(handle, grace=0)
        known.engine.remove_session(handle)


Running = tuple[Opened, SessionRequest, str]


def test_a_sessions_secret_is_nowhere(running: Running) -> None:
    """No argv, no environment of any process, no listing and no log holds it, even after it stood in an address."""
    known, request, handle = running
    token = (request.folder / "token").read_text()
    ask(request, f"/no-such-page?token={token}")
    found = []
    for process in psutil.process_iter():
        try:
            if token in " ".join(process.cmdline()) or token in " ".join(process.environ().values()):
                found.append(process.name())
        except psutil.Error:
            continue
    assert found == []
    stop, log = Event(), request.folder / "session.log"
    copying = threading.Thread(target=known.engine.copy_log, args=(handle, stop))
    copying.start()
    until(lambda: log.exists() and "no-such-page" in log.read_text(), "the request in the log")
    stop.set()
    copying.join(20)
    assert not copying.is_alive()
    assert token not in log.read_text()
    assert log.stat().st_mode & 0o077 == 0
    assert token not in repr(known.engine.sessions(known.home.id))


def test_what_a_session_writes_is_the_persons(running: Running) -> None:
    """A file saved through its interface lies in the project and belongs to the person."""
    _, request, _ = running
    body = json.dumps({"type": "file", "format": "text", "content": "x"})
    assert ask(request, "/api/contents/saved.txt", token=True, method="PUT", body=body) == 201
    facts = (request.workspace.project / "saved.txt").stat()
    assert (facts.st_uid, facts.st_gid) == (os.getuid(), os.getgid())


def test_a_session_lets_kernels_talk(running: Running) -> None:
    """A websocket from its own page is let in with the secret, and refused without it."""
    _, request, _ = running
    token = (request.folder / "token").read_text()

    def upgrade(**more: str) -> int:
        connection = http.client.HTTPConnection("127.0.0.1", request.port, timeout=10)
        headers = {
            "Host": f"{request.host_name}:{request.port}", "Connection": "Upgrade", "Upgrade": "websocket",
            "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==", **more,
        }  # fmt: skip
        connection.request("GET", "/api/events/subscribe", headers=headers)
        with connection.getresponse() as response:
            status = response.status
        connection.close()
        return status

    own = f"http://{request.host_name}:{request.port}"
    assert upgrade(Origin=own, Authorization=f"token {token}") == 101
    assert upgrade(Origin=own) == 403
    assert upgrade(Origin="http://evil.example") == 403


def test_a_shell_in_a_session(running: Running) -> None:
    """The command gives a shell in the project's folder with the environment's Python."""
    known, request, handle = running
    (request.workspace.project / "here").touch()
    source, sink = pty.openpty()
    argv = known.engine.shell(handle)
    process = subprocess.Popen(argv, stdin=sink, stdout=sink, stderr=sink, start_new_session=True)
    os.close(sink)
    os.write(source, b"ls; python -c 'import jupyterlab; print(6*7)'; exit\n")
    said = b""
    try:
        while part := os.read(source, 4096):
            said += part
    except OSError:  # a terminal whose other side is closed
        pass
    os.close(source)
    assert process.wait(30) == 0, said
    assert b"here" in said
    assert b"42" in said


def test_two_sessions_never_share_a_port(running: Running) -> None:
    """A second session on the same port is refused, so that another can be chosen; the first goes on."""
    known, first, _ = running
    request = session_request(known.home, known.revision, first.workspace, 7002, port=first.port)
    made: list[str] = []

    def attempt() -> None:
        made.append(known.engine.create_session(request))
        known.engine.start_session(made[0])

    with pytest.raises(PortTaken):
        attempt()
    for handle in made:
        known.engine.remove_session(handle)
    assert ask(first, first.ide.ready, token=True) == 200
    assert request.id not in [facts.id for facts in known.engine.sessions(known.home.id)]


def test_a_session_comes_back_at_its_address(bench: Bench) -> None:
    """Stopped, removed and made again, it answers at the same port with the same secret; the old handle is dead."""
    request = bench.request()
    first = bench.create(request)
    bench.engine.start_session(first)
    ready(bench.engine, request, first)
    bench.engine.stop_session(first, grace=request.ide.stop_grace)
    assert ask(request, request.ide.ready, token=True) == 0
    bench.engine.remove_session(first)
    again = replace(request, generation=2)
    second = bench.create(again)
    bench.engine.start_session(second)
    ready(bench.engine, again, second)
    assert bench.engine.inspect_session(first) is None
    facts = bench.engine.inspect_session(second)
    assert facts is not None
    assert (facts.id, facts.generation, facts.alive) == (request.id, 2, True)
    bench.engine.stop_session(second, grace=0)
    stopped = bench.engine.inspect_session(second)
    assert stopped is not None
    assert not stopped.alive
