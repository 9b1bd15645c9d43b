"""Locks that are held for life: the system frees them whatever happens to a process (flock(2)).

Who only asks does so with a shared lock, so that two who ask do not see each other; who takes one tries for a moment.
Not by /proc/locks, which names another device than stat(2) does on btrfs and overlayfs.
"""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path

PATIENCE = 0.5  # seconds: whoever only asks holds a shared lock for an instant
LONGEST = 10.0  # that such an instant may take where the machine is busy


def take(path: Path, *, patience: float = PATIENCE) -> int | None:
    """The descriptor that holds the lock, the file made where it is missing; None where another has it.

    It is not inherited by programs that are started. Closing it frees the lock.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    deadline = time.monotonic() + patience
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            late = time.monotonic() - deadline
            if late > 0 and (late > LONGEST or not _only_asked(descriptor)):
                os.close(descriptor)
                return None
            time.sleep(0.01)
        else:
            return descriptor


def _only_asked(descriptor: int) -> bool:
    """Whether those in the way hold it shared."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    fcntl.flock(descriptor, fcntl.LOCK_UN)
    return True


def is_held(path: Path) -> bool:
    """Whether somebody holds it; False where there is no such file."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    else:
        return False
    finally:
        os.close(descriptor)
