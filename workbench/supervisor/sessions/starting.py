"""One session from its request to its first answer: secret, port, engine, readiness."""

from __future__ import annotations

import logging
import os
import secrets
import time

from workbench import ports
from workbench.engines.base import Engine, PortTaken, SessionFacts, SessionRequest
from workbench.errors import WorkbenchError
from workbench.model.environment import EnvironmentSpec
from workbench.model.forward import Forward
from workbench.model.ide import Ide, Idle
from workbench.model.project import Project
from workbench.model.session import Desired, Session, SessionState
from workbench.paths import private_folder
from workbench.services import ides, projects
from workbench.services.declared import catalogue
from workbench.services.supervision import control
from workbench.store import sessions as rows
from workbench.supervisor.desk import Desk
from workbench.supervisor.queue.ready import Usable
from workbench.supervisor.queue.workspaces import workspace
from workbench.supervisor.sessions import probe
from workbench.supervisor.sessions.addresses import Addresses, taken
from workbench.supervisor.sessions.fronts import Fronts
from workbench.supervisor.sessions.guards import Guards
from workbench.supervisor.sessions.probe import Answer
from workbench.text import clean, one_line

log = logging.getLogger("workbench.supervisor.sessions")
READY_WITHIN = 120.0  # seconds from its start to its first answer
USUAL_GRACE = 10.0
# Seconds between questions to it: a share of what it has taken so far, for asking takes time from it, within bounds.
SHARE, OFTEN, STEP = 0.03, 0.02, 0.1
INSPECT = 1.0  # seconds between questions to its engine
SLOW = 3.0  # seconds after which is said what it is waited for
TOKEN = "token"  # noqa: S105 - a file's name


class Starting:
    """Brings sessions up, in the thread of each."""

    def __init__(self, desk: Desk, guards: Guards) -> None:
        self.desk = desk
        self.guards = guards
        self.fronts = Fronts(desk)
        self.addresses = Addresses(desk, guards)

    def start(self, session: Session, usable: Usable, engine: Engine) -> str:
        """Make and start it; its handle. Raises `WorkbenchError`. The row says `starting` before anything is made."""
        project = projects.get(self.desk.bench, session.project)
        folder = private_folder(self.desk.home.session_folder(session.id))
        for left in engine.sessions(self.desk.home.id):
            if left.id == session.id:
                engine.stop_session(left.handle, grace=0)
                engine.remove_session(left.handle)
        tool = ides.of_session(self.desk.bench, session)
        self._write_token(session)
        self._claim(session, usable, tool, project)
        self.fronts.down(session.id)  # of a start that was broken off: it holds ports
        for kept, port in self.addresses.tries(session.name, session.port):
            if not self.guards.hold(port):
                log.info("session %s: port %d of ::1 is taken", session.name, port)
                continue
            forwards = self.addresses.forwards(session, project, usable.spec, tool, engine)
            request = SessionRequest(
                id=session.id,
                name=session.name,
                generation=session.generation,
                ide=tool,
                revision=usable.revision,
                workspace=workspace(self.desk, project, project.path, usable.spec),
                folder=folder,
                host_name=session.host_name,
                port=port,
                file=session.file if tool.takes_file else "",
                ports=tuple(one.inside for one in forwards if one.port),
            )
            handle = self._made(session, request, engine, forwards, moved_from=kept if port != kept else 0)
            if handle:
                return handle
        raise taken()

    def _claim(self, session: Session, usable: Usable, tool: Ide, project: Project) -> None:
        """Its row says `starting` from here on. Raises `OvertakenError` where another was first."""
        with self.desk.write() as connection:
            claimed = rows.change(
                connection, session.id, session.state, SessionState.STARTING, at=self.desk.now(),
                actor=self.desk.actor, engine=usable.engine, revision=usable.revision.id, handle="",
                ended=session.ended if session.spare else None,
                boot=control.boot_id(), idle_stop=_idle_stop(session, tool, project, usable.spec), stops_at=None, busy="",
                kept=False, oom_kills=0, oom_at=None, moved_from=0,
            )  # fmt: skip
            if claimed:
                catalogue.settle(self.desk.bench, connection, project, usable.engine, self.desk.actor)
        if not claimed:
            raise OvertakenError

    def _made(
        self,
        session: Session,
        request: SessionRequest,
        engine: Engine,
        forwards: tuple[Forward, ...],
        *,
        moved_from: int,
    ) -> str:
        """Its handle, once it is started at the port of `request`; empty where another program has that port."""
        handle = ""
        try:
            handle = engine.create_session(request)
            self.desk.point()
            with self.desk.write() as connection:
                rows.set_facts(
                    connection, session.id, handle=handle, port=request.port, moved_from=moved_from, forwards=forwards
                )
            self.fronts.up(session, request.ide, request.port, forwards)
            engine.start_session(handle)
        except PortTaken as error:
            log.info("session %s: port %d is taken: %s", session.name, request.port, error)
            if handle:
                engine.remove_session(handle)
            return ""
        argv = engine.shell(handle)
        with self.desk.write() as connection:
            rows.set_shell(connection, session.id, argv)
        return handle

    def await_ready(self, session: Session, engine: Engine, handle: str) -> None:
        """Wait for its first answer and write down that it is ready. Raises `WorkbenchError` where it will not be.

        Returns early where it is not wanted any more, or the supervisor ends: then the next look goes on.
        """
        with self.desk.read() as connection:
            now = rows.get(connection, session.id)
        assert now
        token = self.token(session)
        tool = ides.of_session(self.desk.bench, session)
        begun = looked = time.monotonic()
        told = ""
        while not self.desk.stopping.is_set():
            answer = probe.ask(tool, now.port, session.host_name, token)
            if answer is Answer.READY:
                self._ready(session)
                return
            if answer is Answer.TAKEN:
                raise WorkbenchError(
                    f"port {now.port} is held by {ports.stranger(now.port) or 'another account'}",
                    hint=f"It gets another: workbench sessions restart {session.name}",
                )
            if answer not in probe.WAITING:
                raise WorkbenchError(
                    f"it {answer}: it was stopped", hint="This is a fault of workbench or of the image."
                )
            if time.monotonic() - looked > INSPECT:
                looked = time.monotonic()
                if not self._still_wanted(session):
                    return
                facts = engine.inspect_session(handle)
                if facts is None or not facts.alive:
                    raise WorkbenchError(
                        f"it ended before it answered: {ended_how(facts)}{self._words(session, token)}"
                    )
            waited = time.monotonic() - begun
            if waited > SLOW and told != answer:
                told = answer
                self._say(session, f"{answer}; it has {READY_WITHIN:g} s from its start")
            if waited > READY_WITHIN:
                missing = "it did not answer" if answer is Answer.NOT_YET else "its websocket did not open"
                raise WorkbenchError(f"{missing} within {READY_WITHIN:g} s{self._words(session, token)}")
            time.sleep(min(STEP, max(OFTEN, SHARE * waited)))

    def grace(self, session: Session) -> float:
        """Seconds between asking it to stop and killing it; an IDE that is not declared any more gets the usual."""
        try:
            return ides.of_session(self.desk.bench, session).stop_grace
        except WorkbenchError:
            return USUAL_GRACE

    def token(self, session: Session) -> str:
        """Its secret; empty where there is none."""
        try:
            return (self.desk.home.session_folder(session.id) / TOKEN).read_text()
        except OSError:
            return ""

    def _ready(self, session: Session) -> None:
        with self.desk.write() as connection:
            now = rows.get(connection, session.id)
            state = SessionState.SPARE if now and now.spare else SessionState.READY
            rows.change(connection, session.id, SessionState.STARTING, state, at=self.desk.now(), actor=self.desk.actor)
        log.info("session %s: %s", session.name, state)

    def _say(self, session: Session, reason: str) -> None:
        with self.desk.write() as connection:
            rows.set_facts(connection, session.id, reason=reason)

    def _still_wanted(self, session: Session) -> bool:
        with self.desk.read() as connection:
            now = rows.get(connection, session.id)
        return bool(now and now.desired is Desired.UP and now.generation == session.generation)

    def _words(self, session: Session, token: str) -> str:
        words = probe.last_words(self.desk.home.session_folder(session.id) / "session.log", token)
        return f"\n{clean(words)}" if words else ""

    def _write_token(self, session: Session) -> None:
        """A new secret for each start, without a newline, for the account alone."""
        path = self.desk.home.session_folder(session.id) / TOKEN
        path.unlink(missing_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with open(descriptor, "w", encoding="ascii") as file:
            file.write(secrets.token_hex(24))


def _idle_stop(session: Session, tool: Ide, project: Project, spec: EnvironmentSpec) -> float | None:
    """After how many seconds of idleness it stops: as was asked with its start, else as its project or its environment
    says, which is meant for Jupyter: of other tools it is only known whether anybody is connected."""
    said = session.idle_asked
    if said is None and tool.idle is Idle.JUPYTER:
        said = spec.idle_stop if project.idle_stop is None else project.idle_stop
    return said or None


class OvertakenError(WorkbenchError):
    """The session's row was changed by another; nothing was made."""

    def __init__(self) -> None:
        super().__init__("it was changed meanwhile")


def ended_how(facts: SessionFacts | None) -> str:
    """In words how a session that is not alive came to its end."""
    if facts is None:
        return "it was removed outside of workbench"
    if facts.oom:
        return f"out of memory{f' ({one_line(facts.reason, 200)})' if facts.reason else ''}"
    if facts.reason:
        return one_line(facts.reason, 200)
    return f"exit code {facts.exit_code}" if facts.exit_code is not None else "it ended"
