"""Places of this machine for runs: one limit for all homes of it, whoever's they are.

    <folder, open to all>/turn               held while somebody looks and takes, so that two do not take the same
    <folder, open to all>/<random>           one a run: locked by its runner for life, so that a supervisor that is killed
                                             frees none, and a machine that is restarted frees all

What counts is a lock that is held, and whose the file is. Nobody need be believed: an account that has no run of its own
may always start one, so others who take all places, by right or not, only make it slower. Files are empty.
"""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
import secrets
import stat
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from workbench.paths import account_name

log = logging.getLogger("workbench.supervisor.queue.places")
NAME = "workbench-runs"
OVERRIDE = "WORKBENCH_RUN_PLACES"  # tests: another folder, so that homes of other tests do not count
SHARED = ("/run/lock", "/var/tmp")  # noqa: S108 - folders of the system where all accounts meet
PATIENCE = 0.3  # seconds for the turn: whoever keeps it for longer is not waited for
MOST = 4096  # files looked at
LOOKING = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


@dataclass(frozen=True)
class Full:
    """No place is free: how many are taken, by which accounts (numbers)."""

    most: int
    by: Counter[int] = field(default_factory=Counter)

    def __str__(self) -> str:
        """`2 of 2 taken, one by ann`."""
        others = [
            f"{'one' if count == 1 else count} by {account_name(uid)}"
            for uid, count in sorted(self.by.items())
            if uid != os.getuid()
        ]
        return ", ".join([f"{self.by.total()} of {self.most} taken", *others])


class Places:
    """Takes places of the machine. `folder` is where all accounts meet; found where it is not given."""

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder or meeting_place()
        self._told = False

    def take(self, most: int) -> int | Full | None:
        """A descriptor that holds a place, as long as it or a copy of it is open; None where there can be no agreement
        with others, and no limit: the folder cannot be used."""
        try:
            with self._open() as folder, _turn(folder):
                taken = _taken(folder)
                if taken.total() >= most and taken[os.getuid()]:
                    return Full(most, taken)
                return _lock(folder)
        except OSError as error:
            if not self._told:
                log.warning("%s cannot be used, so runs of other homes do not count: %s", self.folder, error)
            self._told = True
            return None

    @contextlib.contextmanager
    def _open(self) -> Iterator[int]:
        """The folder, made where it is missing; it has to be one that all may write to, and none but owners remove from."""
        with contextlib.suppress(FileExistsError):
            self.folder.mkdir()
            self.folder.chmod(0o1777)
        folder = os.open(self.folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            if os.fstat(folder).st_mode & 0o1777 != 0o1777:
                raise PermissionError(
                    f"it is not open to all (drwxrwxrwt): owned by {account_name(os.fstat(folder).st_uid)}"
                )
            yield folder
        finally:
            os.close(folder)


def meeting_place() -> Path:
    """Where all accounts of the machine meet: the first folder that is open to all."""
    if given := os.environ.get(OVERRIDE):
        return Path(given)
    for name in SHARED:
        with contextlib.suppress(OSError):
            if os.stat(name).st_mode & 0o1002 == 0o1002:
                return Path(name) / NAME
    return Path(tempfile.gettempdir()) / NAME


@contextlib.contextmanager
def _turn(folder: int) -> Iterator[None]:
    """Alone, or after a while all the same."""
    try:
        turn = os.open("turn", LOOKING, dir_fd=folder)
    except FileNotFoundError:
        # Never O_CREAT of what may be there: systems refuse that for another's file in such a folder (proc(5), protected_regular).
        with contextlib.suppress(FileExistsError):
            made = os.open("turn", os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644, dir_fd=folder)
            os.fchmod(made, 0o644)
            os.close(made)
        turn = os.open("turn", LOOKING, dir_fd=folder)
    try:
        _patiently(turn)
        yield
    finally:
        os.close(turn)


def _patiently(file: int) -> bool:
    """Lock it, where nobody else has it for longer than a moment."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                return False
            time.sleep(0.005)
        else:
            return True


def _taken(folder: int) -> Counter[int]:
    """Places that are held, by account; our own that nobody holds any more are removed."""
    by: Counter[int] = Counter()
    with os.scandir(folder) as entries:
        names = [entry.name for entry in islice(entries, MOST) if entry.name != "turn"]
    for name in names:
        with contextlib.suppress(OSError):
            file = os.open(name, LOOKING, dir_fd=folder)
            try:
                facts = os.fstat(file)
                if not stat.S_ISREG(facts.st_mode):
                    continue
                try:
                    fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
                except BlockingIOError:
                    by[facts.st_uid] += 1
                else:
                    if facts.st_uid == os.getuid():
                        os.unlink(name, dir_fd=folder)
            finally:
                os.close(file)
    return by


def _lock(folder: int) -> int:
    """A new file, locked."""
    name = secrets.token_hex(12)
    file = os.open(name, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644, dir_fd=folder)
    try:
        os.fchmod(file, 0o644)  # whatever the umask is: others see whether it is held by opening it
        if not _patiently(file):
            raise PermissionError("somebody else holds our own file")
    except OSError:
        os.close(file)
        raise
    return file
