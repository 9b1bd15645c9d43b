"""What a session takes right now; measured while somebody looks, never kept in the store."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import datetime


@dataclass(frozen=True)
class Gpu:
    """One GPU that a session may use: share of its time in use, bytes of its memory."""

    index: int
    used: float
    memory: int
    memory_total: int


@dataclass(frozen=True)
class Usage:
    """One measurement. None: it cannot be known here, or not yet.

    `cpu` is the number of cores in use since the measurement before, `cpu_seconds` what was used since its start.
    `memory_limit` is None where nothing but the machine limits it. `disk` is what it wrote that goes with it,
    `disk_free` what is left where its project lies; all sizes in bytes.
    """

    at: datetime
    cpu: float | None = None
    cpu_seconds: float | None = None
    memory: int | None = None
    memory_limit: int | None = None
    processes: int | None = None
    disk: int | None = None
    disk_free: int | None = None
    gpus: tuple[Gpu, ...] = ()

    def to_json(self) -> str:
        """As one JSON object."""
        return json.dumps({**asdict(self), "at": self.at.isoformat()})

    @classmethod
    def from_json(cls, text: str) -> Usage:
        """The reverse of `to_json`. Raises `ValueError`, `KeyError` or `TypeError` for what is none."""
        data = json.loads(text)
        data["at"] = datetime.fromisoformat(data["at"])
        data["gpus"] = tuple(Gpu(**one) for one in data["gpus"])
        return cls(**data)


@dataclass(frozen=True)
class Inhabitant:
    """A process in a session. `parent` may be one that is not in it; `terminal`: it has one."""

    pid: int
    parent: int
    terminal: bool
    name: str
