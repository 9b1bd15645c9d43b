"""One line on a terminal that says how far something is, and text that streams above it."""

from __future__ import annotations

import sys
import time
from typing import TextIO

from workbench.cli.output import width
from workbench.text import clean, one_line

ERASE = "\r\x1b[2K"
PATIENCE = 0.3  # seconds before anything is shown: what is quicker needs no line


class ProgressLine:
    """The last line of a terminal's stderr; nothing at all where stderr is none, or `wanted` is False."""

    def __init__(self, *, wanted: bool = True) -> None:
        self.live = wanted and sys.stderr.isatty()
        self._shown = ""
        self._begun = time.monotonic()
        self._column_zero = True

    def show(self, text: str) -> None:
        """Say how far it is now."""
        if not self.live or not self._column_zero or time.monotonic() - self._begun < PATIENCE:
            return
        line = one_line(text)
        limit = _columns() - 1
        while line and width(line) > limit:
            line = line[:-1]
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
        if out.isatty():
            self._column_zero = safe.endswith("\n")

    def end(self) -> None:
        """Leave the terminal at the start of an empty line."""
        self.hide()
        if not self._column_zero:
            sys.stdout.write("\n")
            sys.stdout.flush()
            self._column_zero = True


def _columns() -> int:
    import shutil

    return shutil.get_terminal_size().columns
