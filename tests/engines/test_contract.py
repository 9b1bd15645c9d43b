"""What both engines promise: one body of tests, each run with each engine."""

from __future__ import annotations

import http.client
import json
import os
import secrets
import signal
import socket
import threading
import time
from dataclasses import replace
from pathlib import Path
from threading import Event

import pytest
from engines.conftest import JUPYTER, Bench, ignore
from waiting import until

from workbench.engines.base import Cancelled, PortTaken, SessionFacts
from workbench.errors import BuildFailed
from workbench.model.build import BuildProgress
from workbench.model.environment import KernelSpec, PythonPart, Revision
from workbench.model.project import Mount
from workbench.paths import port_socket
from workbench.supervisor.sessions.probe import free_port

SLEEPER = "import sys, time; open('up', 'w').close(); time.sleep(600)"


def get(port: int, path: str, *, token: str = "", host: str = "") -> int:
    """The status that a session answers, 0 where nothing does."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    headers = ({"Authorization": f"token {token}"} if token else {}) | ({"Host": host} if host else {})
    try:
        connection.request("GET", path, headers=headers)
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return 0
    finally:
        connection.close()


# -- environments ------------------------------------------------------------------------------------------------------


def test_facts_say_where_the_engine_is(bench: Bench) -> None:
    """An engine that answers says what it is and why this one was taken."""
    facts = bench.engine.facts()
    assert facts.problem == ""
    assert facts.name is bench.engine.name
    assert facts.version
    assert facts.endpoint
    assert facts.source


def test_a_revision_names_the_shape(bench: Bench) -> None:
    """The same declaration has the same revision, another package another one, a limit none."""
    same = replace(bench.spec, title="Another title", limits=replace(bench.spec.limits, cpus=1.0))
    other = replace(bench.spec, python=PythonPart(packages=("six", "iniconfig")))
    revision = bench.engine.revision_id(bench.spec)
    assert len(revision) == 16
    assert int(revision, 16) >= 0
    assert bench.engine.revision_id(same) == revision
    assert bench.engine.revision_id(other) != revision


def test_what_is_built_is_found(bench: Bench) -> None:
    """A built revision is found with all that is known of it, and survives the store's JSON."""
    found = bench.engine.find(bench.spec, bench.revision.id)
    assert found == bench.revision
    assert Revision.from_json(bench.revision.to_json()) == bench.revision
    assert "jupyter" in bench.revision.ides
    assert any(name.startswith("six==") for name in bench.revision.packages)
    assert [kernel.name for kernel in bench.revision.kernels] == ["python3"]
    assert bench.revision.kernels[0].language == "python"
    assert bench.revision.python_version
    assert bench.revision.size


def test_what_was_never_built_is_not_found(bench: Bench) -> None:
    """A revision nobody built is None, not an error."""
    assert bench.engine.find(bench.spec, "0" * 16) is None


def test_a_build_that_is_there_is_not_repeated(bench: Bench, tmp_path: Path) -> None:
    """Building an unchanged declaration again costs nothing."""
    started = time.monotonic()
    again = bench.engine.build(
        bench.spec, bench.revision.id, log=tmp_path / "build.log", progress=ignore, cancelled=Event()
    )
    assert again == bench.revision
    assert time.monotonic() - started < 5


def test_a_failed_build_says_why(bench: Bench, tmp_path: Path) -> None:
    """A package that does not exist is named, with the step, its last lines, and a full log."""
    spec = replace(bench.spec, name="broken", python=PythonPart(packages=("no-such-package-of-ours-0",)))
    told: list[BuildProgress] = []
    log = tmp_path / "build.log"
    with pytest.raises(BuildFailed) as caught:
        bench.engine.build(spec, bench.engine.revision_id(spec), log=log, progress=told.append, cancelled=Event())
    assert "no-such-package-of-ours-0" in "\n".join([caught.value.message, *caught.value.tail])
    assert caught.value.step
    assert caught.value.hint
    assert "no-such-package-of-ours-0" in log.read_text()
    assert told
    assert bench.engine.find(spec, bench.engine.revision_id(spec)) is None


def test_a_build_can_be_cancelled(bench: Bench, tmp_path: Path) -> None:
    """A cancelled build ends soon, leaves nothing that counts as built, and can be asked for again."""
    spec = replace(bench.spec, name="cancelled", env={"UNIQUE": str(time.time_ns())})
    spec = replace(spec, python=PythonPart(packages=("six", "iniconfig", "packaging")))
    cancelled = Event()
    revision = bench.engine.revision_id(spec)
    asked: list[float] = []

    def progress(_: BuildProgress) -> None:
        asked.append(time.monotonic())
        cancelled.set()

    with pytest.raises(Cancelled):
        bench.engine.build(spec, revision, log=tmp_path / "build.log", progress=progress, cancelled=cancelled)
    assert time.monotonic() - asked[0] < 10
    assert bench.engine.find(spec, revision) is None


# -- kernels -----------------------------------------------------------------------------------------------------------


def test_a_kernel_is_the_persons(bench: Bench) -> None:
    """A kernel starts in its notebook's folder, with its variables, and what it writes belongs to the person."""
    space = bench.workspace(env={"PGHOST": "db.example"})
    host = bench.host(space)
    code = (
        "import json, os, pathlib\n"
        "home = pathlib.Path.home(); (home / 'probe').write_text('x')\n"
        "names = ('PGHOST', 'SECRET')\n"
        "facts = {'cwd': os.getcwd(), **{n: os.environ.get(n) for n in names}}\n"
        "pathlib.Path('facts.json').write_text(json.dumps(facts))\n"
    )
    host.launch(bench.script(code), host.folder / "kernel.json", {"SECRET": 'it\'s $HOME "quoted"\nand long'})
    end = host.wait(30)
    assert end is not None
    assert end.words == "exit code 0"
    written = space.cwd / "facts.json"
    assert json.loads(written.read_text()) == {
        "cwd": str(space.cwd),
        "PGHOST": "db.example",
        "SECRET": 'it\'s $HOME "quoted"\nand long',
    }
    assert written.stat().st_uid == os.getuid()
    assert host.poll() == end


def test_a_kernel_lives_until_it_ends(bench: Bench) -> None:
    """While it lives `poll` says None; a wait that is too short as well; a signal reaches it; the end has its code."""
    space = bench.workspace()
    host = bench.host(space)
    code = (
        "import signal, sys\n"
        "signal.signal(signal.SIGINT, lambda *_: sys.exit(7))\n"
        "open('up', 'w').close()\n"
        "signal.pause()\n"
    )
    host.launch(bench.script(code), host.folder / "kernel.json", {})
    until((space.cwd / "up").exists, "the kernel")
    assert host.poll() is None
    assert host.wait(0.05) is None
    host.send_signal(signal.SIGINT)
    end = host.wait(10)
    assert end is not None
    assert (end.code, end.signal, end.oom) == (7, None, False)
    host.send_signal(signal.SIGINT)  # nothing where it ended
    host.kill()


def test_killing_a_kernel_kills_all_it_started(bench: Bench) -> None:
    """Children in sessions of their own end with their kernel."""
    space, mark = bench.workspace(), secrets.token_hex(8)
    host = bench.host(space)
    child = "import os, signal; open('child-' + str(os.getpid()), 'w').close(); signal.pause()"
    code = (
        "import subprocess, sys, signal\n"
        f"subprocess.Popen([sys.executable, '-c', {child!r}, {mark!r}], start_new_session=True)\n"
        "signal.pause()\n"
    )
    host.launch(bench.script(code), host.folder / "kernel.json", {})
    until(lambda: list(space.cwd.glob("child-*")), "the kernel's child")
    host.kill()
    assert not commands_with(mark)
    end = host.poll()
    assert end is not None
    assert end.signal == signal.SIGKILL
    assert end.oom is False


def test_a_kernel_that_cannot_start_says_so(bench: Bench) -> None:
    """A program that is not there is an error or an end, never a kernel that seems to live."""
    from workbench.errors import WorkbenchError

    host = bench.host()
    try:
        host.launch(KernelSpec("none", "None", "none", ("no-such-program",)), host.folder / "kernel.json", {})
    except WorkbenchError:
        return
    end = host.wait(10)
    assert end is not None
    assert end.code


def test_a_kernels_sockets_are_in_its_folder(bench: Bench) -> None:
    """The folder is private, short enough for sockets, seen by the kernel where `inside` says, and gone at the end."""
    host = bench.host()
    assert host.folder.stat().st_mode & 0o777 == 0o700
    assert len(os.fsencode(host.folder)) < 87
    if host.transport == "ipc":
        place = host.inside(host.folder / "s-1")
        code = f"import socket; s = socket.socket(socket.AF_UNIX); s.bind({place!r}); s.listen(); s.accept()"
        host.launch(bench.script(code), host.folder / "kernel.json", {})
        until(lambda: (host.folder / "s-1").is_socket() and connects(host.folder / "s-1"), "the kernel's socket")
        assert host.wait(10) is not None
    host.close()
    assert not host.folder.exists()
    host.close()


def test_the_data_of_a_project_is_seen(bench: Bench, tmp_path: Path) -> None:
    """A folder from outside is seen as data/<target>."""
    outside = tmp_path / "warehouse"
    outside.mkdir()
    (outside / "sales.csv").write_text("a,b\n1,2\n")
    space = bench.workspace(data=(Mount(outside, "sales"),))
    host = bench.host(space)
    code = "open('seen', 'w').write(open('../data/sales/sales.csv').read())"
    host.launch(bench.script(code), host.folder / "kernel.json", {})
    end = host.wait(30)
    assert end is not None
    assert end.code == 0
    assert (space.cwd / "seen").read_text() == "a,b\n1,2\n"


def test_kernels_of_no_living_run_are_swept(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """A kernel whose runner was killed is removed; one of a living run, or of another home, is not."""
    spaces = {run: bench.workspace() for run in ("9001.1", "9002.1")}
    hosts = {run: bench.host(space, run=run) for run, space in spaces.items()}
    for run, host in hosts.items():
        host.launch(bench.script(SLEEPER), host.folder / "kernel.json", {})
        until((spaces[run].cwd / "up").exists, f"kernel {run}")
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 60)  # none of them is new any more
    assert bench.engine.sweep_kernels("another-home", frozenset()) == 0
    assert bench.engine.sweep_kernels(bench.home.id, frozenset({"9002.1"})) == 1
    assert hosts["9001.1"].wait(10) is not None
    assert hosts["9002.1"].poll() is None


# -- sessions ----------------------------------------------------------------------------------------------------------


def test_a_session_from_start_to_end(bench: Bench) -> None:
    """Made, started, answering with its secret alone, listed, stopped, removed: each step as the contract has it. A further
    port, here the one that it listens on, is a socket of this account, where the engine does not say why it cannot be."""
    ports = () if bench.engine.port_problem() else (JUPYTER.port,)
    request = bench.request(ports=ports)
    token = (request.folder / "token").read_text()
    handle = bench.create(request)
    made = bench.engine.inspect_session(handle)
    assert made is not None
    assert (made.alive, made.exit_code, made.id, made.generation) == (False, None, request.id, 1)

    bench.engine.start_session(handle)
    started = bench.engine.inspect_session(handle)
    assert started is not None
    assert started.alive
    stop = Event()
    copying = threading.Thread(target=bench.engine.copy_log, args=(handle, stop))
    copying.start()
    probe = request.ide.ready
    until(lambda: get(request.port, probe, token=token) == 200, "JupyterLab", seconds=60, every=0.1)
    assert get(request.port, probe) in {302, 401, 403}
    assert get(request.port, probe, token="0" * 48) in {302, 401, 403}
    assert get(request.port, probe, token=token, host=f"{request.host_name}:{request.port}") == 200
    assert get(request.port, probe, token=token, host="evil.example") == 403, "DNS rebinding"
    assert [facts for facts in bench.engine.sessions(bench.home.id) if facts.alive] == [started]
    assert bench.engine.sessions("another-home") == []
    assert not commands_with(token), "the secret is on a command line"
    for port in ports:
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(60)
            client.connect(str(port_socket(request.folder, port)))
            client.sendall(f"GET {probe} HTTP/1.0\r\nHost: localhost\r\n\r\n".encode())
            assert client.recv(12).startswith(b"HTTP/1."), "through the relay"

    bench.engine.stop_session(handle, grace=10)
    ended = bench.engine.inspect_session(handle)
    assert ended is not None
    assert not ended.alive
    assert ended.exit_code is not None
    assert ended.oom is not True
    until(lambda: not copying.is_alive(), "the copy of the log")
    log = (request.folder / "session.log").read_text()
    assert "Serving notebooks from local directory" in log
    assert "\x1b" not in log
    assert token not in log
    bench.engine.stop_session(handle, grace=1)

    bench.engine.remove_session(handle)
    assert bench.engine.inspect_session(handle) is None
    assert (request.folder / "session.log").exists()
    bench.engine.remove_session(handle)


def test_a_port_that_is_held_is_told_apart(bench: Bench) -> None:
    """A port of somebody else is `PortTaken`, at the latest when the session starts, and then nothing is alive."""
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        request = bench.request(port=holder.getsockname()[1])
        with pytest.raises(PortTaken):
            bench.create(request)
    request = bench.request(port=free_port())
    handle = bench.create(request)
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", request.port))
        holder.listen()
        with pytest.raises(PortTaken):
            bench.engine.start_session(handle)
    facts = bench.engine.inspect_session(handle)
    assert facts is None or not facts.alive


def test_a_session_that_died_is_known_with_its_code(bench: Bench) -> None:
    """Killed from outside is neither alive nor vanished: it ended, and how is known."""
    request = bench.request()
    handle = bench.create(request)
    bench.engine.start_session(handle)
    pid = until(lambda: commands_with(f"root_dir={request.workspace.project}"), "JupyterLab's process")[-1]
    os.kill(pid, signal.SIGKILL)

    def dead() -> SessionFacts | None:
        facts = bench.engine.inspect_session(handle)
        return facts if facts and not facts.alive else None

    ended = until(dead, "the end of the session")
    assert ended.exit_code
    assert ended.reason


def test_a_shell_is_an_argv(bench: Bench) -> None:
    """A shell in a living session is a command that a terminal can run."""
    request = bench.request()
    handle = bench.create(request)
    bench.engine.start_session(handle)
    argv = bench.engine.shell(handle)
    assert argv
    assert (request.folder / "token").read_text() not in " ".join(argv)


def commands_with(text: str) -> list[int]:
    """Processes of this machine, also those in containers, that have `text` on their command line."""
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit() and int(folder.name) != os.getpid():
            try:
                words = (folder / "cmdline").read_bytes()
            except OSError:
                continue
            if text.encode() in words:
                found.append(int(folder.name))
    return sorted(found)


def connects(path: Path) -> bool:
    """Whether this process may connect to a unix socket."""
    import socket

    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(str(path))
        except OSError:
            return False
    return True
