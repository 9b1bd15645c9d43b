"""Owns the lock of an attempt: held by its runner for life, freed by the system whatever happens to it."""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path

from workbench.execution.job import LOCK_FILE

PATIENCE = 0.5  # seconds: whoever only asks holds a shared lock for an instant


def hold(folder: Path) -> int | None:
    """Take the lock of an attempt's folder and keep it until the process ends; None where another has it, or where
    the folder was moved away or replaced meanwhile: the attempt that was meant is over then.

    The descriptor is not inherited by programs that are started. Closing it frees the lock.
    """
    path = folder / LOCK_FILE
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                os.close(descriptor)
                return None
            time.sleep(0.01)
        else:
            if _is_at(descriptor, path):
                return descriptor
            os.close(descriptor)
            return None


def _is_at(descriptor: int, path: Path) -> bool:
    """Whether the open file is the one that `path` names now."""
    try:
        there = path.stat()
    except OSError:
        return False
    return os.path.samestat(os.fstat(descriptor), there)


def is_held(folder: Path) -> bool:
    """Whether a runner lives that holds the lock.

    Asked with a shared lock: /proc/locks would name another device than stat(2) does on btrfs and overlayfs.
    """
    try:
        descriptor = os.open(folder / LOCK_FILE, os.O_RDONLY | os.O_CLOEXEC)
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
