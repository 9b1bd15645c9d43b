"""Whether memory ran out in a container whose engine may not tell: the kernel's own count, read at its end.

Podman 4.3 does not find what its monitor has seen of it (that writes it into the folder in which the service was
started). The count is in the container's cgroup, which Podman removes some tenths of a second after the end.
"""

from __future__ import annotations

import os
import select
from collections.abc import Callable

from workbench.engines import oom, spent
from workbench.engines.docker.connection import Connection, NoSuchThing
from workbench.errors import WorkbenchError
from workbench.model.environment import Limits

LOOK = 1000  # milliseconds between two looks at the count, and at whether anybody still waits


def of(connection: Connection, handle: str, limits: Limits, unwanted: Callable[[], bool]) -> bool | None:
    """Wait beside an engine that may not tell; the answer is that of `killed_for_memory`."""
    try:
        if limits.memory is None or not connection.daemon().podman:
            return None
        with connection.api() as api:
            pid = int(api.inspect_container(handle)["State"].get("Pid") or 0)
    except (WorkbenchError, NoSuchThing):
        return None
    return killed_for_memory(pid, handle, unwanted) if pid else None


def process_of(connection: Connection, handle: str) -> int | None:
    """The first process of a container; None where it ended, or is none of this machine."""
    try:
        with connection.api() as api:
            seen = api.inspect_container(handle)
    except (WorkbenchError, NoSuchThing):
        return None
    pid = int(seen["State"].get("Pid") or 0)
    return pid if pid and spent.inside(pid, str(seen["Id"])) else None


def killed_for_memory(pid: int, handle: str, unwanted: Callable[[], bool]) -> bool | None:
    """Wait for the end of a container's first process; True where a process in it was killed for want of memory just then.

    One that was killed long before says nothing of this end. None where it cannot be known: it ended before we looked,
    its cgroup is of another machine, or nobody waits any more.
    """
    try:
        watched = os.pidfd_open(pid)
    except (OSError, AttributeError):
        return None
    try:
        counter = oom.counter_of(pid, holding=handle)  # only now: the number cannot be given to another any more
        if not counter:
            return None
        poll = select.poll()
        poll.register(watched, select.POLLIN)
        before = last = 0
        while not poll.poll(LOOK):
            before, last = last, oom.kills(counter)
            if unwanted():
                return None
        return oom.kills(counter) > before or None
    finally:
        os.close(watched)
