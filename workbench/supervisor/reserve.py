"""A little room on the disk of the state, kept for the moment in which it is full: so that what is so can still be
written down. Given up when a write finds no room, taken again when there is plenty."""

from __future__ import annotations

import contextlib
import logging
import os
from pathlib import Path

log = logging.getLogger("workbench.supervisor")
SIZE = 4 * 1024**2
PLENTY = 8  # times as much has to be free before it is taken again


class Reserve:
    """The file `reserve` in a folder."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "reserve"

    def take(self) -> None:
        """Have it, where there is room for it; quick where it is there."""
        with contextlib.suppress(OSError):
            if self.path.exists():
                return
            facts = os.statvfs(self.path.parent)
            if facts.f_bavail * facts.f_frsize < SIZE * PLENTY:
                return
            descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                os.posix_fallocate(descriptor, 0, SIZE)
            finally:
                os.close(descriptor)

    def give_up(self) -> bool:
        """Let others have the room; whether there was any."""
        try:
            self.path.unlink()
        except OSError:
            return False
        log.warning("the disk of %s is full: our reserve of %d MB is given up", self.path.parent, SIZE // 1024**2)
        return True
