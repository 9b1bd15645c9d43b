"""Folders that wake the loop when a file in them is written, moved or removed, inotify(7).

Where the kernel has none left to give, or says nothing (network file systems), the look at the files that comes anyway finds it.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
from collections.abc import Iterable

# inotify.h
IN_CLOSE_WRITE, IN_MOVED, IN_DELETE, IN_SELF, IN_ONLYDIR = 0x8, 0xC0, 0x200, 0xC00, 0x0100_0000
MASK = IN_CLOSE_WRITE | IN_MOVED | IN_DELETE | IN_SELF | IN_ONLYDIR  # not their creation: there is nothing in them then
MOST = 2000  # folders


class Watch:
    """Readable when something happened since the last `drain`."""

    def __init__(self) -> None:
        self._system = ctypes.CDLL(None)
        self._descriptor: int = self._system.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        self._folders: frozenset[str] = frozenset()

    def fileno(self) -> int:
        """For a selector; negative where there is none."""
        return self._descriptor

    def follow(self, folders: Iterable[str]) -> None:
        """Watch these folders from now on; one that was made anew is another."""
        wanted = frozenset(folders)
        if self._descriptor < 0 or wanted == self._folders or len(wanted) > MOST:
            return
        for folder in wanted - self._folders:
            self._system.inotify_add_watch(self._descriptor, os.fsencode(folder), MASK)
        self._folders = wanted

    def drain(self) -> None:
        """Take what happened; which file it was is found by looking at them."""
        with contextlib.suppress(OSError):
            while os.read(self._descriptor, 65536):
                pass
        self._folders = frozenset()  # a folder may have gone and come again: all are followed anew

    def close(self) -> None:
        """Watch nothing any more."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1
