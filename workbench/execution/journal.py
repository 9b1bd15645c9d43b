"""What a run says while it works: `events.jsonl` for programs, `log.txt` for people, both bounded in size."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime
from io import FileIO
from pathlib import Path
from typing import Any

from workbench.execution.job import EVENTS_FILE, LOG_FILE
from workbench.model.event import Progress
from workbench.text import clean, size

EVENTS_LIMIT = 20_000_000  # bytes of output in events.jsonl
LOG_LIMIT = 100_000_000  # bytes of log.txt
# Characters taken at once: one huge message is not copied whole, and a line (what was held and a slice, of up to 4
# bytes a character) is shorter than what readers take at a time.
SLICE = 100_000
# A control sequence of which only the beginning has come, at the end of a chunk.
_UNFINISHED = re.compile("\x1b(?:\\[[0-?]*[ -/]*)?$")


Shown = Callable[[str], tuple[str, str]]


class Strand:
    """One stream of one cell: text comes in chunks and goes out cleaned.

    What a bare CR will overwrite is held back until its line is done, so that a progress bar leaves its last state.
    `shown` says what of clean text may go out, and what waits for the rest of it.
    """

    def __init__(self, shown: Shown | None = None) -> None:
        self.held = ""
        self.begun = ""
        self.shown = shown

    def feed(self, text: str) -> str:
        """What can be shown of `text` and what was held."""
        text, self.held = self.held + text, ""
        start = max(text.rfind("\n") + 1, len(text) - SLICE)
        restart = text.rfind("\r", start)
        if restart >= 0:
            text, self.held = text[:start], text[restart:]
        else:
            unfinished = _UNFINISHED.search(text, max(0, len(text) - 64))
            if unfinished:
                text, self.held = text[: unfinished.start()], unfinished[0]
        return self._out(clean(text))

    def finish(self) -> str:
        """What was still held."""
        text, self.held = self.held, ""
        out = self._out(clean(text)) + self.begun
        self.begun = ""
        return out

    def _out(self, text: str) -> str:
        if self.shown is None:
            return text
        text, self.begun = self.shown(self.begun + text)
        return text


class Journal:
    """The two files of one attempt. A disk that is full costs lines, never the run: `problem` then says so."""

    def __init__(
        self, folder: Path, shown: Shown | None = None, *, events_limit: int = EVENTS_LIMIT, log_limit: int = LOG_LIMIT
    ) -> None:
        self.shown = shown  # of streams, whose pieces may hold the halves of a secret
        self.events = (folder / EVENTS_FILE).open("ab", buffering=0)
        self.log = (folder / LOG_FILE).open("ab", buffering=0)
        self.torn: set[FileIO] = set()
        self.events_left = events_limit
        self.log_left = log_limit
        self.log_limit = log_limit
        self.problem = ""
        self.strands: dict[tuple[int, str], Strand] = {}

    def event(self, kind: Progress, **facts: Any) -> None:
        """Append one line; readers see it at once and whole."""
        line = {"t": datetime.now(UTC).isoformat(timespec="milliseconds"), "kind": kind.value, **facts}
        self._append(self.events, json.dumps(line, ensure_ascii=False).encode("utf-8", "replace") + b"\n")

    def note(self, text: str) -> None:
        """Something a person should know, in both files."""
        text = clean(text)
        self.event(Progress.NOTE, text=text)
        self.heading(text)

    def heading(self, text: str) -> None:
        """A line of our own in the log, told from output by its time."""
        self._log(f"[{datetime.now(UTC):%Y-%m-%d %H:%M:%SZ}] {clean(text)}\n")

    def output(self, cell: int, stream: str, text: str) -> None:
        """Output of a cell, as it comes."""
        if self.events_left <= 0 and self.log_left <= 0:
            return
        strand = self.strands.setdefault((cell, stream), Strand(self.shown))
        for start in range(0, len(text), SLICE):
            self._shown(cell, stream, strand.feed(text[start : start + SLICE]))
            if self.events_left <= 0 and self.log_left <= 0:
                return

    def end_of_cell(self) -> None:
        """Let go of what was held back."""
        for (cell, stream), strand in self.strands.items():
            self._shown(cell, stream, strand.finish())
        self.strands.clear()

    def close(self) -> None:
        """Let go of what was held back, and close both files."""
        self.end_of_cell()
        for file in (self.events, self.log):
            try:
                file.close()
            except OSError as error:
                self.problem = error.strerror or str(error)

    def _shown(self, cell: int, stream: str, text: str) -> None:
        if not text:
            return
        if self.events_left > 0:
            part = text[: self.events_left]
            self.events_left -= len(part)
            self.event(Progress.OUTPUT, cell=cell, stream=stream, text=part)
            if self.events_left <= 0:
                self.event(Progress.NOTE, text=f"more output is only in {LOG_FILE}")
        self._log(text)

    def _log(self, text: str) -> None:
        data = text.encode("utf-8", "replace")
        if self.log_left <= 0:
            return
        self._append(self.log, data[: self.log_left])
        self.log_left -= len(data)
        if self.log_left <= 0:
            self._append(self.log, f"\n[the log ends here: it is limited to {size(self.log_limit)}]\n".encode())

    def _append(self, file: FileIO, data: bytes) -> None:
        """All of it; after a line of which only a part found room comes a new one."""
        left = memoryview(b"\n" + data if file in self.torn else data)
        whole = len(left)
        try:
            while left:
                left = left[file.write(left) :]
        except (OSError, ValueError) as error:
            if len(left) < whole:
                self.torn.add(file)
            self.problem = getattr(error, "strerror", None) or str(error)
        else:
            self.torn.discard(file)
