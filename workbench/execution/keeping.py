"""A kernel that is kept after its run failed: by the run's own runner, for a while, so that a corrected run can go on in it.

    result.json ─▶ kept.json, kept.sock ─▶ waits ─┬─▶ the folder of the next attempt, with its place ─▶ runs it in this process
                                                  └─▶ its time is over, or it is asked, or the kernel or the folder is gone

The supervisor gives it back at its time; where there is none, it goes by itself a little later.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import socket
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.engines.registry import reopen
from workbench.errors import WorkbenchError
from workbench.execution.course import Course
from workbench.execution.entrance import Entrance
from workbench.execution.fence import hold
from workbench.execution.job import LOCK_FILE, Job, replace
from workbench.text import one_line

if TYPE_CHECKING:
    # Brings jupyter_client, which the supervisor, who asks for kept kernels, has no use for.
    from workbench.execution.launching import Launch

FILE, SOCKET = "kept.json", "kept.sock"
LOOK = 1.0  # seconds between looks at what may have gone
BEYOND = 600.0  # seconds after its time that it waits for a supervisor to say so
ANSWER = 20.0  # seconds for the answer of who keeps a kernel


@dataclass(frozen=True)
class Next:
    """The attempt that goes on in the kernel; its lock is held, and `places` are its places of the machine."""

    folder: Path
    places: tuple[int, ...]


class Keeping:
    """Made before the result is written: whoever reads there that the kernel is kept finds it."""

    def __init__(self, folder: Path, job: Job, launch: Launch, course: Course) -> None:
        self.folder = folder
        self.launch = launch
        self.course = course
        self.until = datetime.now(UTC) + timedelta(seconds=job.keep or 0)
        self.ends = time.monotonic() + (job.keep or 0) + BEYOND
        self.released = False
        self.entrances: dict[str, Entrance] = {}  # by their names
        self.line = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        with _named(folder) as path:
            Path(path).unlink(missing_ok=True)
            self.line.bind(path)
        self.line.listen(4)
        self.line.settimeout(ANSWER)
        facts = {**self.facts, **_ways(job, launch)}
        replace(folder / FILE, json.dumps(facts).encode(), durable=False)

    @property
    def facts(self) -> dict[str, Any]:
        """What the result says: until when, the cell from 1 that is next, the kernel's process on this machine."""
        host = self.launch.host
        return {"until": self.until.isoformat(), "cell": (self.course.at_rest or 0) + 1, "process": host.process}

    def wait(self) -> Next | None:
        """The attempt that goes on; None where the kernel is not to be kept any longer."""
        while not self.over:
            for name in [name for name, one in self.entrances.items() if not one.there]:
                self.entrances.pop(name).close()
            ready, _, _ = select.select([self.line], [], [], LOOK)
            coming = self._hear() if ready else None
            if coming:
                return coming
        return None

    @property
    def over(self) -> bool:
        """Whether it ends: asked by a signal, by its time, or nobody knows of it any more."""
        gone = not (self.folder / LOCK_FILE).exists()
        asked = self.released or self.course.cancel_asked
        return bool(asked or gone or time.monotonic() > self.ends or self.launch.host.poll() is not None)

    def close(self) -> None:
        """Nobody finds it any more, and nobody but its runner is in it."""
        for one in self.entrances.values():
            one.close()
        self.line.close()
        for name in (SOCKET, FILE):
            (self.folder / name).unlink(missing_ok=True)

    def _hear(self) -> Next | None:
        """The attempt that somebody asks for, where it is that."""
        with contextlib.suppress(OSError, ValueError, KeyError), self.line.accept()[0] as asker:
            asker.settimeout(ANSWER)
            data, places, _, _ = socket.recv_fds(asker, 65536, 8)
            with contextlib.ExitStack() as unused:
                for place in places:
                    unused.callback(os.close, place)
                asked = json.loads(data)
                if asked["what"] != "continue":
                    asker.sendall(json.dumps(self._done(asked)).encode())
                    return None
                folder = Path(asked["attempt"])
                if hold(folder) is None:
                    asker.sendall(json.dumps({"error": "the attempt is another's"}).encode())
                    return None
                unused.pop_all()  # lock and places are for life
                with contextlib.suppress(OSError):
                    asker.sendall(b"{}\n")
                return Next(folder, tuple(places))
        return None

    def _done(self, asked: Mapping[str, Any]) -> dict[str, str]:
        """Do what is asked beside going on; the answer."""
        name = str(asked.get("name") or "")
        try:
            if asked["what"] == "release":
                self.released = True
            elif asked["what"] == "keep":
                self.ends = time.monotonic() + float(asked["seconds"]) + BEYOND
            elif asked["what"] == "interrupt":
                self.launch.host.send_signal(signal.SIGINT)
            elif asked["what"] == "let in":
                self.entrances[name] = Entrance(Path(asked["folder"]), asked["seen"], name, self.launch.info)
            elif asked["what"] == "shut":
                place = Path(asked["folder"])
                for other in [key for key, one in self.entrances.items() if one.folder == place and key != name]:
                    self.entrances.pop(other).close()
        except (OSError, WorkbenchError) as error:
            return {"error": one_line(str(error), 300)}
        return {}


def _ways(job: Job, launch: Launch) -> dict[str, Any]:
    """How people get at the kernel: by its connection file, with its environment's own Python, in its container."""
    container = getattr(launch.host, "container", "")
    ways: dict[str, Any] = {"connection": launch.written()}
    if not container and launch.kernel.language.lower() == "python":
        ways["python"] = launch.kernel.argv[0]
    if container:
        with contextlib.suppress(WorkbenchError):  # there is no `docker` command
            ways["shell"] = reopen(job.engine, job.engine_options).shell(container)
    return ways


def release(folder: Path) -> bool:
    """Ask who keeps the kernel of an attempt to give it back; False where nobody does."""
    return _ask(folder, {"what": "release"}, ()) is not None


def keep(folder: Path, seconds: float) -> bool:
    """Have it kept for so long from now; False where nobody keeps one."""
    return _ask(folder, {"what": "keep", "seconds": str(seconds)}, ()) is not None


def interrupt(folder: Path) -> None:
    """Interrupt what runs in the kernel of an attempt. Raises `WorkbenchError`."""
    _do(folder, {"what": "interrupt"})


def let_in(folder: Path, place: Path, seen: str, name: str) -> None:
    """Let a Jupyter server in: an entrance `name` in its folder for sockets, as `Entrance` has it. Raises `WorkbenchError`."""
    _do(folder, {"what": "let in", "folder": str(place), "seen": seen, "name": name})


def shut(folder: Path, place: Path, but: str = "") -> None:
    """Close entrances in that folder for sockets, all but one."""
    _ask(folder, {"what": "shut", "folder": str(place), "name": but}, ())


def hand_over(folder: Path, attempt: Path, place: int | None) -> bool:
    """Have `attempt` go on in the kernel that is kept in `folder`; True once its lock is held for it."""
    places = () if place is None else (place,)
    answer = _ask(folder, {"what": "continue", "attempt": str(attempt)}, places)
    return answer is not None and "error" not in answer


def _do(folder: Path, words: dict[str, str]) -> None:
    answer = _ask(folder, words, ())
    if answer is None or "error" in answer:
        raise WorkbenchError("its kernel did not answer" if answer is None else answer["error"])


def _ask(folder: Path, words: dict[str, str], places: tuple[int, ...]) -> dict[str, Any] | None:
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as line, _named(folder) as path:
            line.settimeout(ANSWER)
            line.connect(path)
            socket.send_fds(line, [json.dumps(words).encode()], list(places))
            answer: dict[str, Any] = json.loads(line.recv(4096))
    except (OSError, ValueError):
        return None
    return answer


@contextlib.contextmanager
def _named(folder: Path) -> Iterator[str]:
    """The socket in `folder` by a short name: its path may be too long for one, unix(7)."""
    descriptor = os.open(folder, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{descriptor}/{SOCKET}"
    finally:
        os.close(descriptor)
