"""Runs: one execution of a notebook asked for, its tries, and why it ended as it did."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from workbench.model.code import AS_IT_IS, Code
from workbench.model.terms import Terms


class RunState(StrEnum):
    """Where a run is. `waiting`: its engine is down. The last seven are ends."""

    QUEUED = "queued"
    WAITING = "waiting"
    STARTING = "starting"
    RUNNING = "running"
    FINISHING = "finishing"
    CANCELLING = "cancelling"
    RETRYING = "retrying"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    TIMED_OUT = "timed-out"
    OUT_OF_MEMORY = "out-of-memory"
    CRASHED = "crashed"
    INTERRUPTED = "interrupted"


R = RunState
ENDED = frozenset({R.SUCCEEDED, R.FAILED, R.CANCELLED, R.TIMED_OUT, R.OUT_OF_MEMORY, R.CRASHED, R.INTERRUPTED})
ACTIVE = frozenset({R.STARTING, R.RUNNING, R.FINISHING, R.CANCELLING})
PENDING = frozenset({R.QUEUED, R.WAITING, R.RETRYING})
UNSUCCESSFUL = ENDED - {R.SUCCEEDED}

ALLOWED: dict[RunState, frozenset[RunState]] = {
    # Timed out where it may not wait so long to begin.
    R.QUEUED: frozenset({R.WAITING, R.STARTING, R.CANCELLED, R.FAILED, R.TIMED_OUT}),
    R.WAITING: frozenset({R.QUEUED, R.STARTING, R.CANCELLED, R.FAILED, R.TIMED_OUT}),
    R.RETRYING: frozenset({R.QUEUED, R.WAITING, R.STARTING, R.CANCELLED, R.FAILED}),
    # Back to queued only when the runner provably never began (its lock was free and it wrote nothing).
    R.STARTING: frozenset({R.RUNNING, R.FINISHING, R.CANCELLING, R.QUEUED, R.RETRYING}) | ENDED,
    R.RUNNING: frozenset({R.FINISHING, R.CANCELLING, R.RETRYING}) | ENDED,
    R.FINISHING: frozenset({R.RETRYING}) | ENDED,
    R.CANCELLING: ENDED,
}


@dataclass(frozen=True)
class Failure:
    """What to show first of a run that did not succeed: cell (1-based, of all cells), error, source, traceback."""

    error: str = ""
    message: str = ""
    cell: int | None = None
    source: str = ""
    traceback: str = ""

    def to_json(self) -> str:
        """As one JSON object, for the store."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str | None) -> Failure | None:
        """The reverse of `to_json`; None for none."""
        return cls(**json.loads(text)) if text else None


@dataclass(frozen=True)
class Run:
    """A row of `runs` with its newest attempt. `cwd` is the notebook's folder; `output` the published folder.

    `timeout` is in seconds for the whole run, `due` the due time of the schedule that asked for it.
    """

    id: int
    project: str
    notebook: str  # relative to the project
    name: str  # for people and for the output folder: the schedule's or the notebook's name
    environment: str
    engine: str
    revision: str
    parameters: Mapping[str, Any]
    state: RunState
    attempt: int
    reason: str
    hint: str
    failure: Failure | None
    schedule: str | None
    due: datetime | None
    timeout: float | None
    retries: int
    cells: int
    cells_done: int
    output: str
    created: datetime
    started: datetime | None
    ended: datetime | None
    seconds: float | None  # monotonic length of the newest attempt
    by: str
    account: str
    origin: str
    cancel_asked: bool = False
    not_before: datetime | None = None
    group: int | None = None  # of a sweep
    priority: int = 0
    terms: Terms = field(default_factory=Terms)
    peak_memory: int | None = None  # bytes that the newest attempt that ended held at most
    cpu_seconds: float | None = None  # and the processor time it used
    changed: str = ""  # what of its output is materially other than of the success before
    exactly: int | None = None  # the run that it repeats with the same code, input, values and revision
    continues: int | None = None  # the failed run in whose kernel it goes on
    kernel: str = ""  # of such a run: the attempt (`41.1`) that its kernel was begun for
    kept_until: datetime | None = None  # its kernel is kept until then
    kept_cell: int | None = None  # the cell, from 1 of all, that would be next in it
    kept_memory: int | None = None  # bytes that it holds

    @property
    def kernels(self) -> tuple[str, ...]:
        """Labels of kernels that may be its."""
        return (f"{self.id}.{self.attempt}", *([self.kernel] if self.kernel else []))

    @property
    def ended_well(self) -> bool:
        """Whether it succeeded."""
        return self.state is RunState.SUCCEEDED


@dataclass(frozen=True)
class Attempt:
    """A row of `attempts`: one try of a run with its own outcome."""

    run: int
    number: int
    state: RunState
    reason: str
    failure: Failure | None
    started: datetime
    ended: datetime | None
    seconds: float | None
    revision: str


MOST_RETRIES = 20  # further tries that a run may be given
MOST_TAGS = 20  # of one run


@dataclass(frozen=True)
class Request:
    """What a person or a schedule asks to be run; checked by `services.asking.requests`, made a `Run` by `services.runs.submit`."""

    project: str
    notebook: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    environment: str | None = None
    name: str | None = None
    timeout: float | None = None
    retries: int | None = None  # None, here and of `priority`: what the project says
    allow_unknown_parameters: bool | frozenset[str] = False  # of all names, or of these
    schedule: str | None = None
    due: datetime | None = None
    at: datetime | None = None  # the due time or the present, in the zone that is meant; None: `${…}` is but text
    sweep: Any = None  # as `model.sweep.read` takes it: one run for each combination, as one group
    references: Mapping[str, str] = field(default_factory=dict)  # of the run that it is again (`model.variables`)
    priority: int | None = None
    terms: Terms = field(default_factory=Terms)
    code: Code = AS_IT_IS  # which files of its project it sees
    inputs: tuple[str, ...] = ()  # files that it reads, beside those its project names: their hashes are kept
    exactly: int | None = None  # the run that it is to repeat as that was
    tags: tuple[str, ...] = ()  # that it has from the beginning
