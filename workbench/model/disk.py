"""What a home takes on disks, what of it may go by a policy, and what went."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any


class Kind(StrEnum):
    """What is asked for: to measure, to plan what would go, or to let a plan's things go."""

    MEASURE = "measure"
    PLAN = "plan"
    PRUNE = "prune"


class TaskState(StrEnum):
    """Where a task is."""

    QUEUED = "queued"
    WORKING = "working"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True)
class Policy:
    """What may go: revisions beside the active one and the `keep` newest before it, and older than `older` seconds;
    what broken builds and projects that are gone have left. `environment` narrows it to one, `only` to these revisions.
    `shared`: also what another home may use."""

    keep: int = 1
    older: float = 0.0
    environment: str = ""
    only: tuple[str, ...] = ()
    shared: bool = False


@dataclass(frozen=True)
class Entry:
    """Something on a disk. `kind`: revision, leftover (of a build), home (of a project's sessions), code (that was
    kept for runs).

    `size` are its bytes with what it shares, `own` those that would be free without it; `stays` says why it may not go,
    empty where it may.
    """

    kind: str
    name: str  # for people: `sales 23f52a8c9015127f`
    id: str  # of the engine, or a path
    engine: str = ""
    environment: str = ""
    revision: str = ""
    size: int = 0
    own: int = 0
    active: bool = False
    created: float = 0.0
    stays: str = ""


@dataclass(frozen=True)
class Report:
    """A measurement, a plan, or what was done. `freed` are the bytes of all entries that may go, or went, together; `folders`
    are further bytes of the home by what they are; `cache` is the engines' build cache, which is not ours alone."""

    entries: tuple[Entry, ...] = ()
    freed: int = 0
    folders: Mapping[str, int] = field(default_factory=dict)
    cache: int | None = None
    free: int | None = None
    problems: tuple[str, ...] = ()

    @property
    def going(self) -> tuple[Entry, ...]:
        """Entries that may go."""
        return tuple(entry for entry in self.entries if not entry.stays)

    def to_json(self) -> dict[str, Any]:
        """As JSON can hold it."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Report:
        """The reverse of `to_json`."""
        entries = tuple(Entry(**entry) for entry in data.get("entries") or ())
        return cls(**{**data, "entries": entries, "problems": tuple(data.get("problems") or ())})


@dataclass(frozen=True)
class Task:
    """A row of `disk_tasks`: `plan` is the task whose things go, for a prune."""

    id: int
    kind: Kind
    policy: Policy
    plan: int | None
    state: TaskState
    reason: str
    report: Report | None
    created: datetime
    ended: datetime | None


ENDED = frozenset({TaskState.DONE, TaskState.FAILED})
