"""What a process of this machine and all below it have taken so far, as /proc tells it, proc(5)."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass

TICKS = os.sysconf("SC_CLK_TCK")
MOST = 2000  # processes looked at
_PEAK = re.compile(r"^VmHWM:\s+(\d+) kB", re.MULTILINE)


@dataclass(frozen=True)
class Spent:
    """Bytes of memory that its processes held at most, each counted by itself, and seconds of processor time."""

    memory: int = 0
    cpu: float = 0.0

    def __or__(self, other: Spent) -> Spent:
        """The larger of each: of two looks at the same."""
        return Spent(max(self.memory, other.memory), max(self.cpu, other.cpu))


def of(process: int | None) -> Spent:
    """A look at a process and those below it: a few files each, so that it can be taken often."""
    memory, ticks, seen = 0, 0, 0
    line = [process] if process else []
    while line and seen < MOST:
        pid, seen = line.pop(), seen + 1
        peak = _PEAK.search(_read(f"/proc/{pid}/status"))
        memory += int(peak.group(1)) * 1024 if peak else 0
        # The second field, the name, may hold spaces and parentheses; 14 to 17 are times, those of reaped children too.
        fields = _read(f"/proc/{pid}/stat").rpartition(")")[2].split()
        ticks += sum(int(fields[at]) for at in range(11, 15)) if len(fields) > 14 else 0
        line += _children(pid)
    return Spent(memory, ticks / TICKS)


def inside(process: int, container: str) -> bool:
    """Whether the process is of that container of this machine, and not of another machine's: its cgroup is named after
    it, or, where an ordinary account's engine has no cgroups, the container's id is told to the program that keeps it."""
    parent = (_read(f"/proc/{process}/stat").rpartition(")")[2].split() or ["", "0"])[1]
    return container in _read(f"/proc/{process}/cgroup") or container in _read(f"/proc/{parent}/cmdline")


def _children(pid: int) -> list[int]:
    try:
        threads = os.listdir(f"/proc/{pid}/task")
    except OSError:
        return []
    return [int(child) for thread in threads for child in _read(f"/proc/{pid}/task/{thread}/children").split()]


def _read(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError:
        return ""
