"""The zygote: a process of an environment's own Python that has imported what its kernels need, and forks one for a run.

    supervisor ──line──▶ zygote ◀──connection── runner
                           └─fork─▶ keeper ─fork─▶ kernel        (the connection stays with the keeper)

It runs in Pythons that do not have our packages: it, and all it imports of ours, needs the standard library alone, from
Python 3.9 on, and leaves no module of ours behind for a kernel to find. Until a fork it has one thread, no zmq context,
no event loop and no kernel object. It reads nothing of what it is asked: the keeper does, which is forked at once, so a
runner that hangs holds up nobody. It ends with the line to its supervisor; kernels that it forked go on without it.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import select
import signal
import socket
import struct
import sys
import threading
import traceback
import warnings
from functools import partial
from typing import Any

from workbench.engines.process import birth, rebirth
from workbench.engines.process.birth import Reborn
from workbench.engines.process.keeper import Keeper, be_reaper
from workbench.engines.process.marking import Marker

# What a kernel imports by itself until its first cell has run, ipykernel 6 and 7; what is not there is left out.
KERNEL = (
    "ipykernel.kernelapp", "ipykernel.ipkernel", "ipykernel.zmqshell", "ipykernel.debugger", "ipykernel.parentpoller",
    "IPython.core.completerlib", "IPython.core.debugger", "IPython.core.logger", "IPython.core.oinspect",
    "IPython.extensions.storemagic", "tornado.platform.asyncio", "tornado.queues", "tornado.locks", "tornado.gen",
    "sqlite3", "pydoc", "stringprep", "encodings.idna", "email.parser", "faulthandler",
)  # fmt: skip
INLINE = "module://matplotlib_inline.backend_inline"
LENGTH = struct.Struct("!Q")  # before the job on a connection
LONGEST = 64 * 1024**2  # bytes of a job
WAITING = 64  # runners that may wait for a fork


class Zygote:
    """The process itself. `mark` is what processes of its own carry in their environment until they are a run's."""

    def __init__(self, path: str, line: socket.socket, preload: list[str]) -> None:
        self.path = path
        self.line = line
        self.marker = Marker()
        inherited = descriptors()
        before = dict(os.environ)
        watched = ages(sys.path)
        problems = load(preload)
        watched.update(ages(outsiders()))
        self.kept = descriptors() - inherited  # what imported modules hold open
        # What they have set: whoever imports them has it.
        self.set = {name: (before.get(name), value) for name, value in os.environ.items() if before.get(name) != value}
        self.refuse_threads(preload)
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody asks how keepers ended
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.listener.bind(f"{path}.new")
        self.listener.listen(WAITING)
        os.rename(f"{path}.new", path)  # who finds it is answered
        gc.collect()
        gc.freeze()
        self.say({"problems": problems, "watched": watched})

    def refuse_threads(self, preload: list[str]) -> None:
        """Forking a process with Python threads would lose them; libraries that were asked for may have native ones."""
        running = [thread.name for thread in threading.enumerate() if thread is not threading.main_thread()]
        native = len(os.listdir("/proc/self/task"))
        if running:
            raise SystemExit(f"a module that was loaded ahead has started a thread: {', '.join(running)}")
        if native > 1 and not preload:
            raise SystemExit(f"{native} threads where there should be one")

    def say(self, words: dict[str, Any]) -> None:
        """Tell the supervisor."""
        self.line.sendall(json.dumps(words).encode() + b"\n")

    def serve(self) -> None:
        """Fork for everybody who connects, until the line ends. Raises `Reborn` in a kernel."""
        while True:
            ready, _, _ = select.select([self.listener, self.line], [], [])
            if self.line in ready:
                with contextlib.suppress(OSError):
                    os.unlink(self.path)
                os._exit(0)  # nothing that was imported here has anything to finish
            connection, _ = self.listener.accept()
            with connection, contextlib.suppress(OSError):  # what cannot be forked is started without us
                if ours(connection) and fork() == 0:
                    self.keep(connection)

    def keep(self, connection: socket.socket) -> None:
        """Be the keeper of one kernel; does not return, but raises `Reborn` in the kernel."""
        try:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            os.setsid()
            self.listener.close()
            self.line.close()
            connection.settimeout(10.0)
            job = read(connection)
            connection.settimeout(None)
            self.marker.write(job["mark"])
            os.chdir("/")
            _speak_into(f"{job['folder']}/keeper.log")
            be_reaper()
            os.umask(job["umask"])
            Keeper(job, connection, partial(birth.start, become=partial(self.be_kernel, connection))).run()
        except Reborn:
            raise
        except BaseException:  # noqa: BLE001 - nothing may return into the zygote's loop
            traceback.print_exc()
            os._exit(1)
        os._exit(0)

    def be_kernel(self, connection: socket.socket, argv: list[str], env: dict[str, str]) -> None:
        """Go on as the kernel that `argv` describes, with nothing of ours but what was imported."""
        signal.set_wakeup_fd(-1)
        connection.close()
        for number in descriptors() - self.kept - {0, 1, 2}:
            with contextlib.suppress(OSError):
                os.close(number)
        raise Reborn(argv, {**env, **{name: new for name, (old, new) in self.set.items() if env.get(name) == old}})


def load(preload: list[str]) -> list[str]:
    """Import what kernels need and what was asked for; what could not be had of the latter, in words."""
    for name in KERNEL:
        with contextlib.suppress(ImportError):
            __import__(name)
    problems = []
    unset = "MPLBACKEND" not in os.environ
    if unset:  # matplotlib reads it when it is imported; a kernel sets it first of all
        os.environ["MPLBACKEND"] = INLINE
    for name in preload:
        try:
            __import__(name)
        except BaseException as error:  # noqa: BLE001 - the code of others
            problems.append(f"{name}: {type(error).__name__}: {error}"[:300])
    if unset:
        del os.environ["MPLBACKEND"]
    return problems


def ages(paths: list[str]) -> dict[str, int]:
    """When files and folders were changed last, those that are there."""
    found = {}
    for path in paths:
        with contextlib.suppress(OSError):
            found[path] = os.stat(path).st_mtime_ns
    return found


def outsiders() -> list[str]:
    """Files of imported modules that are not installed: somebody may edit them."""
    installed = (sys.prefix, sys.base_prefix, sys.exec_prefix, os.path.dirname(os.__file__))
    files = [getattr(module, "__file__", None) for module in list(sys.modules.values())]
    return [file for file in files if file and not file.startswith(installed)]


def descriptors() -> set[int]:
    """What is open in this process."""
    found = {int(name) for name in os.listdir("/proc/self/fd")}
    return {number for number in found if os.path.exists(f"/proc/self/fd/{number}")}


def fork() -> int:
    """fork(2). Threads of libraries are known of here; Python 3.12 and later warn of them."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        return os.fork()


def ours(connection: socket.socket) -> bool:
    """Whether this account is at the other end."""
    facts = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    return bool(struct.unpack("3i", facts)[1] == os.getuid())


def read(connection: socket.socket) -> dict[str, Any]:
    """The job that comes on a connection."""
    (length,) = LENGTH.unpack(_exactly(connection, LENGTH.size))
    if length > LONGEST:
        raise ValueError("too long a job")
    job: dict[str, Any] = json.loads(_exactly(connection, length))
    return job


def _exactly(connection: socket.socket, length: int) -> bytes:
    data = bytearray()
    while len(data) < length:
        part = connection.recv(min(length - len(data), 1 << 20))
        if not part:
            raise EOFError("who asked is gone")
        data += part
    return bytes(data)


def _speak_into(path: str) -> None:
    nothing = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
    log = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    for source, target in ((nothing, 0), (nothing, 1), (log, 2)):
        os.dup2(source, target)
    os.close(nothing)
    os.close(log)


def main() -> None:
    """Started by `zygotes.Zygote` only; argv: where to listen, the line's descriptor, what to preload, a label."""
    path, line, preload = sys.argv[1], socket.socket(fileno=int(sys.argv[2])), json.loads(sys.argv[3])
    line.set_inheritable(False)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    for name in [name for name in sys.modules if name.partition(".")[0] == "workbench"]:
        del sys.modules[name]
    kernel = None
    try:
        Zygote(path, line, preload).serve()
    except Reborn as reborn:
        kernel = reborn
    assert kernel
    argv, env = kernel.argv, kernel.env
    del kernel
    rebirth.become(argv, env)
