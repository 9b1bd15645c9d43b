"""Whether there is room for a run that could start: in its project, its environment, this machine and its memory.

A run waits for memory where others run and less is free than its notebook used before. With nothing else of the home running
it starts, whatever is free: so it never waits for ever. One that has waited for long lets no other pass.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

import psutil

from workbench.engines import oom
from workbench.model.environment import EngineName
from workbench.model.run import Run
from workbench.store.memory import used_before
from workbench.supervisor.budget import FREE_SHARE, LEAST_FREE
from workbench.supervisor.desk import Desk
from workbench.supervisor.queue.look import Look
from workbench.supervisor.queue.places import Full, Places
from workbench.supervisor.queue.ready import Usable
from workbench.text import memory, plural

SOON = 1.0  # seconds until memory or places of the machine are looked at again: nobody wakes us when they are free
LONG = 600.0  # seconds that others may pass a run that waits for memory


@dataclass(frozen=True)
class Room:
    """There is room; `place` is the descriptor that holds its place of the machine, to be closed by who starts it."""

    place: int | None


class Admission:
    """Asked for each run whose environment is there, in the order in which they are to start."""

    def __init__(self, desk: Desk, places: Places | None = None) -> None:
        self.desk = desk
        self.places = places or Places()
        self._since: dict[int, float] = {}  # runs that wait for memory, and since when

    def ask(self, run: Run, usable: Usable, look: Look) -> Room | str:
        """Room for it beside what `look` has, or why it waits."""
        if look.held_for:
            return f"waits for run {look.held_for}, which waits for memory for long"
        project = look.projects[run.project]
        of_project, of_environment = look.taken()
        if project.concurrency and of_project[run.project] >= project.concurrency:
            return f"waits for a place: {plural(project.concurrency, 'run')} at once in project {run.project}"
        most = usable.spec.concurrency
        if most and of_environment[run.environment] >= most:
            return f"waits for a place: {plural(most, 'run')} at once in environment {run.environment}"
        # The kernel that a run goes on in holds its memory already.
        if short := not run.continues and self._short_of_memory(run, usable.engine, look):
            look.short = True
            look.again(SOON)
            since = self._since.setdefault(run.id, time.monotonic())
            if time.monotonic() - since > LONG:
                look.held_for = run.id
            return short
        place = look.machine or self.places.take(self.desk.settings.places_of_the_machine)
        if isinstance(place, Full):
            look.machine = place
            look.again(SOON)
            return f"waits for a place on this machine: {place}"
        self._since.pop(run.id, None)
        return Room(place)

    def _short_of_memory(self, run: Run, engine: EngineName, look: Look) -> str:
        """Why it has to wait for memory; empty where it has not."""
        need = self._used(run, look)
        if not need or not look.active:
            return ""
        free, total = available(engine)
        if free < need:
            return f"waits for memory: used {memory(need)} the last time, {memory(max(free, 0))} free"
        # Those that run may not hold yet what they will.
        left = total - sum(self._used(other, look) for other in look.active)
        if left < need:
            told = f"{memory(max(left, 0))} of {memory(total)} not needed by runs on their way"
            return f"waits for memory: used {memory(need)} the last time, {told}"
        return ""

    def _used(self, run: Run, look: Look) -> int:
        """Bytes that its notebook held before; 0 where that is not known."""
        key = (run.project, run.notebook)
        if key not in look.memories:
            with self.desk.read() as connection:
                look.memories[key] = used_before(connection, *key) or 0
        return look.memories[key]


def available(engine: EngineName) -> tuple[int, int]:
    """Bytes of memory that a run may still take, and that all may take together, both without a reserve. Kernels of
    `process` are in our own cgroup or below it, so its limit holds for them too."""
    facts = psutil.virtual_memory()
    free, total = int(facts.available), int(facts.total)
    if engine is EngineName.PROCESS:
        counter = oom.counter_of("self")
        limit = oom.limit(counter) if counter else None
        if limit and limit < total:
            free, total = min(free, limit - (oom.in_use(counter) or 0)), limit
    reserve = int(min(max(LEAST_FREE, FREE_SHARE * total), total / 4))
    return free - reserve, total - reserve
