"""How urgent runs are that wait."""

from __future__ import annotations

from workbench.services import runs
from workbench.services.bench import Bench
from workbench.services.supervision import control
from workbench.store import waiting


def set_priority(bench: Bench, run_id: int, priority: int) -> bool:
    """Make a run that waits more or less urgent; False where it waits no more. Raises `NotFound`."""
    runs.get(bench, run_id)
    with bench.store.write() as connection:
        done = waiting.set_priority(connection, run_id, priority, at=bench.now(), actor=bench.actor)
    control.tell(bench)
    return done
