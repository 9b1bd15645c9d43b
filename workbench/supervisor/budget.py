"""Memory for what is kept warm, one budget for all homes of this machine, whoever's they are.

Each supervisor says in a file how much its home takes, and holds the file's lock while it lives: what a dead one said
does not count. The folder is open to every account; who says too much only keeps others cold.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import stat
import tempfile
import time
from pathlib import Path

import psutil

from workbench.paths import Home

NAME = "workbench-warm"
LEAST_FREE, FREE_SHARE = 512 * 1024**2, 0.05  # memory of the machine that stays free: bytes, and share of all
DEAD = 1.0  # seconds for which a file that nobody holds is not looked at again: killed ones leave theirs
MOST = 1 << 50  # bytes that anybody is believed to take


def memory_left() -> int:
    """Bytes of the machine that warm things may still take; negative where memory is short."""
    facts = psutil.virtual_memory()
    return int(facts.available - max(LEAST_FREE, FREE_SHARE * facts.total))


class Budget:
    """What this home takes, by part of the supervisor (spares, kernels), and what others do."""

    def __init__(self, home: Home) -> None:
        self.name = f"{os.getuid()}-{home.id}"
        self.folder = Path(tempfile.gettempdir()) / NAME
        self._takes: dict[str, int] = {}
        self._file: int | None = None
        self._dead: dict[str, float] = {}  # files that nobody held, since when that is known

    def say(self, part: str, takes: int) -> None:
        """A part takes so many bytes now."""
        if self._takes.get(part, 0) == takes:
            return
        self._takes[part] = takes
        with contextlib.suppress(OSError):  # then others do not know
            text = f"{sum(self._takes.values()):>20}\n".encode()
            os.pwrite(self._open(), text, 0)

    def room(self, part: str, most: int) -> int:
        """Bytes that a part may take now, where all homes together may take `most`."""
        own = sum(takes for name, takes in self._takes.items() if name != part)
        return most - own - self.others()

    def others(self) -> int:
        """Bytes that other homes take."""
        try:
            names = os.listdir(self.folder)
        except OSError:
            return 0
        now, takes = time.monotonic(), 0
        self._dead = {name: since for name, since in self._dead.items() if now - since < DEAD}
        for name in names:
            if name != self.name and name not in self._dead:
                said = _said(self.folder / name)
                if said is None:
                    self._dead[name] = now
                takes += said or 0
        return takes

    def close(self) -> None:
        """Take nothing any more."""
        if self._file is not None:
            with contextlib.suppress(OSError):
                (self.folder / self.name).unlink()
            os.close(self._file)
            self._file = None

    def _open(self) -> int:
        if self._file is None:
            with contextlib.suppress(FileExistsError):
                self.folder.mkdir()
                self.folder.chmod(0o1777)
            flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
            file = os.open(self.folder / self.name, flags, 0o644)
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                os.close(file)
                raise
            self._file = file
        return self._file


def _said(path: Path) -> int | None:
    """What the supervisor of a file says that it takes; None where it is gone, 0 where it says nothing that can be read."""
    try:
        file = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        if not stat.S_ISREG(os.fstat(file).st_mode):
            return 0
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        with contextlib.suppress(OSError, ValueError):
            return min(max(0, int(os.read(file, 32))), MOST)
        return 0
    except OSError:
        return 0
    finally:
        os.close(file)
    return None
