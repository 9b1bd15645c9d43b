"""How a keeper starts the process it keeps: a session of its own, bound to the keeper's life, nothing inherited."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import warnings
from collections.abc import Callable
from typing import Any

from workbench.engines.process.cgroup import Group

PRCTL = ctypes.CDLL(None, use_errno=True).prctl
PR_SET_PDEATHSIG = 1  # prctl(2)


class Unborn(Exception):  # noqa: N818 - it never was
    """The program could not be started; the message says why."""


class Reborn(BaseException):
    """Raised in a new process that goes on with the code that is loaded: passes everything up to the top of the program,
    which then does what `go_on` does."""

    def __init__(self, go_on: Callable[[], None]) -> None:
        super().__init__()
        self.go_on = go_on


def execute(argv: list[str], env: dict[str, str]) -> None:
    """Be another program."""
    os.execvpe(argv[0], argv, env)  # noqa: S606 - no shell is wanted


def start(
    job: dict[str, Any], group: Group | None, *, become: Callable[[list[str], dict[str, str]], None] = execute
) -> tuple[int, int | None]:
    """Start `job["argv"]`; its process id, and the end to read its output from where that is kept in a file.

    The new process calls `become`, which may raise `Reborn` in it. Raises `Unborn` where the program, its folder or its
    group refuses.
    """
    keeper = os.getpid()
    report, failure = os.pipe2(os.O_CLOEXEC)
    source, sink = os.pipe2(os.O_CLOEXEC) if job["output"] else (None, None)
    child = fork()
    if child == 0:
        try:
            bind_to_life(keeper)
            prepare(job, group, sink)
            env = dict(job["env"])
            if job["parent_variable"]:
                env[job["parent_variable"]] = str(keeper)
            become(job["argv"], env)
        except Reborn:
            raise
        except BaseException as error:  # noqa: BLE001 - nothing may return into the keeper's code
            os.write(failure, str(error).encode("utf-8", "replace")[:4000])
        os._exit(125)
    os.close(failure)
    if sink is not None:
        os.close(sink)
    complaint = b""
    while part := os.read(report, 4096):
        complaint += part
    os.close(report)
    if complaint:
        os.waitpid(child, 0)
        raise Unborn(complaint.decode("utf-8", "replace"))
    return child, source


def fork() -> int:
    """fork(2). Threads of libraries are known of here; Python 3.12 and later warn of them."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        return os.fork()


def bind_to_life(parent: int) -> None:
    """Die with the process that forked this one."""
    PRCTL(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(125)


def close_others(kept: set[int]) -> None:
    """Close what is open, but for `kept`."""
    for number in descriptors() - kept:
        with contextlib.suppress(OSError):
            os.close(number)


def descriptors() -> set[int]:
    """What is open in this process."""
    found = {int(name) for name in os.listdir("/proc/self/fd")}
    return {number for number in found if os.path.exists(f"/proc/self/fd/{number}")}


def targets() -> dict[int, str]:
    """What is open in this process, and what it is."""
    return {number: os.readlink(f"/proc/self/fd/{number}") for number in descriptors()}


def prepare(job: dict[str, Any], group: Group | None, sink: int | None) -> None:
    """What a new process has to be before it is another program: its own session, in its group, with its own streams."""
    os.setsid()
    if group:
        group.enter()
    if job["limits"].get("cores"):
        os.sched_setaffinity(0, job["limits"]["cores"])
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 0)
    if sink is not None:
        os.dup2(sink, 1)
        os.dup2(sink, 2)
    for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    os.chdir(job["cwd"])
