"""What a container takes, who is in it, and whom the kernel killed in it for want of memory."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Mapping
from contextlib import closing
from datetime import UTC, datetime
from typing import Any

from workbench.engines import oom
from workbench.engines.docker.connection import Connection, NoSuchThing
from workbench.errors import EngineDown, WorkbenchError
from workbench.model.usage import Inhabitant, Usage
from workbench.text import one_line


def usage(connection: Connection, handle: str, *, disk: bool) -> Usage | None:
    """One measurement by the Engine's own statistics; None where it does not run."""
    try:
        with connection.api() as api:
            said = api.stats(handle, stream=False, one_shot=True)
            written = api.containers(all=True, size=True, filters={"id": handle}) if disk else []
    except NoSuchThing:
        return None
    memory, processor = said.get("memory_stats") or {}, said.get("cpu_stats") or {}
    in_use = memory.get("usage")
    if not in_use:  # it does not run
        return None
    facts = memory.get("stats") or {}
    idle = facts.get("total_inactive_file", facts.get("inactive_file", 0))  # version 1 of cgroups, version 2
    limit = int(memory.get("limit") or 0)
    return Usage(
        at=datetime.now(UTC),
        cpu_seconds=int((processor.get("cpu_usage") or {}).get("total_usage") or 0) / 1e9,
        memory=max(0, int(in_use) - int(idle or 0)),
        memory_limit=limit if 0 < limit < _machine_memory() else None,
        processes=int((said.get("pids_stats") or {}).get("current") or 0) or None,
        disk=int(written[0].get("SizeRw") or 0) if written else None,
    )


def inhabitants(connection: Connection, handle: str) -> list[Inhabitant]:
    """The processes in it, by the Engine's `top`."""
    try:
        with connection.api() as api:
            # Podman has a `ps` of its own, and gives nothing where it is asked as Docker's.
            said = api.top(handle, ps_args="pid,ppid,tty,comm" if connection.daemon().podman else None)
    except NoSuchThing:
        return []
    except EngineDown:
        raise
    except WorkbenchError:  # it does not run
        return []
    return list(_read(said.get("Titles") or (), said.get("Processes") or ()))


def _read(titles: Iterable[str], rows: Iterable[list[str]]) -> Iterable[Inhabitant]:
    at = {str(title).upper(): index for index, title in enumerate(titles)}
    if not {"PID", "PPID"} <= at.keys():
        return
    for row in rows:
        command = row[at.get("CMD", at.get("COMMAND", -1))]
        terminal = "TTY" in at and row[at["TTY"]] not in ("?", "", "-")
        name = one_line(os.path.basename(command.split(" ")[0]), 40)
        yield Inhabitant(int(row[at["PID"]]), int(row[at["PPID"]]), terminal, name)


def oom_kills(connection: Connection, seen: Mapping[str, Any]) -> tuple[int | None, int | None]:
    """How many processes were killed in a container that runs, None where nobody counts; and its memory limit.

    From its cgroup where this machine shows it, else from what the Engine remembers of its events.
    """
    limit = int((seen.get("HostConfig") or {}).get("Memory") or 0) or None
    counter = oom.counter_of(int(seen["State"].get("Pid") or 0), holding=str(seen["Id"]))
    if counter:
        return oom.kills(counter), oom.limit(counter) or limit
    filters = {"container": str(seen["Id"]), "event": "oom"}
    try:
        since = datetime.fromisoformat(str(seen["State"]["StartedAt"])[:19]).replace(tzinfo=UTC)
        with (
            connection.api() as api,
            closing(
                api.events(since=int(since.timestamp()), until=int(time.time()), filters=filters, decode=True)
            ) as told,
        ):
            return sum(1 for _ in told), limit
    except (KeyError, ValueError, NoSuchThing):
        return None, limit


def _machine_memory() -> int:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
