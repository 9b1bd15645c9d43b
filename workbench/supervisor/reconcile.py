"""What nobody owns is removed: kernels whose run is over, sessions that no row knows. Only of this home."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterable

from workbench.engines.base import SessionFacts
from workbench.errors import EngineDown, WorkbenchError
from workbench.model.environment import EngineName
from workbench.model.session import ENDED, Session, SessionState
from workbench.store import environments as environment_rows
from workbench.store import sessions as rows
from workbench.supervisor.desk import Desk
from workbench.supervisor.engines import Engines
from workbench.supervisor.queue.runs import Runs
from workbench.supervisor.sessions.sessions import Sessions

log = logging.getLogger("workbench.supervisor.reconcile")
EVERY = 60.0  # seconds between sweeps while anything runs
# Engines leave a kernel of the last two seconds alone, for its run may be too new to be known: it is looked at again.
AGAIN = 3.0
OWED = 20.0  # seconds between sweeps of an engine that does not answer; its return is looked for in between


class Reconcile:
    """Sweeps in a thread: at the start, after a runner died, and now and then while something runs."""

    def __init__(self, desk: Desk, engines: Engines, runs: Runs, sessions: Sessions) -> None:
        self.desk = desk
        self.engines = engines
        self.runs = runs
        self.sessions = sessions
        self._swept = 0.0
        self._again = 0.0
        self._owed = False  # an engine in use did not answer the last sweep
        self._thread: threading.Thread | None = None

    def look(self, active: bool) -> float | None:
        """Sweep where it is time; `active`: whether runs or sessions are there."""
        if self.sweeping:
            return 1.0 if self.runs.left_kernels or self._again else None
        now = time.monotonic()
        if not self._swept or self.runs.left_kernels:
            self.runs.left_kernels = False
            self._again = now + AGAIN
            self._sweep(now)
        elif (
            (self._again and now >= self._again)
            or (active and now - self._swept > EVERY)
            or (self._owed and now - self._swept > AGAIN)
        ):
            self._again = 0.0
            self._sweep(now)
        if self._again:
            return max(0.1, self._again - now)
        return OWED if self._owed else EVERY if active else None

    def _sweep(self, now: float) -> None:
        self._swept = now
        self._thread = self.desk.thread("sweep", self.sweep)

    @property
    def sweeping(self) -> bool:
        """Whether a sweep is under way."""
        return bool(self._thread and self._thread.is_alive())

    def sweep(self) -> None:
        """Remove what is not owned, on every engine that is in use."""
        with self.desk.read() as connection:
            used = {one.engine for one in environment_rows.all_chosen(connection).values()}
        owed = False
        for name in sorted(used):
            try:
                self._one(name)
            except EngineDown as error:
                self.engines.fell(name, error)
                owed = True
                log.info("%s is not swept yet: %s", name, error.message)
            except WorkbenchError as error:
                log.info("%s is not swept: %s", name, error.message)
        self._owed = owed
        with self.desk.read() as connection:
            living = {session.id for session in rows.in_states(connection, set(SessionState) - ENDED)}
        self.sessions.starting.fronts.sweep(living | self.sessions.busy())

    def _one(self, name: EngineName) -> None:
        engine = self.engines.get(name)
        home = self.desk.home.id
        # Sessions are asked for first: one that is made meanwhile is in the store before it is here.
        there = engine.sessions(home)
        swept = engine.sweep_kernels(home, self.runs.living())
        if swept:
            log.warning("removed %d kernels whose run is over", swept)
        with self.desk.read() as connection:
            living = rows.in_states(connection, set(SessionState) - ENDED)
        for facts in unowned(there, living):
            if facts.id not in self.sessions.busy():
                log.warning("removing session %d of generation %d, which no row knows", facts.id, facts.generation)
                engine.stop_session(facts.handle, grace=2.0)
                engine.remove_session(facts.handle)


def unowned(there: Iterable[SessionFacts], living: Iterable[Session]) -> list[SessionFacts]:
    """What an engine has of sessions that no row of a living one names; a row without a handle owns all of its id."""
    handles = {session.id: session.handle for session in living}
    return [facts for facts in there if handles.get(facts.id) not in (facts.handle, "")]
