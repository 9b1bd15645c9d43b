"""A memory cgroup of one kernel or session, where this account may make one; versions 1 and 2.

It is made below the cgroup the keeper is in, or beside it where that is this account's (a delegated unit). cgroup v2
gives a controller only to groups whose parent has enabled it, so often there is none: `make` then returns None and
memory is watched instead.
"""

from __future__ import annotations

import os
from dataclasses import dataclass

from workbench.engines import oom
from workbench.engines.oom import ROOT
from workbench.engines.oom import read as _read


@dataclass(frozen=True)
class Group:
    """The folders of one group (one in v2, one a controller in v1) and the file that counts its OOM kills."""

    folders: tuple[str, ...]
    counter: str

    def enter(self, pid: int = 0) -> None:
        """Move a process into it, the calling one by default."""
        for folder in self.folders:
            _write(f"{folder}/cgroup.procs", str(pid))

    def kills(self) -> int:
        """How many processes the kernel killed in it for want of memory."""
        return oom.kills(self.counter)

    def peak(self) -> int:
        """The most memory it held, in bytes; 0 where the kernel does not say."""
        folder = os.path.dirname(self.counter)
        for name in ("memory.peak", "memory.max_usage_in_bytes"):
            text = _read(f"{folder}/{name}").strip()
            if text.isdigit():
                return int(text)
        return 0

    def remove(self) -> None:
        """Remove it; it must be empty."""
        for folder in self.folders:
            try:
                os.rmdir(folder)
            except OSError:
                continue


def make(name: str, *, memory: int | None, pids: int | None, whole: bool = True) -> Group | None:
    """A group with these limits, or None where this account cannot have one that holds the memory limit.

    `whole`: where memory runs out all of it ends (v2 only); else the one process that the kernel chooses.
    """
    for parents in _candidates():
        if "memory" not in parents:
            continue
        made: list[str] = []
        try:
            for controller, parent in parents.items():
                folder = f"{parent}/{name}"
                if folder not in made and (controller == "memory" or pids):
                    os.mkdir(folder)
                    made.append(folder)
            _limit(f"{parents['memory']}/{name}", memory, whole=whole)
            if pids and "pids" in parents:
                _write(f"{parents['pids']}/{name}/pids.max", str(pids))
        except OSError:
            Group(tuple(made), "").remove()
            continue
        return Group(tuple(made), oom.counter_in(f"{parents['memory']}/{name}"))
    return None


def _candidates() -> list[dict[str, str]]:
    """Groups below which one could be made: controller → folder, the best first."""
    legacy: dict[str, str] = {}
    found: list[dict[str, str]] = []
    for line in _read("/proc/self/cgroup").splitlines():
        number, controllers, path = line.split(":", 2)
        if number == "0":
            own = f"{ROOT}{path}".rstrip("/")
            for folder in (own, os.path.dirname(own)):
                enabled = _read(f"{folder}/cgroup.subtree_control").split()
                if folder.startswith(ROOT) and enabled:
                    found.append(dict.fromkeys(enabled, folder))
            continue
        for controller in controllers.split(","):
            # In a container the path is the host's while the mount shows only what is below it.
            for folder in (f"{ROOT}/{controller}{path}".rstrip("/"), f"{ROOT}/{controller}"):
                if controller in {"memory", "pids"} and os.path.isdir(folder):
                    legacy.setdefault(controller, folder)
    return [*found, legacy] if legacy else found


def _limit(folder: str, memory: int | None, *, whole: bool) -> None:
    if memory is None:
        return
    if os.path.exists(f"{folder}/memory.max"):
        _write(f"{folder}/memory.max", str(memory))
        _write(f"{folder}/memory.oom.group", str(int(whole)))
        if os.path.exists(f"{folder}/memory.swap.max"):
            _write(f"{folder}/memory.swap.max", "0")
        return
    _write(f"{folder}/memory.limit_in_bytes", str(memory))
    if os.path.exists(f"{folder}/memory.memsw.limit_in_bytes"):
        _write(f"{folder}/memory.memsw.limit_in_bytes", str(memory))


def _write(path: str, text: str) -> None:
    with open(path, "w") as file:
        file.write(text)
