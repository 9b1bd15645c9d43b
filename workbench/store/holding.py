"""Who keeps a home's database locked: SQLite's locks are POSIX locks (https://sqlite.org/lockingv3.html), and the kernel
names the process of each (proc_locks(5))."""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass
from pathlib import Path

from workbench.errors import StoreHeld
from workbench.text import one_line

STOPPED = "T"  # by a signal; proc_pid_stat(5)
SUPERVISOR = "workbench.supervisor"


@dataclass(frozen=True)
class Holder:
    """A process with a lock on the database; `stopped`: it does nothing until it is told to go on."""

    pid: int
    command: str
    stopped: bool

    @property
    def words(self) -> str:
        """Who it is."""
        if SUPERVISOR in self.command.split():
            return f"the supervisor, process {self.pid}"
        return f"process {self.pid} ({one_line(self.command, 80)})"


def holders(database: Path) -> list[Holder]:
    """Other processes that have a lock on it now. Nothing is opened: closing the file would drop our own locks."""
    inodes = set()
    for path in (database, database.with_name(f"{database.name}-shm")):  # of a WAL the locks are on the second
        with contextlib.suppress(OSError):
            inodes.add(str(path.stat().st_ino))
    try:
        lines = Path("/proc/locks").read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return []
    pids = set()
    for fields in (line.split() for line in lines):  # 1: POSIX ADVISORY WRITE 714 08:01:1575 1073741825 1073741825
        if len(fields) == 8 and fields[1] == "POSIX" and fields[5].rpartition(":")[2] in inodes:
            pids.add(int(fields[4]))
    return [Holder(pid, _command(pid), state_of(pid) == STOPPED) for pid in sorted(pids - {os.getpid()}) if pid > 0]


def stopped(database: Path) -> StoreHeld | None:
    """Why waiting for the database is in vain: a stopped process has locked it. None where none has."""
    for holder in holders(database):
        if holder.stopped:
            return StoreHeld(
                f"{database.name} is locked by {holder.words}, which was stopped by a signal",
                title=str(database.parent),
                hint=f"Let it go on: kill -CONT {holder.pid}"
                + (", or start another: workbench service restart" if SUPERVISOR in holder.command.split() else ""),
                pid=holder.pid,
            )
    return None


def held(database: Path, pid: int = 0) -> StoreHeld:
    """What is said once waiting was long enough; `pid`: of this one of them."""
    found = [holder for holder in holders(database) if pid in (0, holder.pid)]
    by = " and ".join(holder.words for holder in found[:3]) or "another program"
    return StoreHeld(
        f"{database} is held by {by}",
        hint="Close what has it open, then try again.",
        pid=found[0].pid if found else 0,
    )


def state_of(pid: int) -> str:
    """The kernel's letter for what a process does, proc_pid_stat(5); empty where it is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()[0]
    except (OSError, IndexError):
        return ""


def _command(pid: int) -> str:
    try:
        said = Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return ""
    return said.replace(b"\0", b" ").decode("utf-8", errors="replace").strip()
