"""Schedules: what a YAML file declares, how far it was evaluated, and its due times."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

from workbench.model.retention import Keep


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


@dataclass(frozen=True)
class ScheduleSpec:
    """A declared schedule; exactly one of `cron`, `once`, `every` is set. `once` is naive wall time in `timezone`."""

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
    retries: int = 0
    overlap: Overlap = Overlap.SKIP
    catch_up: CatchUp = CatchUp.LATEST
    catch_up_window: float | None = None  # seconds
    enabled: bool = True
    digest: str = ""  # of the file's text
    keep: Keep | None = None  # which of its runs; the project's, where not said

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
        return f"{self.cron}|{self.once}|{self.every}|{self.timezone}"


@dataclass(frozen=True)
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


@dataclass(frozen=True)
class DueTime:
    """A row of `due_times`; `run` is the run that it fired."""

    schedule: str
    due: datetime
    state: DueState
    reason: str
    run: int | None
    noticed: datetime


def _span(seconds: float) -> str:
    whole = int(seconds)
    for unit, length in (("d", 86400), ("h", 3600), ("m", 60)):
        if whole and whole % length == 0:
            return f"{whole // length}{unit}"
    return f"{whole}s"
