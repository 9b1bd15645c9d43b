"""Remotes that are asked before due times with `code: {fetch: true}` become runs, each in a thread of its own.

A due time waits for it, no longer than a remote may take; the others go on meanwhile.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta

from workbench.errors import WorkbenchError
from workbench.model.schedule import ScheduleSpec
from workbench.services import projects
from workbench.services.code import commits
from workbench.supervisor.desk import Desk

log = logging.getLogger("workbench.supervisor.due.fetches")
GOOD_FOR = timedelta(seconds=60)  # an answer this new holds for what was due longer ago too
LOOK = timedelta(seconds=0.2)


@dataclass
class Asked:
    """A project's remote: when it was asked, and when that was over; None while it goes on."""

    begun: datetime
    over: datetime | None = None


class Fetches:
    """Knows which remotes were asked for what is due."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self._asked: dict[str, Asked] = {}

    def holds(self, spec: ScheduleSpec, due: datetime, now: datetime) -> bool:
        """Whether the due time has to wait for its project's remote, which is asked then."""
        if not spec.code.fetch:
            return False
        asked = self._asked.get(spec.project)
        if asked and asked.begun > now:  # the clock was set back
            asked = None
        if asked is None or (asked.over and asked.begun < max(due, now - GOOD_FOR)):
            asked = self._asked[spec.project] = Asked(now)
            self.desk.thread(f"fetch-{spec.project}", lambda: self._fetch(spec.project, asked))
        return asked.over is None

    def not_before(self, spec: ScheduleSpec, moment: datetime | None) -> datetime | None:
        """When a schedule is to be looked at, at the earliest: not again and again while its remote is asked."""
        asked = self._asked.get(spec.project) if spec.code.fetch else None
        if moment is None or asked is None or asked.over:
            return moment
        return max(moment, self.desk.now() + LOOK)

    def _fetch(self, project: str, asked: Asked) -> None:
        try:
            problem = commits.fetch(self.desk.bench, projects.get(self.desk.bench, project))
            if problem:
                log.warning("project %s could not be fetched: %s", project, problem)
        except WorkbenchError as error:
            log.warning("project %s could not be fetched: %s", project, error)
        finally:
            asked.over = self.desk.now()
            self.desk.wake()
