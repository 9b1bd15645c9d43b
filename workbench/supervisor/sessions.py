"""Sessions are made true: what a person wants against what is so, each session in at most one thread at a time.

wanted up:    queued ─▶ preparing (environment) ─▶ starting ─▶ ready          (starting.py)
wanted down:  … ─▶ stopping ─▶ stopped
wanted again: stopping from the wish on ─▶ stopped ─▶ queued
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from datetime import datetime
from functools import partial

from workbench import ports
from workbench.engines.base import Engine, SessionFacts
from workbench.errors import EngineDown, WorkbenchError
from workbench.model.environment import EngineName
from workbench.model.session import ALIVE, Desired, Session, SessionState
from workbench.store import sessions as rows
from workbench.supervisor.desk import Desk
from workbench.supervisor.engines import Engines
from workbench.supervisor.guards import Guards
from workbench.supervisor.ready import Environments, Never, NotYet, Usable
from workbench.supervisor.starting import OvertakenError, Starting, ended_how
from workbench.text import one_line

log = logging.getLogger("workbench.supervisor.sessions")
S = SessionState
Act = Callable[[Session], None]
CHECK = 5.0  # seconds between looks at a session that is up
BUSY = 2.0  # seconds until the next look while one is on its way
STOPPED_OUTSIDE = frozenset({0, 130, 143})  # exit codes of a tool that was asked to end


class Sessions:
    """Decides for every session what is to be done next, and has it done."""

    def __init__(self, desk: Desk, engines: Engines, environments: Environments) -> None:
        self.desk = desk
        self.engines = engines
        self.environments = environments
        self.guards = Guards()
        self.starting = Starting(desk, self.guards)
        self.alive = False
        self._busy: dict[int, threading.Thread] = {}
        self._logs: dict[str, threading.Event] = {}
        self._checked: dict[tuple[int, int], float] = {}  # when a generation that is up was last looked at
        self._asked: dict[tuple[int, int], datetime] = {}  # when a generation was first seen

    def look(self) -> float | None:
        """Start what has to be done; seconds until the next look, None where no session needs one."""
        with self.desk.read() as connection:
            known = rows.listing(connection)
        self._busy = {key: thread for key, thread in self._busy.items() if thread.is_alive()}
        up = [session for session in known if session.state in ALIVE]
        self.alive = bool(up)
        if not self._busy:  # one that starts holds a port that its row does not name yet
            self.guards.keep(session.port for session in up)
        wait: float | None = None
        for session in known:
            if session.id not in self._busy:
                self.desk.apart(f"session {session.name}", partial(self._decide, session))
            if session.state in ALIVE or session.id in self._busy:
                wait = min(wait or CHECK, CHECK if session.state is S.READY else BUSY)
            elif session.state in (S.QUEUED, S.PREPARING):
                wait = BUSY
        return wait

    def stop(self) -> None:
        """The supervisor ends; sessions stay as they are."""
        for stop in self._logs.values():
            stop.set()

    def busy(self) -> frozenset[int]:
        """Sessions on which a thread works."""
        return frozenset(key for key, thread in self._busy.items() if thread.is_alive())

    def _decide(self, session: Session) -> None:
        up = session.desired is Desired.UP
        if session.state in (S.QUEUED, S.PREPARING):
            if up:
                self._prepare(session)
            else:
                self._change(session, S.STOPPED)
        elif session.state in (S.STARTING, S.READY):
            if not up:
                self._run(session, self._take_down)
            elif self._checked.get((session.id, session.generation), 0.0) + CHECK <= time.monotonic():
                # From now, not from when it was done: else the look a CHECK later comes just too early.
                self._checked[session.id, session.generation] = time.monotonic()
                self._run(session, self._check)
        elif session.state is S.STOPPING:
            self._run(session, self._take_down)
        elif up and self._change(session, S.QUEUED):  # wanted up in the moment in which it ended
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
            self._say(session, f"{session.engine or 'its engine'} is down: {one_line(error.message, 200)}", error.hint)
        except WorkbenchError as error:
            self._failed(session, error.message, error.hint)
        except OSError as error:
            self._failed(session, f"{error.strerror}: {error.filename}" if error.filename else str(error), "")

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
            self.engines.waited_for = True
        if session.state is state:
            self._say(session, readiness.reason, readiness.hint)
        else:
            self._change(session, state, reason=readiness.reason, hint=readiness.hint)

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
            front = self.starting.fronts.keep(session)
            self._say(session, *(front if front[0] else self._guarded_port(session)))
            if session.state is S.STARTING:
                self.starting.await_ready(session, engine, facts.handle)
        elif session.state is S.STARTING:
            # The supervisor before us ended between making it and its first answer: begun anew, nothing is lost.
            self._change(session, S.QUEUED)
        else:
            self._ended(session, engine, facts)

    def _guarded_port(self, session: Session) -> tuple[str, str]:
        """Nothing, or a reason and what to do where another took what a browser could reach in its place."""
        if not session.port or self.guards.hold(session.port):
            return "", ""
        who = ports.stranger(session.port) or "another program"
        return (
            f"{who} has port {session.port} of ::1, where browsers look first: do not open it",
            f"It gets another port: workbench sessions restart {session.name}",
        )

    def _facts(self, session: Session, engine: Engine) -> SessionFacts | None:
        return engine.inspect_session(session.handle) if session.handle else None

    def _ended(self, session: Session, engine: Engine, facts: SessionFacts | None) -> None:
        """It is not alive although it is wanted: which of the ways was it."""
        if facts is None:
            self._settle(session, S.VANISHED, "it was removed outside of workbench")
        elif not facts.oom and facts.exit_code in STOPPED_OUTSIDE and session.state is S.READY:
            how = one_line(facts.reason, 200) or f"exit code {facts.exit_code}"
            self._settle(session, S.STOPPED, f"it ended by itself or was stopped outside of workbench ({how})")
        else:
            how = ended_how(facts)
            killed = facts.exit_code in (137, -9) and "kill" not in how and not facts.oom
            self._settle(session, S.FAILED, f"killed ({how})" if killed else how)
        if facts:
            engine.remove_session(facts.handle)

    def _take_down(self, session: Session) -> None:
        if session.state is not S.STOPPING and not self._change(session, S.STOPPING):
            return
        if session.engine and session.handle:
            engine = self.engines.get(EngineName(session.engine))
            if self._facts(session, engine) is not None:
                engine.stop_session(session.handle, grace=self.starting.grace(session))
                engine.remove_session(session.handle)
            stop = self._logs.pop(session.handle, None)
            if stop:
                stop.set()
        self.starting.fronts.down(session.id)
        (self.desk.home.session_folder(session.id) / "token").unlink(missing_ok=True)
        with self.desk.write() as connection:
            now, actor = self.desk.now(), self.desk.actor
            rows.change(connection, session.id, S.STOPPING, S.STOPPED, at=now, actor=actor)
            fresh = rows.get(connection, session.id)
            if fresh and fresh.state is S.STOPPED and fresh.desired is Desired.UP:
                rows.change(connection, session.id, S.STOPPED, S.QUEUED, at=now, actor=actor)
        log.info("session %s: stopped", session.name)

    def _failed(self, session: Session, reason: str, hint: str) -> None:
        """It could not be brought up or taken down; what there is of it is removed."""
        with self.desk.read() as connection:
            now = rows.get(connection, session.id)
        if now is None or now.generation != session.generation:
            return
        self._settle(now, S.FAILED, reason, hint)
        if now.engine and now.handle:
            try:
                engine = self.engines.get(EngineName(now.engine))
                engine.stop_session(now.handle, grace=0)
                engine.remove_session(now.handle)
            except (WorkbenchError, OSError) as error:
                log.warning("session %s: what is left cannot be removed: %s", session.name, error)

    def _settle(self, session: Session, state: SessionState, reason: str, hint: str = "") -> None:
        """It ended without being asked to: it is not wanted up any more, unless it was asked for again meanwhile."""
        with self.desk.write() as connection:
            done = session.state is not state and rows.change(
                connection, session.id, session.state, state, at=self.desk.now(), actor=self.desk.actor,
                reason=reason, hint=hint,
            )  # fmt: skip
            if done:
                again = rows.settle(connection, session.id, session.generation)
                if again:
                    rows.change(connection, session.id, state, S.QUEUED, at=self.desk.now(), actor=self.desk.actor)
        if done:
            self.starting.fronts.down(session.id)
            log.info("session %s: %s, %s", session.name, state, one_line(reason, 300))

    def _change(self, session: Session, new: SessionState, *, reason: str = "", hint: str = "") -> bool:
        with self.desk.write() as connection:
            return rows.change(
                connection, session.id, session.state, new, at=self.desk.now(), actor=self.desk.actor, reason=reason,
                hint=hint,
            )  # fmt: skip

    def _say(self, session: Session, reason: str, hint: str) -> None:
        if (session.reason, session.hint) == (reason, hint):
            return
        with self.desk.write() as connection:
            rows.set_facts(connection, session.id, reason=reason, hint=hint)

    def _keep_log(self, engine: Engine, handle: str) -> None:
        """Have the log kept, by one thread a session."""
        if handle in self._logs:
            return
        stop = self._logs[handle] = threading.Event()
        self.desk.thread(f"log-{handle[:12]}", lambda: engine.copy_log(handle, stop))
