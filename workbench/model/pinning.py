"""What is asked of the supervisor about the exact versions of an environment: a lock, what is outdated, an export."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """What is asked."""

    LOCK = "lock"
    OUTDATED = "outdated"
    EXPORT = "export"


class TaskState(StrEnum):
    """Where it is."""

    QUEUED = "queued"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True)
class Task:
    """A row of `pin_tasks`. `folder` is where an export goes; `result` is the path that was written, or JSON."""

    id: int
    kind: Kind
    environment: str
    folder: str
    state: TaskState
    reason: str
    hint: str
    result: str
