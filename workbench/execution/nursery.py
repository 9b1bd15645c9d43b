"""The supervisor's line to the nursery, the process that forks runners (`python -m` this module).

supervisor ──socket pair──▶ nursery (forks.py) ──fork──▶ runner (own session) ─▶ kernel
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any, BinaryIO

import workbench
from workbench.errors import WorkbenchError
from workbench.execution.fence import is_held
from workbench.execution.job import RUNNER_LOG
from workbench.execution.result import RESULT_FILE
from workbench.paths import Home

ANSWER = 60.0  # seconds the supervisor waits for a runner to exist; the first time papermill is imported in them
LOG_FILE = "nursery.log"


class Nursery:
    """The supervisor's side. Starts the process when a run needs it; may be used from several threads."""

    def __init__(self, home: Home, python: str = sys.executable) -> None:
        self.home = home
        self.python = python
        self.guard = threading.Lock()
        self.process: subprocess.Popen[bytes] | None = None
        self.line: socket.socket | None = None
        self.others: list[subprocess.Popen[bytes]] = []  # nurseries let go and plain runners, until they end

    def run(self, folder: Path, place: int | None = None) -> int | None:
        """Have the attempt in `folder` run; returns when its runner exists and holds its lock, with its process id. It
        holds `place` open for life, a descriptor which stays the caller's to close.

        None where the process id is not known, or the attempt was taken by another runner already. Raises
        `WorkbenchError` where none could be started.
        """
        with self.guard:
            self._reap()
            for _ in range(2):
                answer = self._ask(str(folder), place)
                if answer is not None:
                    if "error" in answer:
                        raise WorkbenchError(f"the runner could not be started: {answer['error']}")
                    return answer.get("pid")
                if _taken(folder):
                    return None
            return self._plainly(folder, place)

    def ready(self, engine: str) -> None:
        """Have the process there, with the engine imported, before a run needs it."""
        with self.guard:
            self._ask({"engine": engine})

    def alive(self) -> bool:
        """Whether the process is there. Call it now and then: it also takes leave of what has ended."""
        self._reap()
        return self.process is not None and self.process.poll() is None

    def close(self, seconds: float = -1.0) -> None:
        """Let it go: it ends after its last run. A run that takes longer than `seconds` to start is not waited for:
        the end of this process closes the line too."""
        if not self.guard.acquire(timeout=seconds):
            return
        try:
            if self.line:
                self.line.close()
            self.line = None
            self._reap()
        finally:
            self.guard.release()

    def _reap(self) -> None:
        self.others = [process for process in self.others if process.poll() is None]

    def _ask(self, request: str | dict[str, str], place: int | None = None) -> dict[str, Any] | None:
        """Its answer, None where it is gone; it is started where needed."""
        if self.line is None or not self.alive():
            self._start()
        assert self.line
        try:
            self.line.settimeout(ANSWER)
            asked = json.dumps(request).encode() + b"\n"
            sent = socket.send_fds(self.line, [asked], [] if place is None else [place])
            self.line.sendall(asked[sent:])
            answer = b""
            while not answer.endswith(b"\n"):
                part = self.line.recv(4096)
                if not part:
                    raise ConnectionError
                answer += part
        except OSError:
            self.line.close()
            self.line = None
            return None
        facts: dict[str, Any] = json.loads(answer)
        return facts

    def _start(self) -> None:
        if self.line:
            self.line.close()
        if self.process:
            self.others.append(self.process)
            self._reap()
        ours, theirs = socket.socketpair()
        with theirs, (self.home.state / LOG_FILE).open("ab") as log:
            line = ["--line", str(theirs.fileno()), "--wake", str(self.home.wake_socket)]
            self.process = self._begin("workbench.execution.nursery", line, [theirs.fileno()], log)
        self.line = ours

    def _begin(self, module: str, arguments: list[str], keep: list[int], log: BinaryIO) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [self.python, "-m", module, *arguments],
            pass_fds=keep,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env=dict(os.environ),  # not what a library has set beside it: that would not be what is known of it here
            start_new_session=True,
            cwd=package_root(),
        )

    def _plainly(self, folder: Path, place: int | None) -> int:
        """A runner without a nursery: slower to start, otherwise the same."""
        with (folder / RUNNER_LOG).open("ab") as log:
            held = [] if place is None else [place]
            process = self._begin("workbench.execution.runner", [str(folder), *map(str, held)], held, log)
        self.others.append(process)
        deadline = time.monotonic() + ANSWER
        while not _taken(folder):
            if process.poll() is not None or time.monotonic() > deadline:
                process.kill()
                raise WorkbenchError("no runner could be started", hint=f"What it said: {folder / RUNNER_LOG}")
            time.sleep(0.01)
        return process.pid


def package_root() -> Path:
    """Where `python -m workbench…` finds this package: the checkout, or the folder it is installed in."""
    return Path(workbench.__file__).parent.parent


def _taken(folder: Path) -> bool:
    return is_held(folder) or (folder / RESULT_FILE).exists()


if __name__ == "__main__":
    from workbench.execution.forks import main

    main()
