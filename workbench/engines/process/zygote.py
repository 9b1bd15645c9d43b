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
from functools import partial
from typing import Any

from workbench.engines.process import birth, rebirth, trial
from workbench.engines.process.birth import Reborn
from workbench.engines.process.cgroup import Group
from workbench.engines.process.draft import Draft, drafted
from workbench.engines.process.keeper import Keeper, be_reaper
from workbench.engines.process.marking import Marker
from workbench.engines.process.rehearsal import Rehearsal
from workbench.engines.process.spare import Waiting
from workbench.engines.process.wire import read

# What a kernel imports by itself until its first cell has run, ipykernel 6 and 7; what is not there is left out.
KERNEL = (
    "ipykernel.kernelapp", "ipykernel.ipkernel", "ipykernel.zmqshell", "ipykernel.debugger", "ipykernel.parentpoller",
    "IPython.core.completerlib", "IPython.core.debugger", "IPython.core.logger", "IPython.core.oinspect",
    "IPython.extensions.storemagic", "tornado.platform.asyncio", "tornado.queues", "tornado.locks", "tornado.gen",
    "sqlite3", "pydoc", "stringprep", "encodings.idna", "email.parser", "faulthandler",
)  # fmt: skip
INLINE = "module://matplotlib_inline.backend_inline"
WAITING = 64  # runners that may wait for a fork
QUIET = 0.15  # seconds without a request after which a kernel is made ahead: the run that just began has the processor
UNTRIED = "untried"  # the last argument of one that holds no trial
FAILURES = 3  # in a row, of kernels made ahead, after which none is made any more


class Zygote:
    """The process itself. `arguments` are those of a kernel that is made ahead; none: none is made."""

    def __init__(
        self, path: str, line: socket.socket, preload: list[str], arguments: list[str], *, tried: bool = True
    ) -> None:
        self.path = path
        self.line = line
        self.arguments = arguments
        self.spare: socket.socket | None = None
        self.failures = 0
        self.marker = Marker()
        inherited = birth.descriptors()
        before = dict(os.environ)
        watched = ages(sys.path)
        problems = load(preload)
        watched.update(ages(outsiders()))
        self.kept = birth.descriptors() - inherited  # what imported modules hold open
        # What they have set: whoever imports them has it.
        self.set = {name: (before.get(name), value) for name, value in os.environ.items() if before.get(name) != value}
        self.rehearsal = Rehearsal(arguments)
        self.refuse_threads(preload)
        self.draft: Draft | None = None
        if tried and not self.rehearsal.personal():
            trial.hold(f"{os.path.dirname(path)}/t{os.getpid()}", self.rehearsal, self.again)
            self.draft = drafted(self.rehearsal, self.again)
            watched.update(ages(outsiders()))
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody asks how keepers ended
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.listener.bind(f"{path}.new")
        self.listener.listen(WAITING)
        os.rename(f"{path}.new", path)  # who finds it is answered
        gc.collect()
        gc.freeze()
        try:
            self.say({"problems": problems, "watched": watched})
        except OSError:  # who had started us has gone meanwhile
            self.leave()

    def refuse_threads(self, preload: list[str]) -> None:
        """Forking a process with Python threads would lose them; libraries that were asked for may have native ones."""
        running = [thread.name for thread in threading.enumerate() if thread is not threading.main_thread()]
        native = len(os.listdir("/proc/self/task"))
        if running:
            raise SystemExit(f"a module that was loaded ahead has started a thread: {', '.join(running)}")
        if native > 1 and not preload:
            raise SystemExit(f"{native} threads where there should be one")

    def again(self) -> None:
        """Begin once more, without a trial: one that was held has left something that it should not have."""
        self.line.set_inheritable(True)
        with open("/proc/self/cmdline", "rb") as file:
            words = file.read().split(b"\0")[1:-1]
        birth.execute([sys.executable, *map(os.fsdecode, words), UNTRIED], dict(os.environ))

    def say(self, words: dict[str, Any]) -> None:
        """Tell the supervisor."""
        self.line.sendall(json.dumps(words).encode() + b"\n")

    def serve(self) -> None:
        """Fork for everybody who connects, until the line ends. Raises `Reborn` in a kernel."""
        while True:
            missing = self.spare is None and self.arguments and self.failures < FAILURES
            sources = [self.listener, self.line, *([self.spare] if self.spare else [])]
            ready, _, _ = select.select(sources, [], [], QUIET if missing else None)
            if self.line in ready:
                self.leave()
            if self.spare in ready:  # it ended
                self.spare.close()
                self.spare = None
                self.failures += 1
            if self.listener in ready:
                connection, _ = self.listener.accept()
                with connection, contextlib.suppress(OSError):  # what cannot be forked is started without us
                    if ours(connection):
                        self.give(connection)
            elif missing and not ready:
                self.make_spare()

    def give(self, connection: socket.socket) -> None:
        """A keeper for who has connected: the one that waits, or a new one."""
        spare, self.spare = self.spare, None
        if spare:
            with spare, contextlib.suppress(OSError):
                socket.send_fds(spare, [b"1"], [connection.fileno()])
                self.failures = 0
                return
        if birth.fork() == 0:
            self.keep(connection, None)

    def make_spare(self) -> None:
        """Have a keeper wait, with a kernel that does."""
        line, theirs = socket.socketpair()
        try:
            child = birth.fork()
        except OSError:
            child = -1
        if child == 0:
            line.close()
            self.keep(None, theirs)
        theirs.close()
        self.spare = line

    def leave(self) -> None:
        """End; the kernel that was made ahead first. Nothing that was imported here has anything to finish."""
        with contextlib.suppress(OSError):
            os.unlink(self.path)
        if self.spare:
            with contextlib.suppress(OSError):
                self.spare.shutdown(socket.SHUT_WR)
                self.spare.settimeout(1.0)
                self.spare.recv(1)
        os._exit(0)

    def keep(self, connection: socket.socket | None, line: socket.socket | None) -> None:
        """Be the keeper of one kernel, of the runner that has connected or will; does not return, but raises `Reborn` in the
        kernel."""
        try:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            os.setsid()
            self.listener.close()
            self.line.close()
            be_reaper()
            os.chdir("/")
            waiting = None
            if line:
                place = f"{os.path.dirname(self.path)}/s{os.getpid()}"
                waiting = Waiting(place, (self.rehearsal, self.draft, self.marker), self.kept, line)
                connection = wait(line, waiting)
            assert connection
            connection.settimeout(10.0)
            job = read(connection)
            connection.settimeout(None)
            self.marker.write(job["mark"])
            _speak_into(f"{job['folder']}/keeper.log")
            os.umask(job["umask"])
            Keeper(job, connection, partial(self.start, connection, waiting)).run()
        except Reborn:
            raise
        except BaseException:  # noqa: BLE001 - nothing may return into the zygote's loop
            traceback.print_exc()
            os._exit(1)
        os._exit(0)

    def start(
        self, connection: socket.socket, waiting: Waiting | None, job: dict[str, Any], group: Group | None
    ) -> tuple[int, int | None]:
        """The kernel of a job: the one that waits, or a new one."""
        env = job["env"]
        job = {**job, "env": {**env, **{name: new for name, (old, new) in self.set.items() if env.get(name) == old}}}
        if waiting and waiting.hand_over(job, group):
            return waiting.pid, waiting.output
        return birth.start(job, group, become=partial(self.be_kernel, connection))

    def be_kernel(self, connection: socket.socket, argv: list[str], env: dict[str, str]) -> None:
        """Go on as the kernel that `argv` describes, with nothing of ours but what was imported."""
        signal.set_wakeup_fd(-1)
        connection.close()
        birth.close_others(self.kept | {0, 1, 2})
        raise Reborn(partial(rebirth.become, argv, env, self.rehearsal, self.draft))


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


def ours(connection: socket.socket) -> bool:
    """Whether this account is at the other end."""
    facts = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    return bool(struct.unpack("3i", facts)[1] == os.getuid())


def wait(line: socket.socket, waiting: Waiting) -> socket.socket:
    """The connection that comes over the line; ends this process where none comes, or what waits has ended."""
    ready, _, _ = select.select([line, waiting.line], [], [])
    descriptors: list[int] = []
    if line in ready and waiting.line not in ready:
        with contextlib.suppress(OSError):
            descriptors = socket.recv_fds(line, 1, 1)[1]
    if not descriptors:
        waiting.end()
        os._exit(0)
    line.close()
    os.set_inheritable(descriptors[0], False)
    return socket.socket(fileno=descriptors[0])


def _speak_into(path: str) -> None:
    nothing = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
    log = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    for source, target in ((nothing, 0), (nothing, 1), (log, 2)):
        os.dup2(source, target)
    os.close(nothing)
    os.close(log)


def main() -> None:
    """Started by `zygotes.Zygote` only; argv: where to listen, the line's descriptor, modules to load, arguments of kernels."""
    path, line = sys.argv[1], socket.socket(fileno=int(sys.argv[2]))
    preload, arguments = json.loads(sys.argv[3]), json.loads(sys.argv[4])
    line.set_inheritable(False)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    for name in [name for name in sys.modules if name.partition(".")[0] == "workbench"]:
        del sys.modules[name]
    go_on = None
    try:
        Zygote(path, line, preload, arguments, tried=UNTRIED not in sys.argv).serve()
    except Reborn as reborn:
        go_on = reborn.go_on
    assert go_on
    go_on()
