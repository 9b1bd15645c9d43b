"""Does anybody work on what is asked for, and will schedules really run."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from workbench.doctor.finding import Finding, notice, ok
from workbench.paths import MARKER


def supervisor(root: Path) -> Iterator[Finding]:
    """Whether the supervisor of this home runs."""
    if not (root / MARKER).is_dir():
        return
    from workbench.services.bench import open_bench
    from workbench.services.supervision import control, pulse

    bench = open_bench(root, create=False)
    try:
        seen = control.status(bench)
    finally:
        bench.close()
    if seen.alive and seen.outdated:
        yield notice("supervisor", f"runs version {seen.version}, older than this program", "workbench service restart")
    elif seen.silent:
        yield notice("supervisor", seen.trouble, pulse.why_silent(seen.pid)[1])
    elif seen.alive:
        yield ok("supervisor", f"runs, process {seen.pid}")
    else:
        yield notice("supervisor", "does not run; it starts by itself when there is work", "workbench service start")


def tonight(root: Path) -> Iterator[Finding]:
    """What would keep schedules from running: sleep, logout, reboot."""
    if not (root / MARKER).is_dir():
        return
    from workbench.services import schedules
    from workbench.services.bench import open_bench

    bench = open_bench(root, create=False)
    try:
        waiting = [view for view in schedules.listing(bench) if view.next_due is not None]
        lines = schedules.tonight(bench) if waiting else ["None waits for a time."]
    finally:
        bench.close()
    first, *more = lines
    yield notice("schedules", first, "\n".join(more)) if more else ok("schedules", first)
