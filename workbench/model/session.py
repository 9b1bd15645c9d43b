"""Sessions: an IDE of a project, wanted up or down, and what is so."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from workbench.model.forward import Forward
from workbench.model.usage import Usage


class Desired(StrEnum):
    """What a person asked for; the supervisor makes it true."""

    UP = "up"
    DOWN = "down"


class SessionState(StrEnum):
    """What is so, as last observed."""

    QUEUED = "queued"
    PREPARING = "preparing"
    STARTING = "starting"
    SPARE = "spare"  # up ahead of time, and nobody's yet
    READY = "ready"
    STOPPING = "stopping"
    STOPPED = "stopped"
    FAILED = "failed"
    VANISHED = "vanished"


S = SessionState
ALLOWED: dict[SessionState, frozenset[SessionState]] = {
    S.QUEUED: frozenset({S.PREPARING, S.STARTING, S.STOPPED, S.FAILED}),
    S.PREPARING: frozenset({S.QUEUED, S.STARTING, S.STOPPED, S.STOPPING, S.FAILED}),
    S.STARTING: frozenset({S.READY, S.SPARE, S.QUEUED, S.STOPPING, S.STOPPED, S.FAILED, S.VANISHED}),
    S.SPARE: frozenset({S.STARTING, S.STOPPING, S.STOPPED}),
    S.READY: frozenset({S.STARTING, S.STOPPING, S.STOPPED, S.FAILED, S.VANISHED}),
    S.STOPPING: frozenset({S.STOPPED, S.FAILED, S.VANISHED}),
    S.STOPPED: frozenset({S.QUEUED}),
    S.FAILED: frozenset({S.QUEUED, S.STOPPED, S.STOPPING}),
    S.VANISHED: frozenset({S.QUEUED, S.STOPPED}),
}
ENDED = frozenset({S.STOPPED, S.FAILED, S.VANISHED})
ALIVE = frozenset({S.STARTING, S.READY, S.STOPPING})
UP = ALIVE | {S.SPARE}  # what engines have of sessions


@dataclass(frozen=True)
class Session:
    """A row of `sessions`. `generation` grows with every request to start; `port` is kept for this name.

    `url` is without its secret. `handle` is the engine's name for it (container id, process identity). The fields from
    `idle_asked` on are of its newest start.
    """

    id: int
    name: str
    project: str
    ide: str
    environment: str
    engine: str
    revision: str
    desired: Desired
    generation: int
    state: SessionState
    reason: str
    hint: str
    port: int
    handle: str
    file: str  # what to open first, relative to the project; empty for the IDE's start page
    created: datetime
    started: datetime | None
    ended: datetime | None
    by: str
    account: str
    origin: str
    idle_asked: float | None = None  # seconds of idleness after which it stops, asked for with its start; 0: never
    idle_stop: float | None = None  # and what holds, after its project and environment; None: never
    stops_at: datetime | None = None  # when it will be stopped if it stays idle
    busy: str = ""  # why it is not counted as idle
    kept: bool = False  # a person called the idle stop off
    oom_kills: int = 0  # processes in it that were killed for want of memory
    oom_at: datetime | None = None  # when that was noticed last
    moved_from: int = 0  # the port that is kept for it, where another program had that
    boot: str = ""  # of the machine, at its start
    spare: str = ""  # started ahead, by this shape, and nobody's yet: the next start takes it; empty: a person's
    forwards: tuple[Forward, ...] = ()  # further ports of it, as they are shown since that start
    usage: Usage | None = None  # not in its row: what it takes, while somebody looks

    @property
    def host_name(self) -> str:
        """A name of its own, because browsers share cookies across the ports of one host name."""
        return f"{self.name}.localhost"

    @property
    def url(self) -> str:
        """Where it answers, without its secret; empty before it has a port."""
        return f"http://{self.host_name}:{self.port}" if self.port else ""

    @property
    def listening(self) -> tuple[int, ...]:
        """Every port of this machine's loopback that is its own: the tool's, then those of what else listens in it."""
        return tuple(port for port in (self.port, *(one.port for one in self.forwards)) if port)

    @property
    def options(self) -> list[str]:
        """What a command says beside the project to mean this session: the tool, and the name where it is not the usual one."""
        usual = self.name == f"{self.project}-{self.ide}"
        return ["--ide", self.ide, *([] if usual else ["--name", self.name])]
