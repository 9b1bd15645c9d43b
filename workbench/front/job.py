"""What a front is told, and where its things are in its session's folder.

sessions/<id>/  token  front.log
    front/{tool,<port>}.sock         the tool's own door, and those of other ports; all that a container sees of this
    sign-in/{job.json,lock,key}      the front's own, shown to nobody
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

SOCKET = "front/tool.sock"  # relative, because the whole path may be longer than an address may be, unix(7)
TOKEN = "token"  # noqa: S105 - a file's name
LOG = "front.log"
TAKEN, REFUSED, RUNS = 3, 4, 5  # exit codes of a front that does not listen: its port is; it may not; another does


@dataclass(frozen=True)
class Entrance:
    """One address of a session, and what is behind it. `cookie` is the name of its cookie, which no other has in any home."""

    title: str  # of the tool, or of what listens on the port
    host_name: str
    port: int  # of 127.0.0.1
    cookie: str
    inside: int = 0  # the port of the session that is behind it; 0: its tool

    @property
    def socket(self) -> str:
        """Where that is reached, below the session's folder."""
        return f"front/{self.inside}.sock" if self.inside else SOCKET


@dataclass(frozen=True)
class Job:
    """One front: the entrances of a session."""

    session: str
    entrances: tuple[Entrance, ...]

    @classmethod
    def of(cls, said: dict[str, Any]) -> Job:
        """Out of JSON, as this or an earlier version has written it."""
        session = str(said.pop("session"))
        return cls(session, tuple(Entrance(**one) for one in said.pop("entrances", [said])))


@dataclass(frozen=True)
class Place:
    """Where things are; `folder` is the session's."""

    folder: Path

    @property
    def own(self) -> Path:
        """The front's own folder."""
        return self.folder / "sign-in"

    @property
    def job(self) -> Path:
        """What it is to do; a front whose job is gone ends."""
        return self.own / "job.json"

    @property
    def lock(self) -> Path:
        """Held for its life; names its process."""
        return self.own / "lock"

    @property
    def key(self) -> Path:
        """What cookies are made from; kept over restarts, so that people stay signed in."""
        return self.own / "key"

    @property
    def token(self) -> Path:
        """The session's secret."""
        return self.folder / TOKEN

    @property
    def log(self) -> Path:
        """What the front says; nothing secret."""
        return self.folder / LOG


def write(place: Place, job: Job) -> None:
    """Leave a job for a front that is started next."""
    temporary = place.job.with_suffix(".new")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with open(descriptor, "w", encoding="utf-8") as file:
        json.dump(asdict(job), file)
    temporary.replace(place.job)


def read(place: Place) -> Job:
    """The job that was left. Raises `OSError`, `LookupError`, `ValueError` or `TypeError` where it is none."""
    return Job.of(json.loads(place.job.read_text(encoding="utf-8")))
