"""Owns how a notebook goes into papermill and comes out of it: as text in memory, by a handler of papermill's own kind.

Given as an object it would be written and read once more at the beginning, and what papermill writes in the end would be
thrown away and written again.
"""

from __future__ import annotations

import json
from typing import Any

from papermill.iorw import papermill_io

SCHEME = "workbench:"
INPUT, OUTPUT = f"{SCHEME}input.ipynb", f"{SCHEME}output.ipynb"


class Exchange:
    """Of the run that this process has now. `taken` is the text of the output."""

    def __init__(self) -> None:
        self.given = ""
        self.taken = ""

    def begin(self, notebook: Any) -> None:
        """Give a notebook, for `INPUT` to be read."""
        self.given, self.taken = json.dumps(notebook), ""

    def end(self) -> str:
        """The text of the output; nothing of the run is kept here."""
        taken, self.given, self.taken = self.taken, "", ""
        return taken

    def read(self, path: str) -> str:
        """What was given."""
        assert path == INPUT
        return self.given

    def write(self, buf: str, path: str) -> None:
        """Take the output."""
        assert path == OUTPUT
        self.taken = buf

    def pretty_path(self, path: str) -> str:
        """For papermill's log."""
        return path

    def listdir(self, path: str) -> list[str]:
        """There is no folder."""
        raise NotADirectoryError(path)


EXCHANGE = Exchange()


def install() -> None:
    """Make papermill of this process know it."""
    if all(handler is not EXCHANGE for _, handler in papermill_io._handlers):  # noqa: SLF001 - there is no word for it
        papermill_io.register(SCHEME, EXCHANGE)
