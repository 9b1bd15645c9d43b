"""Schedules: what a YAML file declares, how far it was evaluated, and its due times."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any

from workbench.model.code import AS_IT_IS, Code
from workbench.model.delivery import Delivery
from workbench.model.notice import Notify
from workbench.model.retention import Keep
from workbench.model.run import RunState
from workbench.model.terms import Terms
from workbench.text import duration


class Overlap(StrEnum):
    """What happens at a due time while the run before is still active."""

    SKIP = "skip"
    QUEUE = "queue"
    REPLACE = "replace"
    ALLOW = "allow"


class CatchUp(StrEnum):
    """Which due times that passed while nothing watched still fire."""

    LATEST = "latest"
    ALL = "all"
    NONE = "none"


class DueState(StrEnum):
    """What became of a due time: one row each, for ever."""

    FIRED = "fired"
    SKIPPED = "skipped"
    MISSED = "missed"


@dataclass(frozen=True, slots=True)
class ScheduleSpec:
    """A declared schedule; exactly one of `cron`, `once`, `every` is set.

    `once`, `start` and `end` are naive wall time in `timezone`; `end` is the last moment at which it may be due.
    """

    project: str
    name: str
    source: Path
    notebook: str
    timezone: str
    cron: str | None = None
    once: str | None = None
    every: float | None = None  # seconds
    parameters: Mapping[str, Any] = field(default_factory=dict)
    environment: str | None = None
    timeout: float | None = None  # seconds
    retries: int | None = None  # None, here and of `priority`: what its project says
    overlap: Overlap = Overlap.SKIP
    catch_up: CatchUp = CatchUp.LATEST
    catch_up_window: float | None = None  # seconds
    enabled: bool = True
    digest: str = ""  # of the file's text
    deliver: tuple[Delivery, ...] = ()  # copies of what its runs leave
    notify: Notify | None = None  # who is told, beside what the project says
    keep: Keep | None = None  # which of its runs; the project's, where not said
    start: str | None = None
    end: str | None = None
    jitter: float | None = None  # seconds within which each due time is fired, by a delay of its own
    sweep: Any = None  # as `model.sweep.read` takes it
    code: Code = AS_IT_IS  # which files of its project its runs see
    priority: int | None = None
    terms: Terms = field(default_factory=Terms)
    inputs: tuple[str, ...] = ()  # files that its runs read
    tags: tuple[str, ...] = ()  # that its runs have

    @property
    def key(self) -> str:
        """`<project>/<name>`, unique in a home."""
        return f"{self.project}/{self.name}"

    @property
    def when(self) -> str:
        """The line as written, for lists: `30 6 * * mon-fri`, `once 2026-01-02 06:30`, `every 2h`."""
        if self.cron:
            return self.cron
        if self.once:
            return f"once {self.once}"
        return f"every {_span(self.every or 0)}"

    @property
    def timing(self) -> str:
        """What decides when it fires; a change of it starts the schedule anew at now."""
        within = f"|{self.start}|{self.end}" if self.start or self.end else ""
        off = "" if self.enabled else "|off"
        return f"{self.cron}|{self.once}|{self.every}|{self.timezone}{within}{off}"

    def delay(self, due: datetime) -> timedelta:
        """How long after `due` it is fired: within `jitter`, the same each time it is asked."""
        if not self.jitter:
            return timedelta()
        seed = f"{self.key}|{due.astimezone(UTC).isoformat()}".encode()
        share = int.from_bytes(hashlib.sha256(seed).digest()[:6]) / 2**48
        return timedelta(seconds=int(self.jitter * share))


@dataclass(frozen=True, slots=True)
class Schedule:
    """A row of `schedules`: due times up to `evaluated_until` have their rows. `problem`: why the file is not read."""

    key: str
    project: str
    name: str
    digest: str
    timing: str
    evaluated_until: datetime
    paused: bool
    paused_by: str
    present: bool  # its file is there
    problem: str
    pause_reason: str = ""
    paused_until: datetime | None = None  # when the pause ends by itself


@dataclass(frozen=True, slots=True)
class Pause:
    """A row of `pauses`: from `since` on nothing fires, up to `ended`, or `until` where that comes by itself."""

    schedule: str
    since: datetime
    until: datetime | None
    by: str
    reason: str
    ended: datetime | None

    def covers(self, due: datetime) -> bool:
        """Whether a due time falls into it; at its end it is over."""
        end = self.ended or self.until
        return self.since < due and (end is None or due < end)

    def __str__(self) -> str:
        return f"paused by {self.by}{f': {self.reason}' if self.reason else ''}"


class ByHand(StrEnum):
    """Why a schedule ran beside its due times."""

    NOW = "now"
    BACKFILL = "backfill"


LATE = timedelta(seconds=60)  # a due time that fires within this was on time


@dataclass(frozen=True, slots=True)
class DueTime:
    """A line of the ledger: a row of `due_times`, or of `by_hand`; `run` is the run that it fired.

    `by_hand` says why where a person had it run for that time: beside the due times, whatever became of those.
    `run_reason`: why its run has not begun, or never did.
    """

    schedule: str
    due: datetime
    state: DueState
    reason: str
    run: int | None
    noticed: datetime
    by_hand: ByHand | None = None
    by: str = ""
    run_state: RunState | None = field(default=None, compare=False)  # as it is now, no part of the line
    run_reason: str = field(default="", compare=False)

    @property
    def run_told(self) -> str:
        """`run 41 succeeded`; empty where it fired none. One that was removed since has no state."""
        return f"run {self.run} {self.run_state or 'removed'}" if self.run else ""

    @property
    def late(self) -> timedelta | None:
        """How long after its time it fired; None where that was on time, or it did not."""
        behind = self.noticed - self.due
        return behind if self.state is DueState.FIRED and not self.by_hand and behind > LATE else None

    @property
    def why(self) -> str:
        """What is to be said of it: who had it run, or how late it was, the reason, and what its run waits for."""
        hand = {None: "", ByHand.NOW: "by hand", ByHand.BACKFILL: "backfill"}[self.by_hand]
        who = f"{hand}, {self.by}" if hand and self.by else hand
        late = f"{duration(self.late)} late" if self.late else ""
        return ": ".join(part for part in (who or late, self.reason, self.run_reason) if part)


def _span(seconds: float) -> str:
    whole = int(seconds)
    for unit, length in (("d", 86400), ("h", 3600), ("m", 60)):
        if whole and whole % length == 0:
            return f"{whole // length}{unit}"
    return f"{whole}s"
