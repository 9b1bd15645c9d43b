"""A session's log as a file: copied while it runs, resumed where an earlier copy ended, bounded in size."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator
from contextlib import closing, suppress
from datetime import UTC, datetime
from io import FileIO
from pathlib import Path
from threading import Event
from typing import Any, Protocol

from workbench.engines import secrets
from workbench.engines.base import LABEL
from workbench.engines.docker.connection import Connection, NoSuchThing
from workbench.errors import WorkbenchError
from workbench.redaction import Redactor
from workbench.text import clean

FILE = "session.log"
POSITION = "session.log.position"
LIMIT = 20_000_000  # bytes of the file, as of a session without a container
AGAIN = 1.0  # seconds before a broken stream is taken up again


class _Stream(Protocol):
    """What docker-py gives for a log that is followed."""

    def __iter__(self) -> Iterator[bytes]: ...

    def close(self) -> None: ...


def copy(connection: Connection, handle: str, stop: Event) -> None:
    """Append what the container says to its session's file until it ended or `stop` is set; then what is left.

    A stream ends when the engine restarts as well as when the container does: only inspect tells which.
    """
    while True:
        following = not stop.is_set()
        try:
            with connection.api() as api:
                seen = api.inspect_container(handle)
            folder = Path((seen["Config"]["Labels"] or {})[f"{LABEL}folder"])
            _read(connection, handle, folder, stop, following=following)
            if not _running(connection, handle):
                return
        except (NoSuchThing, KeyError):
            return
        except WorkbenchError:
            pass
        if not following:
            return
        stop.wait(AGAIN)


def _running(connection: Connection, handle: str) -> bool:
    with connection.api() as api:
        state: dict[str, Any] = api.inspect_container(handle)["State"]
    return bool(state["Running"]) or state.get("Status") == "created"


def _read(connection: Connection, handle: str, folder: Path, stop: Event, *, following: bool) -> None:
    """Copy from where the last copy ended to the end of the stream."""
    place = _kept(folder, handle)
    since = int(datetime.fromisoformat(place.moment[:19]).replace(tzinfo=UTC).timestamp()) if place.moment else None
    redactor = _redactor(folder)
    with connection.api(timeout=None) as api, closing(Copy(folder / FILE)) as sink:
        stream: _Stream = api.logs(handle, stream=True, follow=following, timestamps=True, since=since)
        done = threading.Event()
        closer = threading.Thread(target=_close_at, args=(stream, stop, done), name="log-closer", daemon=True)
        if following:
            closer.start()
        try:
            for chunk in stream:
                for line in chunk.decode("utf-8", "replace").splitlines():
                    moment, _, text = line.partition(" ")
                    if place.is_new(moment):
                        sink.write(redactor.redact(clean(text).rstrip()) + "\n")
        finally:
            done.set()
            if following:
                closer.join(2.0)
            _keep(folder, handle, place)


class Copy:
    """The file: one that is full becomes `session.log.1`, and a new one is begun."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = self._opened()
        self._size = os.fstat(self._file.fileno()).st_size

    def write(self, text: str) -> None:
        """Append `text`, to be seen at once; a full disk loses lines of a log, not its copy."""
        data = text.encode()
        with suppress(OSError):
            if self._size and self._size + len(data) > LIMIT:
                self._path.replace(self._path.with_name(f"{self._path.name}.1"))
                self._file.close()
                self._file, self._size = self._opened(), 0
            self._size += self._file.write(data)

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _opened(self) -> FileIO:
        self._path.touch(mode=0o600)
        return self._path.open("ab", buffering=0)


class _Place:
    """How far a log was copied: the moment of the last line, and how many lines have that moment."""

    def __init__(self, moment: str = "", count: int = 0) -> None:
        self.moment = moment
        self.count = count
        self._passed = not moment
        self._met = 0

    def is_new(self, moment: str) -> bool:
        """Whether a line was not copied before; it counts as copied then. Lines before the place come first."""
        if not self._passed:
            self._met += moment == self.moment
            if moment < self.moment or (moment == self.moment and self._met <= self.count):
                return False
            self._passed = True
        self.count = self.count + 1 if moment == self.moment else 1
        self.moment = moment
        return True


def _redactor(folder: Path) -> Redactor:
    """Over the session's own secret and those it was given, which have no place in its log."""
    values = []
    for path in (folder / "token", *(folder / secrets.FOLDER).glob("*")):
        with suppress(OSError, UnicodeDecodeError):
            values.append(path.read_text(encoding="utf-8"))
    return Redactor(values)


def _close_at(stream: _Stream, stop: Event, done: Event) -> None:
    """End the blocking read of `stream` once `stop` is set."""
    while not done.wait(0.3):
        if stop.is_set():
            stream.close()
            return


def _kept(folder: Path, handle: str) -> _Place:
    """Where the copy of this container's log ended; its beginning where there is none."""
    try:
        kept = json.loads((folder / POSITION).read_text())
        return _Place(str(kept["moment"]), int(kept["count"])) if kept["handle"] == handle else _Place()
    except (OSError, ValueError, KeyError, TypeError):
        return _Place()


def _keep(folder: Path, handle: str, place: _Place) -> None:
    partial = folder / f"{POSITION}.partial"
    partial.write_text(json.dumps({"handle": handle, "moment": place.moment, "count": place.count}))
    partial.replace(folder / POSITION)
