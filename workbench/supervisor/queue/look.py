"""One look at the queue: who comes before whom, what runs already, and why the others stay.

A run that goes on in a kernel which is kept for it goes first of all. Else a run that is more urgent does, of two alike the one that was asked for first; and one place in four goes to the run
that has waited longest, however urgent others are, so that none waits for ever.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime

from workbench.model.project import Project
from workbench.model.run import Run, RunState
from workbench.supervisor.queue.places import Full
from workbench.supervisor.queue.ready import Readiness

EVERY = 4  # starts of which the last is the oldest run's


@dataclass
class Look:
    """What one look at the queue has found so far. `starts` counts runs started, over all looks."""

    now: datetime
    places: int  # runs at once
    starts: int = 0
    gone: int = 0  # ended, but their kernels are not gone
    active: list[Run] = field(default_factory=list)
    lines: dict[str, list[Run]] = field(default_factory=dict)  # by schedule: its runs that wait, the oldest first
    projects: dict[str, Project] = field(default_factory=dict)
    known: dict[str, Readiness] = field(default_factory=dict)  # of environments
    memories: dict[tuple[str, str], int] = field(default_factory=dict)  # bytes used before, by project and notebook
    machine: Full | None = None  # no place of the machine was free: not asked again for each run
    held_for: int = 0  # the run that nothing else starts before: it has waited for memory for long
    reasons: list[tuple[Run, RunState, str, str]] = field(default_factory=list)  # why runs stay, to be written
    wait: float | None = None  # seconds until the next look
    short: bool = False  # whether a run waits for memory
    down: bool = False  # whether a run waits for its engine

    @property
    def full(self) -> bool:
        """Whether no place is left."""
        return len(self.active) + self.gone >= self.places

    def again(self, seconds: float) -> None:
        """Have the next look after `seconds` at the latest."""
        self.wait = seconds if self.wait is None else min(self.wait, seconds)

    def queue(self, pending: Iterable[Run]) -> None:
        """Take in runs that wait, in any order."""
        for run in sorted(pending, key=lambda run: run.id):
            line = self.lines.setdefault(run.schedule, []) if run.schedule else []
            if all(run.id != other.id for other in line):
                line.append(run)

    def refused(self, run: Run) -> None:
        """One that will not start holds up no other."""
        line = self.lines.get(run.schedule or "", [])
        self.lines[run.schedule or ""] = [other for other in line if other.id != run.id]

    def started(self, run: Run) -> None:
        """One more is on its way."""
        self.active.append(run)
        self.starts += 1

    def before(self, run: Run) -> int:
        """The run of its schedule that it waits for: one on its way, or the oldest of those that wait; 0 for none. Those
        of one sweep are together: a group of different due times is a backfill, which goes one after the other."""
        sweep = (run.group, run.due) if run.group else None
        running = (one for one in self.active if one.schedule == run.schedule)
        older = (one for one in self.lines.get(run.schedule or "", [])[:1] if one.id < run.id)
        return min(
            (one.id for one in (*running, *older) if one.id != run.id and (one.group, one.due) != sweep), default=0
        )

    def taken(self) -> tuple[Counter[str], Counter[str]]:
        """How many run of each project, and in each environment."""
        return Counter(run.project for run in self.active), Counter(run.environment for run in self.active)


def in_turn(pending: Iterable[Run], look: Look) -> Iterator[Run]:
    """Each run once, in the order in which they may start, as starts go on meanwhile."""
    by_age = deque(sorted(pending, key=lambda run: run.id))
    by_priority = deque(sorted(by_age, key=lambda run: (run.continues is None, -run.priority, run.id)))
    seen: set[int] = set()
    while by_priority:
        line = by_age if by_age and look.starts % EVERY == EVERY - 1 else by_priority
        run = line.popleft()
        if run.id not in seen:
            seen.add(run.id)
            yield run
