"""The clock: APScheduler says when to look. What is due then is found from the store, never from it."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
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
from apscheduler.triggers.date import DateTrigger

log = logging.getLogger("workbench.supervisor.due.clock")
JUMP = 2.0  # seconds by which the two clocks may differ without being told
_EVENTS = EVENT_JOB_ERROR | EVENT_JOB_MISSED | EVENT_JOB_MAX_INSTANCES | EVENT_JOBSTORE_REMOVED


class Clock:
    """Calls `wake` at the time it was armed with, from a thread of its own."""

    def __init__(self, wake: Callable[[], None]) -> None:
        self._wake = wake
        self._armed: datetime | None = None
        self._gap = time.time() - time.monotonic()
        self._scheduler = self._start()

    def arm(self, moment: datetime | None) -> None:
        """Wake at `moment`, the earliest of all there are, and at no other; None: never."""
        if moment != self._armed:
            self._armed = moment
            self._set()

    def check(self) -> float:
        """Seconds by which the wall clock jumped (or the machine slept) since the last check; 0 for none.

        A clock that was set, and a thread that died, are put right here.
        """
        gap = time.time() - time.monotonic()
        jump, self._gap = gap - self._gap, gap
        if not self.alive():
            log.error("the clock's thread died; started again")
            self._scheduler = self._start()
            self._set()
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

    def _set(self) -> None:
        if self._armed is None:
            self._scheduler.remove_all_jobs()
        else:
            self._scheduler.add_job(self._wake, DateTrigger(self._armed), id="due", name="due", replace_existing=True)


def _tell(event: JobEvent) -> None:
    if event.code == EVENT_JOBSTORE_REMOVED:
        log.warning("the clock lost its jobs")
    else:
        log.warning("clock event %s of %s: %s", event.code, event.job_id, getattr(event, "exception", ""))
