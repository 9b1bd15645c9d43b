"""Sessions are made true: what a person wants against what is so, each session in at most one thread at a time.

wanted up:    queued ─▶ preparing (environment) ─▶ starting ─▶ ready          (starting.py)
wanted down:  … ─▶ stopping ─▶ stopped
wanted again: stopping from the wish on ─▶ stopped ─▶ queued
ahead of time: … starting ─▶ spare ─▶ (taken) starting ─▶ ready                (spares.py)
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial

from workbench.engines.base import Engine, SessionFacts
from workbench.errors import EngineDown, StoreError, WorkbenchError, in_words
from workbench.model.environment import EngineName
from workbench.model.session import UP, Desired, Session, SessionState
from workbench.store import sessions as rows
from workbench.store import spares as spare_rows
from workbench.supervisor.desk import Desk
from workbench.supervisor.engines import Engines
from workbench.supervisor.queue.ready import Environments, Never, NotYet, Usable
from workbench.supervisor.sessions.guards import Guards
from workbench.supervisor.sessions.idle import LOOKS
from workbench.supervisor.sessions.spares import Spares
from workbench.supervisor.sessions.standing import Standing
from workbench.supervisor.sessions.starting import OvertakenError, Starting, ended_how
from workbench.supervisor.sessions.upkeep import Upkeep, idle_words
from workbench.text import one_line

log = logging.getLogger("workbench.supervisor.sessions")
S = SessionState
Act = Callable[[Session], None]
CHECK, OFTEN = 5.0, 1.5  # seconds between looks at a session that is up, and that came up just now
YOUNG = timedelta(minutes=2)  # for which it counts as that
BUSY = 2.0  # seconds until the next look while one is on its way


class Sessions:
    """Decides for every session what is to be done next, and has it done."""

    def __init__(self, desk: Desk, engines: Engines, environments: Environments) -> None:
        self.desk = desk
        self.engines = engines
        self.environments = environments
        self.guards = Guards()
        self.starting = Starting(desk, self.guards)
        self.standing = Standing(desk, self.starting.fronts)
        self.upkeep = Upkeep(desk, self.standing, self.guards, self.starting.fronts)
        self.spares = Spares(desk, engines)
        self.alive = False
        self._busy: dict[int, threading.Thread] = {}
        self._logs: dict[str, threading.Event] = {}
        self._checked: dict[tuple[int, int, bool], float] = {}  # when a generation, or a spare, was last looked at
        self._asked: dict[tuple[int, int], datetime] = {}  # when a generation was first seen

    def look(self) -> float | None:
        """Start what has to be done; seconds until the next look, None where no session needs one."""
        with self.desk.read() as connection:
            known = rows.listing(connection)
        self._busy = {key: thread for key, thread in self._busy.items() if thread.is_alive()}
        up = [session for session in known if session.state in UP]
        self.alive = bool(up)
        if not self._busy:  # one that starts holds a port that its row does not name yet
            self.guards.keep(port for session in up for port in session.listening)
        wait: float | None = None
        for session in known:
            if session.id not in self._busy:
                self.desk.apart(f"session {session.name}", partial(self._decide, session))
            if session.state in UP or session.id in self._busy:
                looked_at = session.state in (S.READY, S.SPARE)
                wait = min(wait or CHECK, _pause(session, self.desk.now()) if looked_at else BUSY)
            elif session.state in (S.QUEUED, S.PREPARING):
                wait = BUSY
        return wait

    def leave(self, seconds: float) -> None:
        """The supervisor ends, and nobody will look after spares: they go, as many as do in so many seconds."""
        deadline = time.monotonic() + seconds
        for act in (None, self._take_down):  # what is at work on them ends first
            with self.desk.read() as connection:
                spares = [session for session in spare_rows.listing(connection) if session.state in UP]
            for spare in spares:
                if act and spare.id not in self.busy():
                    self._run(spare, act)
                if spare.id in self._busy:
                    self._busy[spare.id].join(max(0.0, deadline - time.monotonic()))

    def stop(self) -> None:
        """The supervisor ends; sessions stay as they are."""
        for stop in self._logs.values():
            stop.set()

    def busy(self) -> frozenset[int]:
        """Sessions on which a thread works."""
        return frozenset(key for key, thread in self._busy.items() if thread.is_alive())

    def _decide(self, session: Session) -> None:
        up = session.desired is Desired.UP
        key = (session.id, session.generation, session.state is S.SPARE)
        if session.state in (S.QUEUED, S.PREPARING):
            if up:
                self._prepare(session)
            else:
                self._down(session)
        elif session.state in (S.STARTING, S.SPARE, S.READY):
            if not up:
                self._run(session, self._take_down)
            elif self._checked.get(key, 0.0) + _pause(session, self.desk.now()) <= time.monotonic():
                # From now, not from when it was done: else the look a pause later comes just too early.
                self._checked[key] = time.monotonic()
                self._run(session, self._check)
        elif session.state is S.STOPPING:
            self._run(session, self._take_down)
        elif up and self.standing.change(session, S.QUEUED):  # wanted up in the moment in which it ended
            self.desk.wake()

    def _run(self, session: Session, act: Act) -> None:
        self._busy[session.id] = self.desk.thread(f"session-{session.name}", lambda: self._guarded(session, act))

    def _guarded(self, session: Session, act: Act) -> None:
        try:
            act(session)
        except OvertakenError:
            return
        except EngineDown as error:
            name = EngineName(session.engine) if session.engine else None
            if name:
                self.engines.fell(name, error)
            why = (
                self.engines.down(name, error.message)
                if name
                else f"its engine is down: {one_line(error.message, 200)}"
            )
            self.standing.say(session, why, error.hint)
        except StoreError as error:  # no fault of the session, which may live: it is looked at again
            log.warning("session %s: %s", session.name, error)
        except WorkbenchError as error:
            self._failed(session, error.message, error.hint)
        except OSError as error:
            self._failed(session, *in_words(error))

    def _prepare(self, session: Session) -> None:
        """Have its environment, then start it."""
        asked = self._asked.setdefault((session.id, session.generation), self.desk.now())
        readiness = self.environments.ready(session.environment, asked, self.desk.actor)
        if isinstance(readiness, Usable):
            self._run(session, lambda one: self._bring_up(one, readiness))
        elif isinstance(readiness, Never):
            self._failed(session, readiness.reason, readiness.hint)
        else:
            self._wait_for(session, readiness)

    def _wait_for(self, session: Session, readiness: NotYet) -> None:
        state = S.QUEUED if readiness.down else S.PREPARING
        if readiness.down:
            self.engines.waits()
        if session.state is state:
            self.standing.say(session, readiness.reason, readiness.hint)
        else:
            self.standing.change(session, state, reason=readiness.reason, hint=readiness.hint)

    def _bring_up(self, session: Session, usable: Usable) -> None:
        engine = self.engines.get(usable.engine)
        handle = self.starting.start(session, usable, engine)
        self._keep_log(engine, handle)
        self.starting.await_ready(session, engine, handle)

    def _check(self, session: Session) -> None:
        """A session that is up, ours or of the supervisor before: alive, of this generation, answering."""
        engine = self.engines.get(EngineName(session.engine))
        facts = self._facts(session, engine)
        if facts and facts.generation != session.generation:
            self._take_down(session)
        elif facts and facts.alive:
            self._keep_log(engine, facts.handle)
            if session.state is S.SPARE:
                all(map(self.guards.hold, session.listening))
                self.starting.fronts.keep(session)
                self.spares.tend(session, engine)
                return
            if session.state is S.STARTING:
                self.starting.fronts.keep(session)
                self.starting.await_ready(session, engine, facts.handle)
                return
            idle = self.upkeep.tend(session, engine, facts, self.starting.token(session))
            if idle:
                self._take_down(idle)
        elif session.state is S.STARTING:
            # The supervisor before us ended between making it and its first answer: begun anew, nothing is lost.
            self.standing.change(session, S.QUEUED)
        elif session.state is S.SPARE:
            self._failed(session, ended_how(facts), "")
        else:
            self.upkeep.ended(session, engine, facts)

    def _facts(self, session: Session, engine: Engine) -> SessionFacts | None:
        return engine.inspect_session(session.handle) if session.handle else None

    def _take_down(self, session: Session) -> None:
        if session.state is not S.STOPPING and not self.standing.change(session, S.STOPPING):
            return
        if session.engine and session.handle:
            engine = self.engines.get(EngineName(session.engine))
            if self._facts(session, engine) is not None:
                grace = 0 if session.spare else self.starting.grace(session)
                engine.stop_session(session.handle, grace=grace)
                engine.remove_session(session.handle)
            stop = self._logs.pop(session.handle, None)
            if stop:
                stop.set()
        (self.desk.home.session_folder(session.id) / "token").unlink(missing_ok=True)
        self._down(session)

    def _down(self, session: Session) -> None:
        """It is down now: stopped, or up anew where that is wanted meanwhile."""
        self.starting.fronts.down(session.id)  # also of a start that was broken off
        with self.desk.write() as connection:
            now, actor = self.desk.now(), self.desk.actor
            before = rows.get(connection, session.id)
            if before is None or before.state not in (S.QUEUED, S.PREPARING, S.STOPPING):
                return
            ended = before.ended if before.spare else now
            reason = idle_words(before) if before.stops_at and before.idle_stop else ""
            rows.change(
                connection, session.id, before.state, S.STOPPED, at=now, actor=actor, ended=ended, reason=reason
            )
            if before.spare:
                spare_rows.ended(connection, before, at=now)
            elif before.desired is Desired.UP:
                rows.change(connection, session.id, S.STOPPED, S.QUEUED, at=now, actor=actor)
        if before.spare:
            self.spares.ended(before)
        log.info("session %s: stopped", session.name)

    def _failed(self, session: Session, reason: str, hint: str) -> None:
        """It could not be brought up or taken down; what there is of it is removed."""
        with self.desk.read() as connection:
            now = rows.get(connection, session.id)
        if now is None or now.generation != session.generation:
            return
        if now.spare:
            self.spares.failed(now, reason)
            return
        self.standing.settle(now, S.FAILED, reason, hint)
        if now.engine and now.handle:
            try:
                engine = self.engines.get(EngineName(now.engine))
                engine.stop_session(now.handle, grace=0)
                engine.remove_session(now.handle)
            except (WorkbenchError, OSError) as error:
                log.warning("session %s: what is left cannot be removed: %s", session.name, error)

    def _keep_log(self, engine: Engine, handle: str) -> None:
        """Have the log kept, by one thread a session."""
        if handle in self._logs:
            return
        stop = self._logs[handle] = threading.Event()
        self.desk.thread(f"log-{handle[:12]}", lambda: engine.copy_log(handle, stop))


def _pause(session: Session, now: datetime) -> float:
    """Seconds between looks at a session that is up: what just came up is likeliest to fall, and somebody waits for it;
    a short idle time needs close looks as well."""
    young = session.started is not None and now - session.started < YOUNG
    pause = OFTEN if young else CHECK
    return min(pause, session.idle_stop / LOOKS) if session.idle_stop else pause
