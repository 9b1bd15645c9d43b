"""Lines that grow: a file, or the events of a run. Read in a thread, shown by a log view."""

from __future__ import annotations

import codecs
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from typing import Any, Protocol

from workbench.services.bench import Bench
from workbench.text import clean, duration, on_the_clock

START = 2_000_000  # bytes of a file that are read at first; what is before is named, not shown
AT_ONCE = 1_000_000  # bytes read in one go


@dataclass(frozen=True)
class Chunk:
    """New lines; `partial` is the last line so far, not ended yet; `reset` begins anew.

    `times`: when each line came, where the source knows that; as many as there are lines, or none.
    """

    lines: tuple[str, ...] = ()
    partial: str = ""
    reset: bool = False
    times: tuple[datetime, ...] = ()


class Source(Protocol):
    """Something that has lines. `key` tells one source from another; `nothing` is said while it has none."""

    key: str
    nothing: str
    path: Path | None

    def read(self) -> Chunk | None:
        """What is new since the last call; None for nothing."""
        ...


@dataclass
class FileSource:
    """A text file that may grow, be replaced, or not be there yet."""

    key: str
    path: Path | None
    nothing: str = "Nothing was written yet."
    zone: tzinfo | None = None  # whose clock the times of a run's log are told by
    _offset: int = -1
    _inode: int = 0
    _partial: str = ""
    _decoder: codecs.IncrementalDecoder = field(
        default_factory=lambda: codecs.getincrementaldecoder("utf-8")("replace")
    )

    def read(self) -> Chunk | None:
        """New whole lines, and the beginning of the next."""
        if self.path is None:
            return None
        try:
            with self.path.open("rb") as file:
                facts = os.fstat(file.fileno())
                reset = self._offset < 0 or facts.st_ino != self._inode or facts.st_size < self._offset
                head: tuple[str, ...] = ()
                if reset:
                    self._inode, self._partial = facts.st_ino, ""
                    self._decoder.reset()
                    self._offset = max(0, facts.st_size - START)
                    if self._offset:
                        head = (f"… what came before is in {self.path}",)
                file.seek(self._offset)
                block = file.read(AT_ONCE)
        except OSError:
            return None
        if not block and not reset:
            return None
        self._offset += len(block)
        text = self._partial + self._decoder.decode(block)
        *lines, self._partial = text.split("\n")
        return Chunk(head + tuple(self._shown(line) for line in lines), clean(self._partial), reset)

    def _shown(self, line: str) -> str:
        told = clean(line)
        return on_the_clock(told, self.zone, "%H:%M:%S") if self.zone and told.startswith("[") else told


@dataclass
class EventSource:
    """The output of a run's cells, from its events; a new attempt begins anew."""

    key: str
    bench: Bench
    run: int
    nothing: str = "No cell has written anything yet."
    path: Path | None = None
    _mark: Any = None
    _partial: str = ""

    def read(self) -> Chunk | None:
        """New lines with a line for each cell that begins or ends."""
        from workbench.services import runs

        events, mark = runs.tail(self.bench, self.run, self._mark)
        reset = self._mark is None or mark.attempt != self._mark.attempt
        if reset:
            self._partial = ""
        self._mark = mark
        if not events and not reset:
            return None
        lines: list[str] = []
        times: list[datetime] = []
        for event in events:
            self._take(event, lines)
            times += [_moment(event)] * (len(lines) - len(times))
        return Chunk(tuple(lines), clean(self._partial), reset, tuple(times))

    def _take(self, event: dict[str, Any], lines: list[str]) -> None:
        kind = event.get("kind")
        if kind == "output":
            *whole, self._partial = (self._partial + str(event.get("text", ""))).split("\n")
            lines.extend(clean(line) for line in whole)
            return
        said = _SAID.get(str(kind))
        if said is None:
            return
        if self._partial:
            lines.append(clean(self._partial))
            self._partial = ""
        lines.append(clean(said(event)))


def _moment(event: dict[str, Any]) -> datetime:
    try:
        return datetime.fromisoformat(str(event.get("t")))
    except ValueError:
        return datetime.fromtimestamp(0, UTC)


def _ended(event: dict[str, Any]) -> str:
    return f"   {event.get('status', '')} in {duration(event.get('seconds'))}"


_SAID: dict[str, Callable[[dict[str, Any]], str]] = {
    "cell": lambda event: f"── cell {event.get('cell')} ({event.get('n')} of {event.get('of')}) " + "─" * 12,
    "done": _ended,
    "kernel": lambda event: f"kernel {event.get('kernel', '')} answered in {duration(event.get('seconds'))}",
    "note": lambda event: str(event.get("text", "")),
}
