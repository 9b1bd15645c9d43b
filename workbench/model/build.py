"""Builds: one making of an environment's revision."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class BuildState(StrEnum):
    """Where a build is; an interrupted build is queued again, for building twice does no harm."""

    QUEUED = "queued"
    BUILDING = "building"
    READY = "ready"
    FAILED = "failed"
    CANCELLED = "cancelled"


ALLOWED: dict[BuildState, frozenset[BuildState]] = {
    BuildState.QUEUED: frozenset({BuildState.BUILDING, BuildState.FAILED, BuildState.CANCELLED}),
    BuildState.BUILDING: frozenset({BuildState.READY, BuildState.FAILED, BuildState.CANCELLED, BuildState.QUEUED}),
}
ENDED = frozenset({BuildState.READY, BuildState.FAILED, BuildState.CANCELLED})


@dataclass(frozen=True)
class Build:
    """A row of `builds`: `revision` is empty until resolved; `reason` and `hint` say why it ended so."""

    id: int
    environment: str
    fingerprint: str
    engine: str
    revision: str
    state: BuildState
    created: datetime
    started: datetime | None
    ended: datetime | None
    reason: str
    hint: str
    by: str
    account: str
    origin: str
    cancel_asked: bool = False


@dataclass(frozen=True)
class BuildProgress:
    """A moment of a build: step `step` of `steps` (0 where unknown), bytes done and in all where they are known."""

    text: str
    step: int = 0
    steps: int = 0
    done: int = 0
    total: int = 0
