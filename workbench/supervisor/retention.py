"""Old runs go once a day, as `keep:` in the declarations says."""

from __future__ import annotations

import logging
import time

from workbench.services.history import retention
from workbench.supervisor.desk import Desk
from workbench.text import plural

log = logging.getLogger("workbench.supervisor.retention")
FIRST = 120.0  # seconds after the start
EVERY = 24 * 3600.0
PIECE = 500  # runs removed at a time


class Retention:
    """Applies the declared policies in a thread of its own."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self._next = time.monotonic() + FIRST

    def look(self) -> float | None:
        """Begin where a day has passed; seconds until the next look."""
        now = time.monotonic()
        if now >= self._next:
            self._next = now + EVERY
            self.desk.thread("retention", self.work)
        return self._next - now

    def work(self) -> None:
        """Let go what no policy keeps."""
        bench = self.desk.bench
        policies = retention.declared(bench)
        count = 0
        while not policies.none and not self.desk.stopping.is_set():
            found = retention.going(bench, policies, most=PIECE)
            problems = [problem for old in found if (problem := retention.remove(bench, old))]
            for problem in problems:
                log.warning("%s", problem)
            count += len(found) - len(problems)
            if len(found) < PIECE or problems:
                break
        if count:
            log.info("%s removed, as the declarations say", plural(count, "run"))
