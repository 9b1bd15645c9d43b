"""Locks that are held for life: who only asks is in nobody's way, however slow it is."""

from __future__ import annotations

import fcntl
import os
import threading
from pathlib import Path

from workbench import locks


def test_who_only_asks_is_waited_for(tmp_path: Path) -> None:
    """One that asks and is held up for longer than asking takes keeps nobody from the lock; one that has it does at once."""
    path = tmp_path / "lock"
    path.touch()
    asking = os.open(path, os.O_RDONLY)
    fcntl.flock(asking, fcntl.LOCK_SH)
    timer = threading.Timer(locks.PATIENCE + 0.3, os.close, (asking,))
    timer.start()
    held = locks.take(path)
    timer.join()
    assert held is not None
    assert locks.take(path, patience=0) is None
    os.close(held)
