"""What is looked after in a session that is up: its port, its memory, its idleness; and how it came to its end."""

from __future__ import annotations

import logging
from datetime import timedelta

from workbench import ports
from workbench.engines.base import Engine, SessionFacts
from workbench.engines.secrets import forget
from workbench.errors import WorkbenchError
from workbench.model.ide import Idle as How
from workbench.model.session import Session, SessionState
from workbench.services import ides, projects
from workbench.services.supervision import control
from workbench.store import sessions as rows
from workbench.supervisor.desk import Desk
from workbench.supervisor.sessions.fronts import Fronts
from workbench.supervisor.sessions.guards import Guards
from workbench.supervisor.sessions.idle import Countdown, Idle
from workbench.supervisor.sessions.standing import Standing
from workbench.supervisor.sessions.starting import ended_how
from workbench.text import duration, memory, one_line

log = logging.getLogger("workbench.supervisor.sessions")
S = SessionState
STOPPED_OUTSIDE = frozenset({0, 130, 143})  # exit codes of a tool that was asked to end
KILLED = frozenset({137, -9})
TOLD = timedelta(hours=24)  # for which it is said that memory ran out
SAME = timedelta(seconds=1)  # by which two ends of a countdown may differ and be one


class Upkeep:
    """Looks after sessions that are up, in the thread of each."""

    def __init__(self, desk: Desk, standing: Standing, guards: Guards, fronts: Fronts) -> None:
        self.desk = desk
        self.standing = standing
        self.guards = guards
        self.fronts = fronts
        self.idle = Idle()

    def tend(self, session: Session, engine: Engine, facts: SessionFacts, token: str) -> Session | None:
        """Look at one that is ready, and say what a person should know. Its row where it shall be taken down now."""
        self._count_kills(session, facts)
        countdown = self.idle.look(session, self._jupyter(session, token), engine, self.desk.now())
        self._note(session, countdown)
        if countdown.stops_at and countdown.stops_at <= self.desk.now():
            ended = self.standing.end_idle(session, idle_words(session))
            if ended:
                log.info("session %s: %s", session.name, idle_words(session))
                return ended
        front = self.fronts.keep(session)
        told = (
            (front if front[0] else None)
            or self._guarded_port(session)
            or self._out_of_memory(session, facts)
            or self._moved(session)
        )
        self.standing.say(session, *(told or ("", "")))
        return None

    def ended(self, session: Session, engine: Engine, facts: SessionFacts | None) -> None:
        """It is not alive although it is wanted: which of the ways was it."""
        if session.boot and session.boot != control.boot_id():
            self._after_a_boot(session)
        elif facts is None:
            self.standing.settle(session, S.VANISHED, "it was removed outside of workbench")
        elif not facts.oom and facts.exit_code in STOPPED_OUTSIDE and session.state is S.READY:
            how = one_line(facts.reason, 200) or f"exit code {facts.exit_code}"
            reason = f"it ended by itself or was stopped outside of workbench ({how})"
            self.standing.settle(session, S.STOPPED, reason)
        else:
            self.standing.settle(session, S.FAILED, *self._failure(session, facts))
        if facts:
            engine.remove_session(facts.handle)
        else:
            forget(self.desk.home.session_folder(session.id))

    def _jupyter(self, session: Session, token: str) -> str:
        """What a Jupyter server is to be asked with about its kernels; empty for another tool."""
        tool = ides.of_session(self.desk.bench, session)
        return f"{tool.scheme} {token}" if tool.idle is How.JUPYTER else ""

    def _failure(self, session: Session, facts: SessionFacts) -> tuple[str, str]:
        """Why it failed and what to do. Memory that had run out before is no reason for this end."""
        before = bool(session.oom_kills) and (facts.oom_kills or 0) <= session.oom_kills
        if facts.oom and not before:
            return ended_how(facts), _more_memory(session)
        if facts.oom:
            at = f"{session.oom_at.astimezone(self.desk.bench.zone):%H:%M}" if session.oom_at else "before"
            return f"killed (memory had run out in it at {at})", _more_memory(session)
        how = ended_how(facts)
        killed = facts.exit_code in KILLED and "kill" not in how
        return (f"killed ({how})" if killed else how), ""

    def _after_a_boot(self, session: Session) -> None:
        """The machine was started anew: up again where that was asked for, else it has stopped."""
        reason = "the machine was restarted"
        try:
            again = projects.get(self.desk.bench, session.project).restart_at_boot
        except WorkbenchError:
            again = False
        if again:  # it is still wanted up, and an ended one that is wanted up is queued
            self.standing.change(session, S.STOPPED, reason=reason)
            self.desk.wake()
        else:
            hint = "`restart: boot` in project.yaml brings its sessions up again by itself."
            self.standing.settle(session, S.STOPPED, reason, hint)

    def _count_kills(self, session: Session, facts: SessionFacts) -> None:
        """Write down that a process in it was killed for want of memory, where that is new."""
        if (facts.oom_kills or 0) > session.oom_kills:
            with self.desk.write() as connection:
                rows.note_kills(
                    connection, session, int(facts.oom_kills or 0), at=self.desk.now(), actor=self.desk.actor
                )
            log.info("session %s: memory ran out inside, %d killed", session.name, facts.oom_kills)

    def _out_of_memory(self, session: Session, facts: SessionFacts) -> tuple[str, str] | None:
        """That a process in it, as a kernel, was killed although the session goes on."""
        new = (facts.oom_kills or 0) - session.oom_kills
        at = self.desk.now() if new > 0 else session.oom_at
        if at is None or self.desk.now() - at > TOLD:
            return None
        when = f"{at.astimezone(self.desk.bench.zone):%H:%M}"
        limit = (
            f" at the limit of {memory(facts.memory_limit)}" if facts.memory_limit else ", the machine had none left"
        )
        return f"out of memory inside: a process was killed{limit}, at {when}", _more_memory(session)

    def _guarded_port(self, session: Session) -> tuple[str, str] | None:
        """That another took what a browser could reach in its place."""
        port = next((one for one in session.listening if not self.guards.hold(one)), 0)
        if not port:
            return None
        who = ports.stranger(port) or "another program"
        return (
            f"{who} has port {port} of ::1, where browsers look first: do not open it",
            f"It gets another port: workbench sessions restart {session.name}",
        )

    def _moved(self, session: Session) -> tuple[str, str] | None:
        """That it is not at its own port."""
        places = [(session.moved_from, session.port, "it")]
        places += [(one.moved_from, one.port, f"what listens on {one.inside} inside") for one in session.forwards]
        for kept, port, what in places:
            if kept:
                return (
                    f"its port {kept} was taken by another program, so {what} is at {port} this time",
                    f"Once {kept} is free: workbench sessions restart {session.name}",
                )
        return None

    def _note(self, session: Session, countdown: Countdown) -> None:
        """Write down how the countdown stands, where that is new."""
        old, new = session.stops_at, countdown.stops_at
        same = (old is None and new is None) or (old is not None and new is not None and abs(old - new) < SAME)
        if not same or session.busy != countdown.busy:
            with self.desk.write() as connection:
                rows.note_countdown(connection, session, countdown.busy, new)


def idle_words(session: Session) -> str:
    """Why an idle session was stopped."""
    return f"idle for {duration(session.idle_stop)}"


def _more_memory(session: Session) -> str:
    return f"Raise `limits: {{memory: …}}` or need less: workbench edit {session.environment}"
