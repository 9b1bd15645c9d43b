"""The agenda: when each schedule is to be looked at next."""

from __future__ import annotations

import heapq
from datetime import datetime


class Agenda:
    """One time a key. A later word about a key replaces the one before."""

    def __init__(self) -> None:
        self._heap: list[tuple[datetime, str]] = []
        self._times: dict[str, datetime] = {}

    def plan(self, key: str, moment: datetime | None) -> None:
        """Look at `key` at `moment`; None: not by itself."""
        if moment is None:
            self._times.pop(key, None)
        elif self._times.get(key) != moment:
            self._times[key] = moment
            heapq.heappush(self._heap, (moment, key))

    def due(self, now: datetime) -> list[str]:
        """Keys whose time has come, the earliest first; they stay until they are planned anew."""
        found: list[str] = []
        while self._heap and self._heap[0][0] <= now:
            moment, key = heapq.heappop(self._heap)
            if self._times.get(key) == moment and key not in found[-1:]:
                found.append(key)
        for key in found:
            heapq.heappush(self._heap, (self._times[key], key))
        return found

    def soon(self, until: datetime) -> dict[str, datetime]:
        """Keys whose time comes up to `until`, with it."""
        return {key: self._times[key] for key in self.due(until)}

    @property
    def next(self) -> datetime | None:
        """The earliest time of any key."""
        while self._heap and self._times.get(self._heap[0][1]) != self._heap[0][0]:
            heapq.heappop(self._heap)
        return self._heap[0][0] if self._heap else None
