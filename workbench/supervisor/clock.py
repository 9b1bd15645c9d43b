"""The clock: APScheduler says when to look. What is due then is found from the store, never from it."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from apscheduler.events import (
    EVENT_JOB_ERROR,
    EVENT_JOB_MAX_INSTANCES,
    EVENT_JOB_MISSED,
    EVENT_JOBSTORE_REMOVED,
    JobEvent,
)
from apscheduler.executors.debug import DebugExecutor
from apscheduler.jobstores.memory import MemoryJobStore
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.base import BaseTrigger

from workbench.model.timetable import Timetable

log = logging.getLogger("workbench.supervisor.clock")
JUMP = 2.0  # seconds by which the two clocks may differ without being told
_EVENTS = EVENT_JOB_ERROR | EVENT_JOB_MISSED | EVENT_JOB_MAX_INSTANCES | EVENT_JOBSTORE_REMOVED


class TimetableTrigger(BaseTrigger):  # type: ignore[misc]
    """APScheduler's view of a timetable."""

    def __init__(self, timetable: Timetable) -> None:
        self.timetable = timetable

    def get_next_fire_time(self, previous_fire_time: datetime | None, now: datetime) -> datetime | None:
        """The first time after the previous one, or after now."""
        return self.timetable.after(previous_fire_time or now)


class Clock:
    """Calls `wake` at the times it was armed with, from a thread of its own."""

    def __init__(self, wake: Callable[[], None]) -> None:
        self._wake = wake
        self._armed: dict[str, Timetable] = {}
        self._gap = time.time() - time.monotonic()
        self._scheduler = self._start()

    def arm(self, tables: Mapping[str, Timetable]) -> None:
        """Wake at the times of these timetables, by key, and at no others."""
        for key in self._armed.keys() - tables.keys():
            if self._scheduler.get_job(key):
                self._scheduler.remove_job(key)
        for key, table in tables.items():
            if self._armed.get(key) != table:
                self._add(key, table)
        self._armed = dict(tables)

    def check(self) -> float:
        """Seconds by which the wall clock jumped (or the machine slept) since the last check; 0 for none.

        A clock that was set, and a thread that died, are put right here.
        """
        gap = time.time() - time.monotonic()
        jump, self._gap = gap - self._gap, gap
        if not self.alive():
            log.error("the clock's thread died; started again")
            self._scheduler = self._start()
            armed, self._armed = self._armed, {}
            self.arm(armed)
        elif abs(jump) > JUMP:
            for key, table in self._armed.items():
                self._add(key, table)
        else:
            self._scheduler.wakeup()
        return jump if abs(jump) > JUMP else 0.0

    def alive(self) -> bool:
        """Whether its thread lives."""
        thread: threading.Thread | None = getattr(self._scheduler, "_thread", None)
        return bool(self._scheduler.running and thread and thread.is_alive())

    def close(self) -> None:
        """Stop waking."""
        if self._scheduler.running:
            self._scheduler.shutdown(wait=False)

    def _start(self) -> BackgroundScheduler:
        scheduler = BackgroundScheduler(
            jobstores={"default": MemoryJobStore()},
            # Its job only wakes the loop: no pool of threads is needed, and nothing is left at the end.
            executors={"default": DebugExecutor()},
            job_defaults={"misfire_grace_time": None, "coalesce": True, "max_instances": 1},
            timezone=UTC,
            daemon=True,
        )
        scheduler.add_listener(_tell, _EVENTS)
        scheduler.start()
        return scheduler

    def _add(self, key: str, table: Timetable) -> None:
        if table.after(datetime.now(UTC)) is None:
            return
        self._scheduler.add_job(self._wake, TimetableTrigger(table), id=key, name=key, replace_existing=True)


def _tell(event: JobEvent) -> None:
    if event.code == EVENT_JOBSTORE_REMOVED:
        log.warning("the clock lost its jobs")
    else:
        log.warning("clock event %s of %s: %s", event.code, event.job_id, getattr(event, "exception", ""))
