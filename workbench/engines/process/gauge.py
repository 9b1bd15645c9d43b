"""What a session of the process engine takes, and who is in it."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from workbench.engines import oom
from workbench.engines.process import kept, proc
from workbench.model.usage import Inhabitant, Usage


def usage(folder: Path, *, disk: bool) -> Usage | None:
    """One measurement of the session of `folder`; None where it does not run.

    What it writes is in its project and stays there, so there is nothing to count on the disk.
    """
    del disk
    identity = kept.read(folder / "kept", "identity.json")
    if identity is None or not kept.alive(folder / "kept"):
        return None
    below = proc.descendants(int(identity["pid"]), str(identity["mark"]))
    counter = str(identity.get("counter") or "")
    return Usage(
        at=datetime.now(UTC),
        cpu_seconds=proc.cpu_seconds([int(identity["pid"]), *below]),
        memory=oom.in_use(counter) if counter else proc.proportional(below),
        memory_limit=oom.limit(counter) if counter else None,
        processes=len(below),
    )


def inhabitants(folder: Path) -> list[Inhabitant]:
    """The processes below the keeper of the session of `folder`."""
    identity = kept.read(folder / "kept", "identity.json")
    if identity is None or not kept.alive(folder / "kept"):
        return []
    found = ((pid, proc.facts(pid)) for pid in proc.descendants(int(identity["pid"]), str(identity["mark"])))
    return [Inhabitant(pid, *facts) for pid, facts in found if facts]
