"""The lock of an attempt: held by its runner for life, freed by the system whatever happens to it."""

from __future__ import annotations

import os
from pathlib import Path

from workbench import locks
from workbench.execution.job import LOCK_FILE


def hold(folder: Path) -> int | None:
    """Take the lock of an attempt's folder and keep it until the process ends; None where another has it, or where
    the folder was moved away or replaced meanwhile: the attempt that was meant is over then."""
    path = folder / LOCK_FILE
    descriptor = locks.take(path)
    if descriptor is not None and not _is_at(descriptor, path):
        os.close(descriptor)
        return None
    return descriptor


def _is_at(descriptor: int, path: Path) -> bool:
    """Whether the open file is the one that `path` names now."""
    try:
        there = path.stat()
    except OSError:
        return False
    return os.path.samestat(os.fstat(descriptor), there)


def is_held(folder: Path) -> bool:
    """Whether a runner lives that holds the lock."""
    return locks.is_held(folder / LOCK_FILE)
