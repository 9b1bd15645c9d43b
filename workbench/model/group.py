"""Groups: the runs of one sweep, one for each combination of its parameters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from workbench.model.run import ACTIVE, ENDED, PENDING, UNSUCCESSFUL, Run, RunState


@dataclass(frozen=True)
class Group:
    """A row of `run_groups`. `names` are the parameters that differ, `size` how many runs were asked for."""

    id: int
    project: str
    notebook: str
    name: str
    names: tuple[str, ...]
    size: int
    schedule: str | None
    due: datetime | None
    created: datetime
    by: str
    account: str
    origin: str

    @property
    def label(self) -> str:
        """`g7`, as commands take it."""
        return f"g{self.id}"

    def combination(self, run: Run) -> dict[str, Any]:
        """What sets one of its runs apart."""
        return {name: run.parameters[name] for name in self.names if name in run.parameters}


@dataclass(frozen=True)
class Standing:
    """How a group is: how many of its runs are in each state."""

    counts: Mapping[RunState, int]

    def of(self, states: frozenset[RunState]) -> int:
        """How many are in any of `states`."""
        return sum(count for state, count in self.counts.items() if state in states)

    @property
    def size(self) -> int:
        """How many runs there are; fewer than were asked for where some were removed."""
        return sum(self.counts.values())

    @property
    def ended(self) -> bool:
        """Whether all have ended."""
        return self.of(ENDED) == self.size

    @property
    def state(self) -> str:
        """One word, as a run's: running, queued, succeeded, failed, cancelled."""
        if not self.ended:
            return "running" if self.of(ACTIVE) or self.of(ENDED) else "queued"
        if self.counts.get(RunState.SUCCEEDED, 0) == self.size:
            return "succeeded"
        return "failed" if self.of(UNSUCCESSFUL - {RunState.CANCELLED}) else "cancelled"

    @property
    def words(self) -> str:
        """`9 of 12 done, 2 running, 1 waits, 1 failed`."""
        parts = [f"{self.of(ENDED)} of {self.size} done"]
        for number, word in ((self.of(ACTIVE), "running"), (self.of(PENDING), "waiting")):
            parts += [f"{number} {word}"] if number else []
        parts += [f"{count} {state}" for state, count in self.counts.items() if state in UNSUCCESSFUL and count]
        return ", ".join(parts)
