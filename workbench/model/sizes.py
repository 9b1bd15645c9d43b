"""Named sizes, and the bounds of what says none: never all of a machine unasked."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from typing import Any

from workbench.model.environment import Limits

GIGABYTE = 1024**3
SHARED_MEMORY = 1_000_000_000  # bytes of a container's /dev/shm; Docker's 64 MB kill PyTorch's workers
PROCESSES = 4096  # in a container at once
LEAST_RESERVE, MOST_RESERVE = GIGABYTE // 4, 8 * GIGABYTE
MANY = 4  # cores from which one is left to everything else
SHARES = {"small": 8, "medium": 4, "large": 2}  # of the machine: one in so many parts


@dataclass(frozen=True)
class Machine:
    """What limits are checked against: cores, and bytes of memory (0: not known)."""

    cpus: int
    memory: int

    @classmethod
    def this(cls) -> Machine:
        """The machine this runs on."""
        return cls(os.cpu_count() or 1, os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))


def shipped(machine: Machine) -> dict[str, Limits]:
    """The sizes that come with the program, as they are on a machine."""
    return {
        name: Limits(cpus=float(max(1, machine.cpus // share)), memory=_whole(machine.memory // share) or None)
        for name, share in SHARES.items()
    }


def bounded(limits: Limits, machine: Machine) -> Limits:
    """Limits with what holds where nothing was said: memory less a reserve, and of four cores or more all but one."""
    found: dict[str, Any] = {}
    if limits.memory is None and machine.memory:
        found["memory"] = machine.memory - min(max(machine.memory // 8, LEAST_RESERVE), MOST_RESERVE)
    if limits.cpus is None and machine.cpus >= MANY:
        found["cpus"] = float(machine.cpus - 1)
    return replace(limits, **found, assumed=tuple(found)) if found else limits


def _whole(memory: int) -> int:
    """Rounded down to 256 MB, so that it reads well."""
    quarter = GIGABYTE // 4
    return memory // quarter * quarter if memory > quarter else memory
