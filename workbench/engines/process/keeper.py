"""The keeper: a small program that starts one process and answers for everything this process starts.

    runner ──socket──▶ keeper ──▶ kernel ──▶ whatever cells start
    supervisor ─signals─▶ keeper ──▶ JupyterLab ──▶ its kernels, terminals

It is the reaper of all its descendants, so nothing escapes by a second fork or a session of its own, and it holds a
lock for life, so anybody can ask whether it lives. It ends them all when its socket closes (the runner died), when it
is signalled, or when the process it keeps has ended; and it ends itself only when nothing is left. Standard library
only: it starts in a few hundredths of a second.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import select
import signal
import socket
import sys
import time
from collections.abc import Callable
from typing import Any

from workbench.engines import oom
from workbench.engines.process import birth, cgroup, proc
from workbench.engines.process.birth import Unborn, start
from workbench.engines.process.spool import Spool

WATCH = 0.25  # seconds between looks at memory where it is watched
ENDING = 0.02  # seconds between looks at what is left while ending
LINGER = 0.5  # seconds that what a process left behind gets between SIGTERM and SIGKILL
EMPTY = 3  # looks in a row that find nothing before it is believed, where others' processes keep us company
GIVE_UP = 10.0  # seconds after which what cannot be killed (another account's) is left, and said
Start = Callable[[dict[str, Any], "cgroup.Group | None"], "tuple[int, int | None]"]


class Keeper:
    """Keeps one process. `job` as `kept.Job` writes it; `control` is the socket to who started us; `start` starts it."""

    def __init__(self, job: dict[str, Any], control: socket.socket, start: Start = start) -> None:
        self.job = job
        self.start = start
        self.control: socket.socket | None = control
        self.folder: str = job["folder"]
        self.limits: dict[str, Any] = job["limits"]
        self.child = 0
        self.spool: Spool | None = None
        self.group: cgroup.Group | None = None
        self.exit: dict[str, Any] | None = None
        self.kill_at: float | None = None
        self.killed_by_us = False
        self.over: int | None = None  # bytes in use when the watched limit was passed
        self.counter = oom.counter_of("self")
        self.kills_before = oom.kills(self.counter)
        self.empty = 0
        self.watched = 0.0
        self.received = b""
        self.wake, alarm = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.set_wakeup_fd(alarm, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, _noted)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, self.asked)

    def run(self) -> None:
        """Start it, keep it, and return when nothing of it is left."""
        try:
            _hold(f"{self.folder}/lock")
            memory, pids = self.limits.get("memory"), self.limits.get("pids")
            if memory or pids:
                # A session goes on without the kernel that took too much; a run has nothing left to go on with.
                whole = not self.job["detached"]
                self.group = cgroup.make(f"workbench-{self.job['mark']}", memory=memory, pids=pids, whole=whole)
            if self.group is None and self.limits.get("assumed"):
                self.limits["memory"] = None  # nobody asked for it: no reason to watch
            self.child, output = self.start(self.job, self.group)
            if output is not None:
                self.spool = Spool(output, self.job["output"], self.job["output_limit"], self.job["scrub"])
            self.record()
        except (OSError, Unborn) as error:
            self.say({"failed": str(error)})
            self.kill_at = time.monotonic()  # what was started before a full disk was noticed
        while self.look():
            self.rest()
        if self.spool:
            self.spool.close()
        if self.group:
            self.group.remove()
        self.say({"gone": 0 if proc.childless() else len(self.below())})

    def record(self) -> None:
        """Write who we are and what we keep, and tell who started us."""
        own = os.getpid()
        identity = {
            "pid": own,
            "started": proc.start_time(own),
            "boot": proc.boot_id(),
            "child": self.child,
            "child_started": proc.start_time(self.child),
            "mark": self.job["mark"],
            "counter": self.group.counter if self.group else "",
            "memory": "" if not self.limits.get("memory") else "cgroup" if self.group else "watched",
        }
        _write(f"{self.folder}/identity.json", identity)
        self.say({"started": self.child, "keeper": own, "since": identity["started"]})
        if self.job["detached"] and self.control:
            self.control.close()
            self.control = None

    def look(self) -> bool:
        """Reap what ended and go on with what is being ended; whether anything is left."""
        while True:
            try:
                pid, status, usage = os.wait4(-1, os.WNOHANG)
            except ChildProcessError:
                return False
            if pid and pid == self.child and self.exit is None:
                self.ended(status, usage)
            if pid == 0:
                break
        if self.kill_at is None:
            if self.exit is None and self.limits.get("memory") and self.group is None:
                self.watch(self.limits["memory"])
            return True
        below = self.below()
        # A child born between two looks may be missed by one; only what others answer for may stay.
        self.empty = 0 if below or self.exit is None else self.empty + 1
        late = time.monotonic() - self.kill_at
        if late >= 0:
            self.killed_by_us = True
            proc.send(below, signal.SIGKILL)
        return self.empty < EMPTY and late < GIVE_UP

    def below(self) -> list[int]:
        """What we answer for: all below us that nobody else keeps."""
        return proc.descendants(os.getpid(), self.job["mark"])

    def rest(self) -> None:
        """Wait for a signal, a word, output, or the next look that is due."""
        pause: float | None = None
        if self.kill_at is not None:
            pause = max(ENDING, min(self.kill_at - time.monotonic(), 0.1))
        elif self.limits.get("memory") and self.group is None:
            pause = WATCH
        sources: list[Any] = [self.wake]
        if self.control:
            sources.append(self.control)
        if self.spool and self.spool.open:
            sources.append(self.spool.source)
        ready, _, _ = select.select(sources, [], [], pause)
        if self.wake in ready:
            os.read(self.wake, 512)
        if self.spool and self.spool.source in ready:
            self.spool.take()
        if self.control in ready:
            self.listen()

    def listen(self) -> None:
        """Do what the runner says; its silence for ever is its death."""
        assert self.control
        try:
            data = self.control.recv(4096)
        except ConnectionError:
            data = b""
        if not data:
            self.control.close()
            self.control = None
            self.end(everything=True)
            return
        *lines, self.received = (self.received + data).split(b"\n")
        for line in lines:
            word, _, number = line.decode().partition(" ")
            if word == "signal" and self.exit is None:
                proc.send([self.child], int(number))
            elif word == "kill":
                self.killed_by_us = True
                self.kill_at = time.monotonic()

    def asked(self, number: int, frame: object) -> None:  # noqa: ARG002 - the signature of a handler
        """SIGTERM: ask the process to end, and kill it after its grace; a second one kills at once."""
        if self.kill_at is None:
            self.end(everything=False)
        else:
            self.kill_at = time.monotonic()

    def end(self, *, everything: bool) -> None:
        """Ask for the end, of the process or of everything below us, and set when it is enforced."""
        targets = self.below() if everything or self.exit else [self.child]
        proc.send(targets, signal.SIGTERM)
        grace = LINGER if everything else float(self.job["grace"])
        self.kill_at = min(self.kill_at or float("inf"), time.monotonic() + grace)

    def watch(self, limit: int) -> None:
        """End everything where it holds more memory than it may."""
        if time.monotonic() < self.watched + WATCH:
            return
        self.watched = time.monotonic()
        below = self.below()
        if proc.resident(below) <= limit:
            return
        used = proc.proportional(below)
        if used > limit:
            self.over = used
            self.kill_at = time.monotonic()
            proc.send(below, signal.SIGKILL)

    def ended(self, status: int, usage: Any) -> None:
        """Record how the process ended, and end what it left behind."""
        code = os.waitstatus_to_exitcode(status)
        number = -code if code < 0 else None
        limit = self.limits.get("memory")
        self.exit = {
            "code": 128 + number if number else code,
            "signal": number,
            "oom": None,
            "used": self.over or (self.group.peak() if self.group else 0),
            "limit": limit,
            "oom_kills": self.group.kills() if self.group else 0,
            "ended": time.time(),
            "peak": usage.ru_maxrss * 1024,  # getrusage(2): kilobytes on Linux
            "cpu": usage.ru_utime + usage.ru_stime,
        }
        self.exit["oom"] = self.out_of_memory(number)
        with contextlib.suppress(OSError):  # the disk is full: who asks on the socket is told all the same
            _write(f"{self.folder}/exit.json", self.exit)
        self.say({"exit": self.exit})
        if not proc.childless():
            proc.send(self.below(), signal.SIGTERM)
        self.kill_at = min(self.kill_at or float("inf"), time.monotonic() + LINGER)

    def out_of_memory(self, number: int | None) -> bool | None:
        """Whether it was killed for want of memory; None where a SIGKILL has no known sender."""
        inside = bool(self.group and self.group.kills() > 0)
        # In a session's group another process may have been the one that was killed.
        itself = not self.job["detached"] or (number == signal.SIGKILL and not self.killed_by_us)
        if self.over is not None or (inside and itself):
            return True
        if number != signal.SIGKILL or self.killed_by_us or self.group:
            return False
        if not self.counter:
            return None
        return oom.kills(self.counter) > self.kills_before or None

    def say(self, word: dict[str, Any]) -> None:
        """Tell the runner, if it is there."""
        if self.control:
            try:
                self.control.sendall(json.dumps(word).encode() + b"\n")
            except OSError:
                return


def main() -> None:
    """Read the job from standard input and keep it; the control socket is the descriptor named in argv."""
    job = json.loads(sys.stdin.buffer.read())
    control = socket.socket(fileno=int(sys.argv[2]))
    control.set_inheritable(False)
    if job["detached"] and os.fork():
        os._exit(0)
    be_reaper()
    os.umask(job["umask"])
    Keeper(job, control).run()


def be_reaper() -> None:
    """Become the parent of everything below us whose own parent ends."""
    if birth.PRCTL(36, 1, 0, 0, 0) != 0:  # PR_SET_CHILD_SUBREAPER, prctl(2)
        raise OSError("this kernel has no child subreapers")


def _hold(path: str) -> None:
    """Hold the lock until we end; whoever looks whether it is held takes it for an instant, so try more than once."""
    lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    for _ in range(100):
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(0.01)
        else:
            return
    raise Unborn("it runs already")


def _write(path: str, data: dict[str, Any]) -> None:
    with open(f"{path}.new", "w", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
        json.dump(data, file)
    os.replace(f"{path}.new", path)


def _noted(number: int, frame: object) -> None:
    """The wake-up descriptor is what matters."""


if __name__ == "__main__":
    main()
