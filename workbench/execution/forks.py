"""The nursery: a process that has papermill imported and forks runners, each for a run and those that it takes after it.

It keeps one thread and opens no zmq context, store or client before a fork. When its supervisor goes, it takes no new
work and ends after its last child; when it is killed, its runners live on, for they are sessions of their own.
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import json
import os
import select
import signal
import socket
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from workbench.errors import WorkbenchError
from workbench.execution.job import read_job
from workbench.execution.succession import Lines, Succession, pair
from workbench.execution.waking import wake
from workbench.model.environment import EngineName

IDLE = 600.0  # seconds without a run after which it goes


class Forks:
    """The process itself."""

    def __init__(self, line: socket.socket, wake: Path) -> None:
        self.line: socket.socket | None = line
        self.leaving = False
        self.wake = wake
        self.children: set[int] = set()
        self.lines = Lines()
        self.received = b""
        self.alarm, bell = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.set_wakeup_fd(bell, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, _noted)
        signal.signal(signal.SIGTERM, self.dismissed)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)

    def dismissed(self, *_: object) -> None:
        """Take no new work; the supervisor sees its line end."""
        if self.line:
            self.line.close()
        self.line = None
        self.leaving = True

    def serve(self) -> None:
        """Fork what is asked for, until nobody asks any more and the last child ended."""
        while self.line or self.children:
            if self.leaving:
                self.lines.close()
            sources: list[Any] = [self.alarm, *self.lines.busy, *self.lines.free, *([self.line] if self.line else [])]
            ready, _, _ = select.select(sources, [], [], None if self.children else IDLE)
            if not ready and not self.children:
                return
            if self.alarm in ready:
                with contextlib.suppress(BlockingIOError):
                    os.read(self.alarm, 512)
                self.reap()
            if self.lines.hear():
                wake(self.wake)
            if self.line and self.line in ready:
                self.listen(self.line)

    def reap(self) -> None:
        """Take leave of children that ended, and let the supervisor look."""
        ended = False
        with contextlib.suppress(ChildProcessError):
            while True:
                pid, _ = os.waitpid(-1, os.WNOHANG)
                if pid == 0:
                    break
                self.children.discard(pid)
                ended = True
        if ended:
            wake(self.wake)

    def listen(self, line: socket.socket) -> None:
        """Take requests, one JSON value a line: the folder of an attempt, or the engine that one will need. Each is answered
        by one line."""
        try:
            data, places, _, _ = socket.recv_fds(line, 65536, 8)
        except ConnectionError:
            data, places = b"", []
        if not data:
            self.dismissed()
            return
        *requests, self.received = (self.received + data).split(b"\n")
        for request in requests:
            try:
                asked = json.loads(request)
                answer: dict[str, Any] = (
                    {"pid": self.runner(Path(asked), places)} if isinstance(asked, str) else _import(asked)
                )
            except (OSError, ValueError) as error:
                answer = {"error": str(error)}
            with contextlib.suppress(OSError):
                line.sendall(json.dumps(answer).encode() + b"\n")
        for place in places:
            os.close(place)

    def runner(self, folder: Path, places: Sequence[int] = ()) -> int | None:
        """A runner for `folder`, once it holds its lock: one that is free, or a new one; None where another has it."""
        import_engine(folder)
        given = self.lines.give(folder, places)
        return (given or None) if given is not None else self.fork(folder, places)

    def fork(self, folder: Path, places: Sequence[int]) -> int | None:
        """A new runner for `folder`. It keeps `places` open as long as it runs that."""
        line, theirs = pair()
        child = os.fork()
        if child == 0:
            code = 70
            try:
                _be_runner(folder, theirs, places)
                code = 0
            except BaseException:  # noqa: BLE001 - nothing may return into the nursery's loop
                traceback.print_exc()
            finally:
                with contextlib.suppress(OSError, ValueError):
                    sys.stdout.flush()
                    sys.stderr.flush()
                os._exit(code)
        theirs.close()
        self.children.add(child)
        return child if self.lines.taken(line, child) else None


def _be_runner(folder: Path, line: socket.socket, places: Sequence[int]) -> None:
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
    os.setsid()
    os.chdir("/")
    succession = Succession(line)
    lock = succession.begin(folder, places)
    if lock is None:
        return
    for name in os.listdir("/proc/self/fd"):
        if int(name) > 2 and int(name) not in (lock, line.fileno(), *places):
            with contextlib.suppress(OSError):
                os.close(int(name))
    succession.serve(folder, lock, places)


def import_engine(folder: Path) -> None:
    """Import the engine that a job needs before the fork, so that it is paid once."""
    from workbench.engines.registry import reopen

    job = read_job(folder)
    with contextlib.suppress(WorkbenchError, LookupError, TypeError):  # the runner will tell
        reopen(job.engine, job.engine_options)


def _import(asked: dict[str, str]) -> dict[str, Any]:
    """Import an engine before a run needs it."""
    from workbench.engines.registry import import_engine as imported

    imported(EngineName(asked["engine"]))
    return {}


def warm() -> None:
    """Import what every run needs, and have what is made at first use made now."""
    import concurrent.futures.thread  # noqa: F401 - by the first thread of a loop

    from papermill.iorw import load_notebook_node

    import workbench.execution.exchange
    import workbench.execution.papermill_engine
    import workbench.execution.runner
    import workbench.execution.translators  # noqa: F401
    from workbench.notebooks.document import parse, rehearse, written

    empty = {"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    written(load_notebook_node(parse(json.dumps(empty).encode(), title="").node()))
    rehearse()
    gc.collect()
    gc.freeze()


def _noted(*_: object) -> None:
    """Signals are seen in the wake-up pipe."""


def main() -> None:
    """`python -m workbench.execution.nursery --line FD --wake PATH`, started by `Nursery` only."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--line", type=int, required=True)
    parser.add_argument("--wake", type=Path, required=True)
    given = parser.parse_args()
    line = socket.socket(fileno=given.line)
    line.set_inheritable(False)
    warm()
    os.chdir("/")
    Forks(line, given.wake).serve()
