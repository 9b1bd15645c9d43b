"""Facts of processes as Linux tells them in /proc; standard library only, for the keeper starts from it."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterable

PAGE = os.sysconf("SC_PAGE_SIZE")
TICKS = os.sysconf("SC_CLK_TCK")
MARK = "WORKBENCH_KEPT"  # in the environment of everything a keeper started; finds what outlived its keeper


def boot_id() -> str:
    """Changes at each start of the machine: process ids from before it mean nothing."""
    return _read("/proc/sys/kernel/random/boot_id").decode().strip()


def start_time(pid: int) -> int | None:
    """When `pid` started, in clock ticks since boot; None where there is no such process. proc(5), stat field 22."""
    fields = _stat(pid)
    return int(fields[19]) if fields else None


def lives(pid: int) -> bool:
    """Whether it runs: one that has ended and that nobody asked about does not."""
    fields = _stat(pid)
    return bool(fields) and fields[0] not in ("Z", "X")


def pids() -> list[int]:
    """All processes there are."""
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def descendants(ancestor: int, mark: str = "") -> list[int]:
    """All living processes below `ancestor`, parents before children, zombies left out.

    Where `mark` is given, a process with another mark and all below it are left out: somebody else answers for
    them, as for a supervisor that was started from a terminal of a session.
    """
    children: dict[int, list[int]] = {}
    zombies = set()
    for pid in pids():
        fields = _stat(pid)
        if fields:
            children.setdefault(int(fields[1]), []).append(pid)
            if fields[0] in {"Z", "X"}:
                zombies.add(pid)
    found, wave = [], [ancestor]
    while wave:
        wave = [child for parent in wave for child in children.get(parent, ())]
        if mark:
            wave = [pid for pid in wave if _mark(pid) in {None, mark}]
        found += wave
    return [pid for pid in found if pid not in zombies]


def marked(mark: str) -> list[int]:
    """Processes of this account that carry `mark` in the environment they were started with."""
    return [pid for pid in pids() if pid != os.getpid() and _mark(pid) == mark]


def childless() -> bool:
    """Whether nothing is left below: what lost its parent there would be a child of ours."""
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return True
    return False


def resident(processes: Iterable[int]) -> int:
    """Bytes of memory they hold, shared pages counted in each: never less than the truth."""
    total = 0
    for pid in processes:
        fields = _read(f"/proc/{pid}/statm").split()
        total += int(fields[1]) * PAGE if len(fields) > 1 else 0
    return total


def proportional(processes: Iterable[int]) -> int:
    """Bytes of memory they hold, a page shared by n processes counted as 1/n; slow, so only to confirm."""
    total = 0
    for pid in processes:
        for line in _read(f"/proc/{pid}/smaps_rollup").splitlines():
            if line.startswith(b"Pss:"):
                total += int(line.split()[1]) * 1024
                break
        else:
            total += resident([pid])
    return total


def cpu_seconds(processes: Iterable[int]) -> float:
    """Seconds of processor time they used, with those of their children that were reaped. proc(5), stat fields 14-17."""
    total = 0
    for pid in processes:
        fields = _stat(pid)
        total += sum(int(fields[at]) for at in range(11, 15)) if fields else 0
    return total / TICKS


def facts(pid: int) -> tuple[int, bool, str] | None:
    """Parent, whether it has a terminal, and name of a process; None where it is gone."""
    fields = _stat(pid)
    name = _read(f"/proc/{pid}/comm").decode("utf-8", "replace").strip()
    return (int(fields[1]), fields[4] != "0", name) if fields else None


def send(processes: Iterable[int], number: int) -> None:
    """Send a signal to each; those that are gone, or are another account's, are left."""
    for pid in processes:
        try:
            os.kill(pid, number)
        except (ProcessLookupError, PermissionError):
            continue


def signal_exactly(pid: int, started: int, number: int) -> bool:
    """Signal `pid` if it is still the process that started at `started`; whether it was."""
    try:
        handle = os.pidfd_open(pid)
    except OSError:
        return False
    try:
        if start_time(pid) != started:
            return False
        signal.pidfd_send_signal(handle, number)
    except OSError:
        return False
    finally:
        os.close(handle)
    return True


def _mark(pid: int) -> str | None:
    for entry in _read(f"/proc/{pid}/environ").split(b"\0"):
        if entry.startswith(f"{MARK}=".encode()):
            return entry.partition(b"=")[2].decode("utf-8", "replace")
    return None


def _stat(pid: int) -> list[str]:
    """Fields of /proc/<pid>/stat from the third on: the second, the name, may hold spaces and parentheses."""
    text = _read(f"/proc/{pid}/stat").decode("utf-8", "replace")
    return text[text.rfind(")") + 2 :].split() if text else []


def _read(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError:
        return b""
