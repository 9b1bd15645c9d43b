"""Waiting until something is true: tests wait for a row, a file or an answer, never for a time."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def until(condition: Callable[[], T | None], what: str, *, seconds: float = 30.0, every: float = 0.02) -> T:
    """The first true value of `condition`; fails after `seconds`, naming `what` and the last value seen."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {seconds:g} s for {what}; last seen: {value!r}")
        time.sleep(every)
