"""A process under a keeper, as others see it: started, asked, ended, and found again by its folder.

The folder of one holds `lock` (held while the keeper lives), `identity.json` and at the end `exit.json`.
"""

from __future__ import annotations

import errno
import json
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Protocol, TextIO

import workbench
from workbench.engines.process import proc
from workbench.errors import WorkbenchError, in_words
from workbench.locks import is_held
from workbench.text import one_line

START = 30.0  # seconds in which a keeper says that its process exists
GONE = 15.0  # seconds in which a keeper that was told to kill has killed everything


@dataclass(frozen=True)
class Job:
    """What a keeper is to do.

    `output`: the file that gets what the process prints; empty, it prints where its keeper does. `secrets`: files
    whose contents may not stand in it. `limits`: memory in bytes, pids, and `cores` to run on. `grace`: seconds
    between SIGTERM and SIGKILL. `parent_variable`: an environment variable that gets the keeper's process id.
    `detached`: it outlives who started it, and is ended by signals.
    """

    label: str
    mark: str
    argv: list[str]
    cwd: str
    env: dict[str, str]
    folder: str
    output: str = ""
    output_limit: int = 20_000_000
    scrub: list[str] = field(default_factory=list)
    limits: dict[str, Any] = field(default_factory=dict)
    grace: float = 2.0
    parent_variable: str = ""
    detached: bool = False
    umask: int = 0o022

    def described(self) -> dict[str, Any]:
        """As its keeper reads it, in JSON."""
        return {**asdict(self), "env": {**self.env, proc.MARK: self.mark}, "umask": _umask()}


class Keeping(Protocol):
    """The process of a keeper, as far as a line needs it."""

    def wait(self, timeout: float | None = None) -> object:
        """Wait for its end; raises `TimeoutExpired` after `timeout` seconds."""

    def kill(self) -> None:
        """SIGKILL."""


class Line:
    """The line to a keeper that was just started. Its end is the end of what is kept, unless that is detached."""

    def __init__(self, job: Job, *, stdout: TextIO | int = subprocess.DEVNULL) -> None:
        """Start a keeper for `job`; returns once its process exists, raises `WorkbenchError` where it cannot."""
        ours, theirs = socket.socketpair()
        self._take(job, ours)
        complaints = self.folder / "keeper.log"
        with theirs, complaints.open("wb") as log:
            process = subprocess.Popen(
                _command(job.label, theirs.fileno()),
                stdin=subprocess.PIPE,
                stdout=stdout,
                stderr=log if job.output else stdout,
                pass_fds=[theirs.fileno()],
                start_new_session=True,
                cwd="/",
            )
        self.process: Keeping = process
        assert process.stdin
        try:
            with process.stdin as stdin:
                stdin.write(json.dumps(job.described()).encode())
            words = self._first(START)
        except OSError as error:
            self.close()
            said, hint = in_words(error)
            raise WorkbenchError(f"{job.label} could not be started: {said}", hint=hint) from error
        if "started" not in words:
            self.close()
            why = words.get("failed") or f"its keeper died: {one_line(complaints.read_text()[-300:])}"
            full = os.strerror(errno.ENOSPC) in why
            said, hint = in_words(OSError(errno.ENOSPC, "")) if full else (why, "")
            raise WorkbenchError(f"{job.label} could not be started: {said}", hint=hint)
        self.pid = int(words["started"])

    def _take(self, job: Job, ours: socket.socket) -> None:
        self.folder = Path(job.folder)
        self.mark = job.mark
        self.socket = ours
        self.exit: dict[str, Any] | None = None
        self.gone = False
        self.left: int | None = None  # of what it answered for, as the keeper said at its end
        self.received = b""

    def look(self, seconds: float = 0.0) -> dict[str, Any] | None:
        """How the process ended, None while it lives; waits at most `seconds` for that."""
        deadline = time.monotonic() + seconds
        while self.exit is None and not self.gone:
            if not self._hear(deadline):
                return None
        if self.exit is None:  # its keeper was killed; the process is bound to die with it
            self.exit = {"code": 128 + signal.SIGKILL, "signal": int(signal.SIGKILL), "oom": None}
        return self.exit

    def signal(self, number: int) -> None:
        """Send a signal to the process; nothing where it ended."""
        self._say(f"signal {int(number)}")

    def kill(self) -> None:
        """End everything below the keeper, and return when nothing is left."""
        self._say("kill")
        deadline = time.monotonic() + GONE
        while not self.gone and self._hear(deadline):
            pass
        if not self.gone:
            self.process.kill()
        self.process.wait()
        if self.left != 0:
            end_marked(self.mark)
        self.look()

    def finished(self, seconds: float) -> bool:
        """Whether nothing is left, waiting at most `seconds`."""
        deadline = time.monotonic() + seconds
        while not self.gone and self._hear(deadline):
            pass
        return self.gone

    def close(self) -> None:
        """Hang up and take leave of the keeper. Ends what is kept unless it is detached."""
        self.socket.close()
        try:
            self.process.wait(GONE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def _first(self, seconds: float) -> dict[str, Any]:
        """The first thing that the keeper says; nothing where it says none in time."""
        words: list[dict[str, Any]] = []
        deadline = time.monotonic() + seconds
        while not words and not self.gone:
            if not self._hear(deadline, words):
                break
        return words[0] if words else {}

    def _say(self, words: str) -> None:
        try:
            self.socket.sendall(f"{words}\n".encode())
        except OSError:
            return

    def _hear(self, deadline: float, words: list[dict[str, Any]] | None = None) -> bool:
        """Take in what the keeper says until `deadline`; False where it said nothing."""
        if self.gone:
            return False
        ready, _, _ = select.select([self.socket], [], [], max(0.0, deadline - time.monotonic()))
        if not ready:
            return False
        try:
            data = self.socket.recv(65536)
        except ConnectionError:
            data = b""
        if not data:
            self.gone = True
            return True
        *lines, self.received = (self.received + data).split(b"\n")
        for line in lines:
            said = json.loads(line)
            self.exit = said.get("exit", self.exit)
            self.left = said.get("gone", self.left)
            self.gone = self.gone or "gone" in said
            if words is not None:
                words.append(said)
        return True


def alive(folder: Path) -> bool:
    """Whether a keeper lives that keeps `folder`."""
    return is_held(folder / "lock")


def read(folder: Path, name: str) -> dict[str, Any] | None:
    """`identity.json` or `exit.json` of a folder; None where it is not there or not whole."""
    try:
        data = json.loads((folder / name).read_bytes())
    except (OSError, ValueError):
        return None
    return data if isinstance(data, dict) else None


def stop(folder: Path, grace: float) -> None:
    """Ask what is kept in `folder` to end, kill it after `grace` seconds; returns when nothing of it is left."""
    identity = read(folder, "identity.json")
    if alive(folder) and identity:
        if grace > 0:
            signal_keeper(identity, signal.SIGTERM)
            _until_dead(folder, grace)
        for _ in range(2):  # where nothing was asked before, the first only asks
            if alive(folder):
                signal_keeper(identity, signal.SIGTERM)
                _until_dead(folder, 0.2)
        _until_dead(folder, GONE)
        if alive(folder):
            signal_keeper(identity, signal.SIGKILL)
            _until_dead(folder, GONE)
    if identity and identity.get("boot") == proc.boot_id():
        end_marked(str(identity.get("mark")))


def signal_keeper(identity: Mapping[str, Any], number: int) -> bool:
    """Signal a keeper, if its process id still means it; whether it does."""
    if identity.get("boot") != proc.boot_id():
        return False
    return proc.signal_exactly(int(identity["pid"]), int(identity["started"]), number)


def end_marked(mark: str) -> int:
    """Kill what was started under a keeper that is gone; how many were found."""
    found: set[int] = set()
    deadline = time.monotonic() + GONE
    while time.monotonic() < deadline:
        left = proc.marked(mark)
        if not left:
            break
        found.update(left)
        proc.send(left, signal.SIGKILL)
        time.sleep(0.02)
    return len(found)


def _until_dead(folder: Path, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while alive(folder) and time.monotonic() < deadline:
        time.sleep(0.02)


def _command(label: str, control: int) -> list[str]:
    """Our own interpreter without site-packages; what `ps` shows ends with the label."""
    code = "import sys; sys.path.append(sys.argv[1]); from workbench.engines.process.keeper import main; main()"
    root = Path(workbench.__file__).parent.parent
    return [sys.executable, "-I", "-S", "-c", code, str(root), str(control), label]


def _umask() -> int:
    """The umask of this process; read without changing it, which would hold for all threads."""
    try:
        with open("/proc/self/status") as file:
            for line in file:
                if line.startswith("Umask:"):
                    return int(line.split()[1], 8)
    except OSError:
        pass
    return 0o022
