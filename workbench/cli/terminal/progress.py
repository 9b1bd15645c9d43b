"""One line on a terminal that says how far something is, and text that streams above it."""

from __future__ import annotations

import shutil
import sys
import time
from typing import TextIO

from workbench.cli.terminal.output import cut
from workbench.text import clean

ERASE = "\r\x1b[2K"
PATIENCE = 0.3  # seconds before anything is shown: what is quicker needs no line


class ProgressLine:
    """The last line of a terminal's stderr; nothing at all where stderr is none, or `wanted` is False."""

    def __init__(self, *, wanted: bool = True) -> None:
        self.live = wanted and sys.stderr.isatty()
        self._shown = ""
        self._begun = time.monotonic()
        self._open: TextIO | None = None  # where a line of text has no end yet

    def show(self, text: str) -> None:
        """Say how far it is now."""
        if not self.live or time.monotonic() - self._begun < PATIENCE or (self._open and self._open.isatty()):
            return
        line = cut(clean(text).replace("\n", " "), shutil.get_terminal_size().columns - 1)
        if line != self._shown:
            sys.stderr.write(f"{ERASE}{line}")
            sys.stderr.flush()
            self._shown = line

    def hide(self) -> None:
        """Take the line away."""
        if self._shown:
            sys.stderr.write(ERASE)
            sys.stderr.flush()
            self._shown = ""

    def stream(self, text: str, to: TextIO | None = None) -> None:
        """Let text from elsewhere pass above the line."""
        safe = clean(text)
        if not safe:
            return
        self.hide()
        out = to or sys.stdout
        out.write(safe)
        out.flush()
        self._open = None if safe.endswith("\n") else out

    def end(self) -> None:
        """Take the line away, and end a line of text that has no end."""
        self.hide()
        if self._open:
            self._open.write("\n")
            self._open.flush()
            self._open = None
