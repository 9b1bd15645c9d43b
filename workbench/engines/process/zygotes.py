"""Zygotes as our side has them: which one a kernel may come from, one that is started, and a kernel asked of it.

A kernel comes from a zygote only where it would be the same as one that was started: the zygote's key is everything that
a Python reads while it starts and imports. What is given to one run alone (secrets, the run's own variables) is not in
it, and where such a variable is of the kind that is read at an import, the kernel is started as ever.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import select
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import workbench
from workbench.engines.base import Workspace
from workbench.engines.process import kept, proc
from workbench.engines.process.surroundings import environment
from workbench.engines.process.venv import PYTHON
from workbench.engines.process.wire import send
from workbench.engines.warm import NO_HISTORY
from workbench.errors import WorkbenchError
from workbench.model.environment import KernelSpec, Revision
from workbench.paths import SOCKET_PATH_LIMIT, Home, private_folder
from workbench.text import one_line

ANSWER = 10.0  # seconds in which a kernel's process exists; then it is started without the zygote
READY = 120.0  # seconds in which one has imported what it should
LEAVE = 2.0  # seconds in which one that was let go ends
LAUNCHER = "ipykernel_launcher"
# Our code in a Python that does not have it: loaded from its files by name, with nothing added to `sys.path`.
BOOT = """
import sys
sys.path[:] = sys.path[1:] if sys.path[:1] == [""] else sys.path
from importlib.util import module_from_spec, spec_from_file_location
root, written = sys.argv.pop(1), sys.dont_write_bytecode
sys.dont_write_bytecode = True
spec = spec_from_file_location("workbench", root + "/__init__.py", submodule_search_locations=[root])
sys.modules["workbench"] = module_from_spec(spec)
spec.loader.exec_module(sys.modules["workbench"])
from workbench.engines.process.zygote import main
sys.dont_write_bytecode = written
del module_from_spec, spec_from_file_location, root, written, spec
main()
"""


@dataclass(frozen=True)
class Recipe:
    """What makes a zygote: the interpreter with its options, its variables, modules to import beside the kernel's."""

    python: tuple[str, ...]
    env: Mapping[str, str]
    preload: tuple[str, ...]
    revision: str
    arguments: tuple[str, ...]  # of kernels

    @property
    def key(self) -> str:
        """12 hex digits; equal where everything is."""
        facts = [
            self.python,
            sorted(self.env.items()),
            self.preload,
            self.revision,
            self.arguments,
            workbench.__version__,
        ]
        return hashlib.sha256(json.dumps(facts).encode("utf-8", "surrogatepass")).hexdigest()[:12]


def recipe(revision: Revision, workspace: Workspace, kernel: KernelSpec) -> Recipe | None:
    """The zygote that kernels of this kind come from; None where they are of no kind that can be forked."""
    argv = list(kernel.argv)
    if not workspace.warm or "-m" not in argv or not PYTHON.match(Path(argv[0]).name):
        return None
    at = argv.index("-m")
    if argv[at + 1 : at + 2] != [LAUNCHER] or any(not part.startswith("-") for part in argv[1:at]):
        return None
    env = environment(revision, workspace, kernel.env)
    arguments = tuple(part for part in argv[at + 2 :] if part != NO_HISTORY)
    return Recipe(tuple(argv[:at]), env, workspace.preload, revision.id, (*arguments, NO_HISTORY))


def first(revision: Revision, workspace: Workspace, name: str = "") -> Recipe | None:
    """The zygote of the kernel of that name, or of the first kernel of an environment that can have one."""
    found = (recipe(revision, workspace, kernel) for kernel in revision.kernels if name in ("", kernel.name))
    return next(filter(None, found), None)


class Forked(kept.Line):
    """The line to the keeper of a kernel that a zygote has forked."""

    def __init__(self, job: kept.Job, connection: socket.socket) -> None:
        self._take(job, connection)
        words: dict[str, Any] = {}
        try:
            connection.settimeout(ANSWER)
            send(connection, job.described())
            words = self._first(ANSWER)
        except OSError:
            pass
        if "started" not in words:
            connection.close()  # whatever is there of it ends then
            raise WorkbenchError(one_line(str(words.get("failed") or "the zygote did not answer")))
        self.process = _Keeper(int(words["keeper"]), int(words["since"]))
        self.pid = int(words["started"])


class _Keeper:
    """A keeper that is nobody's child of ours."""

    def __init__(self, pid: int, since: int) -> None:
        self.pid, self.since = pid, since

    def wait(self, timeout: float | None = None) -> None:
        deadline = None if timeout is None else time.monotonic() + timeout
        try:
            handle = os.pidfd_open(self.pid)
        except ProcessLookupError:
            return
        try:
            if proc.start_time(self.pid) == self.since:
                left = None if deadline is None else max(0.0, deadline - time.monotonic())
                if not select.select([handle], [], [], left)[0]:
                    raise subprocess.TimeoutExpired("keeper", timeout or 0.0)
        finally:
            os.close(handle)

    def kill(self) -> None:
        proc.signal_exactly(self.pid, self.since, signal.SIGKILL)


def ask(home: Home, wanted: Recipe, job: kept.Job) -> Forked | None:
    """A kernel of the zygote that is `wanted`, None where there is none or it did not go well: then nothing is left of it."""
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        connection.connect(str(place(home, wanted.key)))
    except OSError:
        connection.close()
        return None
    try:
        return Forked(job, connection)
    except WorkbenchError as error:
        sys.stderr.write(f"the kernel is not a warm one: {error}\n")
        kept.stop(Path(job.folder), grace=0)
        kept.end_marked(job.mark)
        return None


class Zygote:
    """One that was started here, and ends with us. `problems`: what could not be loaded ahead, in words."""

    def __init__(self, home: Home, wanted: Recipe) -> None:
        """Start it and wait until it is ready; raises `WorkbenchError` where it is not in time."""
        self.key = wanted.key
        self.loaded = wanted.preload
        self.path = place(home, wanted.key)
        self.folder = private_folder(folder(home) / wanted.key)
        end(self.folder)
        self.path.unlink(missing_ok=True)
        _sweep_sockets(self.path.parent)
        self.mark = mark = f"{home.id}-{secrets.token_hex(6)}"
        ours, theirs = socket.socketpair()
        self.line = ours
        log = self.folder / "log.txt"
        with theirs, log.open("wb") as output:
            self.process = subprocess.Popen(
                [
                    *wanted.python, "-c", BOOT, str(Path(workbench.__file__).parent), str(self.path),
                    str(theirs.fileno()), json.dumps(wanted.preload), json.dumps(wanted.arguments), f"workbench: warm kernel {wanted.key}",
                ],
                env={**wanted.env, proc.MARK: mark}, pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL,
                stdout=output, stderr=output, start_new_session=True, cwd="/",
            )  # fmt: skip
        pid = self.process.pid
        own = os.getpid()
        facts = {
            "pid": pid, "started": proc.start_time(pid), "boot": proc.boot_id(), "mark": mark,
            "owner": own, "owner_started": proc.start_time(own),
        }  # fmt: skip
        (self.folder / "identity.json").write_text(json.dumps(facts))
        try:
            self.line.settimeout(READY)
            words = self.line.makefile("rb").readline()
        except OSError:
            words = b""
        if not words:
            self.close()
            last = one_line(log.read_text(errors="replace").strip().rpartition("\n")[2], 300)
            raise WorkbenchError(f"kernels are not kept warm: {last or 'it did not get ready'}")
        said = json.loads(words)
        self.problems: tuple[str, ...] = tuple(one_line(str(one), 200) for one in said["problems"])
        self.watched: Mapping[str, int] = said["watched"]

    @property
    def alive(self) -> bool:
        """Whether it is there."""
        return self.process.poll() is None

    @property
    def stale(self) -> bool:
        """Whether packages, or modules that it has loaded from elsewhere, were changed since."""
        return any(_changed(path) != age for path, age in self.watched.items())

    @property
    def memory(self) -> int:
        """Bytes that it holds, with the kernel that it has made ahead."""
        return proc.proportional(proc.marked(self.mark))

    def close(self) -> None:
        """Let it go; kernels that came from it go on."""
        self.line.close()
        try:
            self.process.wait(LEAVE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.path.unlink(missing_ok=True)
        end(self.folder)
        _sweep_sockets(self.path.parent)
        if not self.problem_log:
            shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def problem_log(self) -> bool:
        """Whether it said something that a person may want to read."""
        return not hasattr(self, "problems")


def _changed(path: str) -> int:
    try:
        return os.stat(path).st_mtime_ns
    except OSError:
        return 0


def folder(home: Home) -> Path:
    """The folder with a folder for each zygote of a home."""
    return private_folder(home.state / "warm")


def place(home: Home, key: str) -> Path:
    """Where the zygote of that key listens."""
    for base in (home.sockets, Path(f"/tmp/workbench-{os.getuid()}")):  # noqa: S108 - private, or refused just below
        path = private_folder(base) / f"z{key}"
        if len(os.fsencode(path)) + len(".new") <= SOCKET_PATH_LIMIT:
            return path
    raise WorkbenchError("the folder for sockets has too long a path")


def end(one: Path) -> None:
    """End what is left of a zygote, by its folder, and what modules that it loaded have started."""
    identity = kept.read(one, "identity.json")
    if identity and identity.get("boot") == proc.boot_id() and identity.get("started"):
        proc.signal_exactly(int(identity["pid"]), int(identity["started"]), signal.SIGKILL)
        kept.end_marked(str(identity.get("mark")))
    (one / "identity.json").unlink(missing_ok=True)


def sweep(home: Home) -> None:
    """End zygotes whose supervisor was killed while they were loading: others saw it themselves."""
    for one in list(folder(home).iterdir()):
        identity = kept.read(one, "identity.json") or {}
        if identity and proc.start_time(int(identity["owner"])) != identity["owner_started"]:
            end(one)
            place(home, one.name).unlink(missing_ok=True)
            shutil.rmtree(one, ignore_errors=True)
        _sweep_sockets(place(home, one.name).parent)


def _sweep_sockets(base: Path) -> None:
    """Remove the sockets of kernels made ahead, and of trials, whose keeper or zygote, by whose process they are named, was killed."""
    for made in base.glob("[st]*"):
        if made.name[1:].isdigit() and not proc.lives(int(made.name[1:])):
            shutil.rmtree(made, ignore_errors=True)
