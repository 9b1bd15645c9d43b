"""A runner whose run has left nothing behind takes another: what a new process costs is paid once for several.

nursery ◀──socket pair──▶ runner       an attempt's folder and places ─▶ taken or busy, in the end free

A run that did not succeed, that had secrets, or after which the process is not as it was, is the last one of its runner.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

from workbench.execution import farewell
from workbench.execution.fence import hold
from workbench.execution.job import RUNNER_LOG, read_job
from workbench.execution.result import read_result

TAKEN, BUSY, FREE = b"t", b"b", b"f"
MOST = 50  # runs of one process
IDLE = 2.0  # seconds that it waits for another
GROWTH = 32_000_000  # bytes by which it may have grown meanwhile
ANSWER = 5.0  # seconds in which one that is free takes what it is given
LONGEST = 65_536  # bytes of a path


class Succession:
    """The runner's side: `line` leads to its nursery."""

    def __init__(self, line: socket.socket) -> None:
        self.line = line
        self.runs = 0
        self.memory = _memory()
        self.open = 0  # descriptors after the first run

    def begin(self, folder: Path, places: Sequence[int]) -> int | None:
        """Take the attempt in `folder`, and tell that; the descriptor of its lock, None where another has it."""
        log = os.open(folder / RUNNER_LOG, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        nothing = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
        for source, target in ((nothing, 0), (log, 1), (log, 2)):
            os.dup2(source, target)
        os.close(log)
        os.close(nothing)
        for place in places:
            os.set_inheritable(place, False)
        lock = hold(folder)
        self.runs += 1
        self.line.send(BUSY if lock is None else TAKEN)
        return lock

    def serve(self, folder: Path, lock: int, places: Sequence[int]) -> None:
        """Be the runner of the attempt in `folder`, whose lock is held, and of those that are given after it."""
        held: int | None = lock
        while held is not None:
            spotless = attempt(folder, places)
            if not spotless:
                return
            os.chdir("/")
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            for descriptor in (*places, held):  # the lock last: who sees that it is free finds the places free
                os.close(descriptor)
            if not self.fit() or (coming := self.wait()) is None:
                return
            folder, places = coming
            held = self.begin(folder, places)

    def fit(self) -> bool:
        """Whether this process is as it was before its runs."""
        sys.stdout.flush()
        sys.stderr.flush()
        there = len(os.listdir("/proc/self/fd"))
        self.open = self.open or there
        return (
            self.runs < MOST
            and threading.active_count() == 1
            and there <= self.open
            and _memory() - self.memory < GROWTH
        )

    def wait(self) -> tuple[Path, list[int]] | None:
        """What is given next; None where nothing is in time, or nobody is there any more who could."""
        try:
            self.line.send(FREE)
            self.line.settimeout(IDLE)
            data, places, _, _ = socket.recv_fds(self.line, LONGEST, 8)
        except OSError:
            return None
        self.line.settimeout(None)
        return (Path(os.fsdecode(data)), places) if data else None


class Lines:
    """The nursery's side: the lines to its runners, each with the runner's process id."""

    def __init__(self) -> None:
        self.busy: dict[socket.socket, int] = {}
        self.free: dict[socket.socket, int] = {}

    def hear(self) -> bool:
        """Take in what runners say; whether one has become free."""
        became = False
        for line in select.select([*self.busy, *self.free], [], [], 0)[0]:
            pid = self._leave(line)
            with contextlib.suppress(OSError):
                if line.recv(1) == FREE:
                    self.free[line] = pid
                    became = True
                    continue
            line.close()
        return became

    def give(self, folder: Path, places: Sequence[int]) -> int | None:
        """Have one that is free take the attempt in `folder`; its process id, 0 where another has it, None where none is free."""
        self.hear()
        while self.free:
            line, pid = self.free.popitem()
            answer = b""
            with contextlib.suppress(OSError):  # it ended meanwhile
                line.settimeout(ANSWER)
                socket.send_fds(line, [os.fsencode(folder)], list(places))
                answer = line.recv(1)
            if answer == TAKEN:
                self.busy[line] = pid
                return pid
            line.close()
            if answer == BUSY:
                return 0
        return None

    def taken(self, line: socket.socket, pid: int) -> bool:
        """Whether a runner that was made for an attempt has it."""
        with contextlib.suppress(OSError):
            if line.recv(1) == TAKEN:
                self.busy[line] = pid
                return True
        line.close()
        return False

    def close(self) -> None:
        """Nothing more is given: those that are free end, the others after their run."""
        for line in (*self.busy, *self.free):
            line.close()
        self.busy.clear()
        self.free.clear()

    def _leave(self, line: socket.socket) -> int:
        return self.busy.pop(line, 0) or self.free.pop(line, 0)


def attempt(folder: Path, places: Sequence[int] = ()) -> bool:
    """Be the runner of the attempt in `folder`, whose lock is held, and of those that go on in its kernel. `places`, of the
    machine, are given back where it only keeps the kernel. Whether the run succeeded and left nothing in this process."""
    from workbench.execution.runner import Runner

    if read_result(folder) is not None:
        return False
    runner = Runner(folder, read_job(folder))
    keeping = runner.run()
    if keeping is None:
        return runner.spotless
    while keeping is not None:
        for place in places:
            os.close(place)
        coming = keeping.wait()
        keeping.close()
        if coming is None:
            farewell.end(keeping.launch.host, keeping.course, gently=True)
            return False
        places, launch = coming.places, keeping.launch
        keeping = Runner(coming.folder, read_job(coming.folder), launch).run()
    return False


def pair() -> tuple[socket.socket, socket.socket]:
    """Both ends of a line, which keeps messages apart."""
    return socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)


def _memory() -> int:
    """Bytes that this process has in memory, proc_pid_statm(5)."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
