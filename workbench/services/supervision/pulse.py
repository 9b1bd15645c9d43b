"""The supervisor's pulse: it touches its lock file as it looks, so that one that hangs is told from one that waits.

A look comes every half a minute at the latest. Before one is called silent it is woken, and gets a moment to answer. Of one
that was stopped by a signal no answer has to be waited for.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable
from datetime import UTC, datetime

from workbench.paths import Home
from workbench.services.supervision.holder import card, card_path
from workbench.store.holding import STOPPED, held, holders, state_of

APART = 1.0  # seconds between beats, however often it looks
LATE = 45.0  # seconds without one that are worth a question
ANSWER = 3.0  # seconds that it gets to answer it


class Pulse:
    """Of the process that holds `lock`."""

    def __init__(self, lock: int) -> None:
        self._lock = lock
        self._last = -APART

    def beat(self) -> None:
        """It lives."""
        now = time.monotonic()
        if now - self._last >= APART:
            self._last = now
            with contextlib.suppress(OSError):  # a full or broken disk is told elsewhere
                os.utime(self._lock)


def silent_since(home: Home, wake: Callable[[], None]) -> datetime | None:
    """Since when the supervisor that runs has not looked at anything, though it was woken; None where it does."""
    last = _last(home)
    if last is not None and is_stopped(int(str(card(home).get("pid") or 0))):
        return datetime.fromtimestamp(last, UTC)
    if last is None or time.time() - last < LATE:
        return None
    wake()
    deadline = time.monotonic() + ANSWER
    while time.monotonic() < deadline:
        time.sleep(0.05)
        if _last(home) != last:
            return None
    return datetime.fromtimestamp(last, UTC)


def trouble(silent: datetime, pid: int) -> str:
    """What is wrong, in a sentence."""
    why, _ = why_silent(pid)
    return f"the supervisor does not answer since {silent.astimezone():%Y-%m-%d %H:%M:%S}{why and f': {why}'}"


def is_stopped(pid: int) -> bool:
    """Whether a signal has stopped that process."""
    return state_of(pid) == STOPPED


def why_silent(pid: int) -> tuple[str, str]:
    """What the kernel says of a process that does not answer, and what can be done; proc(5)."""
    kind = state_of(pid)
    if kind in (STOPPED, "t"):  # t: by a debugger
        return "it was stopped by a signal", f"kill -CONT {pid}"
    if kind == "D":
        return "it waits for a disk", "workbench doctor"
    return "", "workbench service restart"


def refuse_waiting(home: Home, pid: int) -> None:
    """Raise `StoreHeld` where the supervisor `pid`, which does not answer, has the store locked: that may last for ever."""
    if any(one.pid == pid for one in holders(home.database)):
        raise held(home.database, pid)


def _last(home: Home) -> float | None:
    """When it was last seen alive: it looked, or it had just begun."""
    seen = []
    for path in (home.supervisor_lock, card_path(home)):
        with contextlib.suppress(OSError):
            seen.append(os.stat(path).st_mtime)
    return max(seen, default=None)
