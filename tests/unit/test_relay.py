"""The relay that is started beside a tool: both programs keep the same promises."""

from __future__ import annotations

import ast
import contextlib
import os
import re
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path, PurePosixPath

import pytest
from waiting import until

from workbench.engines.relay import Relay, chosen
from workbench.errors import Refused
from workbench.ports import free
from workbench.supervisor.sessions.probe import free_port

PROGRAMS = {"python": sys.executable, "perl": shutil.which("perl") or "/usr/bin/perl"}
BIG = os.urandom(1_000_000) * 8
# Says everything back, and what it said when it is told to end; both ways at once, as a websocket is.
TOOL = """
import os, signal, socket, sys, threading
listener = socket.create_server(("127.0.0.1", int(sys.argv[1])))
signal.signal(signal.SIGTERM, lambda *_: (print("told to end", flush=True), os._exit(7)))
def serve(one):
    while data := one.recv(65536):
        one.sendall(data)
    one.sendall(b"|end")
    one.close()
def go():
    while True:
        threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()
def kind(number):
    try:
        return os.readlink("/proc/self/fd/" + number).partition(":")[0]
    except OSError:
        return ""
print(oct(os.umask(0)), [kind(number) for number in os.listdir("/proc/self/fd")].count("socket"), flush=True)
threading.Thread(target=go, daemon=True).start()
while True:
    signal.pause()
"""


@pytest.fixture(params=sorted(PROGRAMS))
def relay(request: pytest.FixtureRequest) -> Relay:
    """Either program."""
    return Relay(request.param, PROGRAMS[request.param])


class Started:
    """A relay with a tool behind it."""

    def __init__(self, relay: Relay, folder: Path, *argv: str, port: int = 9, account: str = "", **more: int) -> None:
        program = PurePosixPath(relay.install(folder))
        self.path = folder / "tool.sock"
        offered = {"tool.sock": port, **{f"{name}.sock": number for name, number in more.items()}}
        line = relay.wrap(argv, program=program, folder=PurePosixPath(folder), offered=offered, account=account)
        self.process = subprocess.Popen(
            line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
        )

    def listens(self, path: Path | None = None) -> bool:
        """Whether it takes connections: a socket is there a moment before."""
        with socket.socket(socket.AF_UNIX) as one:
            return one.connect_ex(str(path or self.path)) == 0

    def connect(self, path: Path | None = None) -> socket.socket:
        """A connection through it."""
        one = socket.socket(socket.AF_UNIX)
        one.settimeout(30)
        one.connect(str(path or self.path))
        return one


@pytest.fixture
def echoing(relay: Relay, tmp_path: Path) -> Iterator[Started]:
    """One with a tool that says everything back."""
    port = free_port()
    tool = tmp_path / "tool.py"
    tool.write_text(TOOL)
    (tmp_path / "tool.sock").write_text("left by the last one")
    started = Started(relay, tmp_path, sys.executable, str(tool), str(port), port=port)
    try:
        until(lambda: not free(port), "the tool")
        yield started
    finally:
        started.process.terminate()
        started.process.communicate(timeout=20)


def everything(one: socket.socket) -> bytes:
    """What is heard until the end."""
    said = b""
    while part := one.recv(1_000_000):
        said += part
    return said


def test_connections_are_carried_whole(echoing: Started) -> None:
    """Much data both ways at once, over several connections side by side, and an end that one side says first."""
    assert stat.S_IMODE(echoing.path.stat().st_mode) == 0o600
    heard: list[bytes] = []

    def talk() -> None:
        with echoing.connect() as one:
            reader = threading.Thread(target=lambda: heard.append(everything(one)))
            reader.start()
            one.sendall(BIG)
            one.shutdown(socket.SHUT_WR)
            reader.join(60)

    idle = echoing.connect()
    talks = [threading.Thread(target=talk) for _ in range(4)]
    for one in talks:
        one.start()
    for one in talks:
        one.join(60)
    assert [said == BIG + b"|end" for said in heard] == [True] * 4
    idle.sendall(b"still here")
    assert idle.recv(100) == b"still here"
    idle.close()


def test_a_tool_that_is_told_to_end_ends_so(echoing: Started) -> None:
    """A signal reaches the tool, its exit code is the relay's, and the socket is gone; the tool has its own umask and no
    descriptor of the relay."""
    with echoing.connect() as one:
        one.sendall(b"x")
        assert one.recv(1) == b"x"
        echoing.process.send_signal(signal.SIGTERM)
        assert echoing.process.wait(20) == 7
    out, error = echoing.process.communicate()
    mask = os.umask(0)
    os.umask(mask)
    assert out.splitlines()[0] == f"{oct(mask)} 1", "its own listener"
    assert out.count("told to end") == 1
    assert error == ""
    assert not echoing.path.exists()


def test_ends_are_the_tools(relay: Relay, tmp_path: Path) -> None:
    """Exit codes, deaths by signal and what cannot be started are told as they are."""
    for script, code in (
        ("exit 0", 0),
        ("exit 3", 3),
        ("kill -9 $$", -9),
        ("kill -TERM $$", -15),
        ("kill -SEGV $$", -11),
    ):
        started = Started(relay, tmp_path, "sh", "-c", script)
        assert (started.process.wait(20), started.path.exists()) == (code, False), script
        started.process.communicate()
    for name, code in (("no-such-program", 127), (str(tmp_path), 126)):
        started = Started(relay, tmp_path, name)
        assert started.process.wait(20) == code
        assert name in started.process.communicate()[1]


def test_nobody_listens_yet(relay: Relay, tmp_path: Path) -> None:
    """Where the tool does not listen yet, a connection is closed at once, and the relay goes on."""
    started = Started(relay, tmp_path, "sleep", "600", port=free_port())
    until(started.listens, "the socket")
    for _ in range(3):
        with started.connect() as one:
            assert everything(one) == b""
    assert started.process.poll() is None
    started.process.terminate()
    assert started.process.wait(20) == -15
    started.process.communicate()


@pytest.fixture
def saying() -> Iterator[tuple[int, int]]:
    """Two ports of ours that say which they are, the second of ::1 alone, as some programs take `localhost`."""
    with socket.create_server(("127.0.0.1", 0)) as first, socket.socket(socket.AF_INET6) as second:
        second.bind(("::1", 0))
        second.listen()

        def say(listener: socket.socket, words: bytes) -> None:
            while True:
                try:
                    one, _ = listener.accept()
                except OSError:
                    return
                with one, contextlib.suppress(OSError):  # one that only looked is gone again
                    one.sendall(words + one.recv(100))

        threads = [threading.Thread(target=say, args=pair) for pair in ((first, b"first "), (second, b"second "))]
        for thread in threads:
            thread.start()
        yield first.getsockname()[1], second.getsockname()[1]
        for listener in (first, second):
            listener.shutdown(socket.SHUT_RDWR)
        for thread in threads:
            thread.join(20)


def test_several_ports_each_at_a_socket_of_its_own(relay: Relay, tmp_path: Path, saying: tuple[int, int]) -> None:
    """Each port is behind its own socket, on either address of loopback; one on which nobody listens closes at once, and
    all sockets go with the tool."""
    first, second = saying
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))  # and does not listen
        nobody = held.getsockname()[1]
        started = Started(relay, tmp_path, "sleep", "600", port=first, other=second, nobody=nobody)
        paths = [tmp_path / f"{name}.sock" for name in ("tool", "other", "nobody")]
        until(lambda: all(map(started.listens, paths)), "the sockets")
        for path, words in zip(paths, (b"first hello", b"second hello", b""), strict=True):
            assert stat.S_IMODE(path.stat().st_mode) == 0o600
            with started.connect(path) as one:
                if words:
                    one.sendall(b"hello")
                assert everything(one) == words
        started.process.terminate()
        assert started.process.wait(20) == -15
        started.process.communicate()
    assert [path.exists() for path in paths] == [False] * 3


@pytest.fixture
def others() -> Iterator[tuple[Path, str]]:
    """A folder of another account where we are root, else of ours, and whose it is."""
    account = f"{os.getuid() or 65534}:{os.getgid() or 65534}"
    folder = Path(tempfile.mkdtemp())  # folders of pytest are closed to others
    os.chown(folder, *map(int, account.split(":")))
    yield folder, account
    shutil.rmtree(folder)


def test_beside_a_tool_that_has_to_be_the_first_process(
    relay: Relay, others: tuple[Path, str], saying: tuple[int, int]
) -> None:
    """The tool is the very process that was started, with signals as they were; the relay works beside it as the account."""
    script = "echo $$; cat /proc/self/status | grep ^SigIgn; exec sleep 600"
    folder, account = others
    started = Started(relay, folder, "sh", "-c", script, port=saying[0], account=account)
    try:
        assert started.process.stdout
        assert started.process.stdout.readline().strip() == str(started.process.pid)
        assert int(started.process.stdout.readline().split()[1], 16) & (1 << signal.SIGPIPE - 1) == 0
        until(started.listens, "the socket")
        assert started.path.stat().st_uid == int(account.partition(":")[0])
        with started.connect() as one:
            one.sendall(b"hello")
            assert everything(one) == b"first hello"
        started.process.terminate()
        assert started.process.wait(20) == -15, "signals are the tool's own"
    finally:
        started.process.kill()
        for child in relays_of(folder):
            os.kill(child, signal.SIGKILL)
        started.process.communicate(timeout=20)


def relays_of(folder: Path) -> list[int]:
    """Processes that run the relay of `folder`."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = entry.read_bytes().split(b"\0")
        except OSError:
            continue
        if os.fsencode(folder / "relay") in words:
            found.append(int(entry.parent.name))
    return found


def test_the_python_of_an_image_may_be_old() -> None:
    """The program for Python has no syntax that 3.6 does not know, and neither imports anything that a slim image lacks."""
    text = (files("workbench.engines.relay") / "program.py").read_text()
    tree = ast.parse(text, feature_version=(3, 6))
    names = [alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names]
    assert set(names) <= sys.stdlib_module_names
    assert not [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    used = re.findall(r"^use (\w+)", (files("workbench.engines.relay") / "program.pl").read_text(), re.MULTILINE)
    assert set(used) <= {"strict", "warnings", "constant", "Errno", "POSIX", "Socket"}, "what perl-base has"


def test_which_program_an_image_has() -> None:
    """The first that the image has is taken; an image without any is refused with what to do."""
    assert chosen("/opt/venv/bin/python3", "/usr/bin/perl") == Relay("python", "/opt/venv/bin/python3")
    assert chosen("", "/usr/bin/perl") == Relay("perl", "/usr/bin/perl")
    with pytest.raises(Refused, match="neither python3 nor perl"):
        chosen("", "")
