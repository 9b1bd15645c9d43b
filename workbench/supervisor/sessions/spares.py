"""Spares: for projects with `warm: true` a session is up before anybody asks, and goes when it is of no use.

wanted while    nobody has a session of the project open, one was used in the last hours, its environment is built, and
                settings and memory allow it
given back      else, and where what it was started by is declared otherwise now
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from workbench.engines.base import Engine
from workbench.errors import WorkbenchError
from workbench.model.environment import EnvironmentSpec
from workbench.model.project import Project
from workbench.model.session import ENDED, Desired, Session, SessionState
from workbench.services import apps, environments, ides, projects
from workbench.services.spares import revision, shape
from workbench.store import environments as environment_rows
from workbench.store import sessions as session_rows
from workbench.store import spares as rows
from workbench.supervisor.budget import memory_left
from workbench.supervisor.desk import Desk
from workbench.supervisor.engines import Engines
from workbench.text import memory, one_line

log = logging.getLogger("workbench.supervisor.sessions.spares")
S = SessionState
KEPT_FOR = timedelta(hours=8)  # after the project was used last
EVERY, SHORTEST = 30.0, 1.0  # seconds between looks, and at least
AGAIN = 600.0  # seconds until one is tried again that did not come up, or was given back by a person
GUESS = 256 * 1024**2  # bytes that one takes of which nothing is known yet
MEASURE = 60.0  # seconds between measurements of one


@dataclass(frozen=True)
class Wanted:
    """A spare as it should be."""

    project: Project
    spec: EnvironmentSpec
    ide: str
    file: str  # what it is for, where its tool is for one file
    shape: str
    used: datetime

    @property
    def name(self) -> str:
        """As the next session is named where no other name is asked for."""
        return f"{self.project.name}-{self.ide}"


class Spares:
    """Decides which spares there are; `Sessions` brings them up and down."""

    def __init__(self, desk: Desk, engines: Engines) -> None:
        self.desk = desk
        self.engines = engines
        self._next = 0.0
        self._not_before: dict[str, float] = {}  # by project, by the monotonic clock
        self._takes: dict[str, int] = {}  # bytes, by project, as measured last
        self._measured: dict[tuple[int, int], float] = {}
        self._returned: set[tuple[int, int]] = set()  # those that were given back by us
        self._declined: dict[str, datetime] = {}  # when a person gave one back, by project

    def look(self) -> float | None:
        """Ask for spares and give them back; seconds until the next look, None where no project is warm."""
        now = time.monotonic()
        if now < self._next:
            return self._next - now
        self._next = now + SHORTEST
        with self.desk.read() as connection:
            known = session_rows.listing(connection)
        spares = [session for session in known if session.spare]
        warm = [project for project in projects.listing(self.desk.bench) if project.warm and not project.problem]
        if not warm and not spares:
            return None
        wanted = self._wanted(warm, [session for session in known if not session.spare])
        self._give_back(spares, wanted)
        self._ask_for(spares, wanted, known)
        return EVERY

    def tend(self, session: Session, engine: Engine) -> None:
        """Measure one that is up now and then, beside its own thread: who takes it meanwhile does not wait for that."""
        key = (session.id, session.generation)
        if time.monotonic() - self._measured.get(key, -MEASURE) >= MEASURE:
            self._measured[key] = time.monotonic()
            self.desk.thread(f"spare-{session.name}", lambda: self._measure(session, engine))

    def _measure(self, session: Session, engine: Engine) -> None:
        holds = ""
        try:
            usage = engine.usage(session.handle, disk=False)
        except WorkbenchError as error:
            usage = None
            log.info("spare %s cannot be measured: %s", session.name, error.message)
        if usage and usage.memory is not None:
            self._takes[session.project] = usage.memory
            holds = f", holds {memory(usage.memory)}"
        with self.desk.write() as connection:
            rows.say(connection, session, f"a warm spare{holds}")

    def failed(self, session: Session, reason: str) -> None:
        """One did not come up, or ended by itself. Nobody waits for it: it is given back, and not tried again at once."""
        self._returned.add((session.id, session.generation))
        self._not_before[session.project] = time.monotonic() + AGAIN
        with self.desk.write() as connection:
            rows.give_back(connection, session.id, at=self.desk.now(), actor=self.desk.actor, why=reason)
        log.warning("spare %s: %s", session.name, one_line(reason, 300))

    def ended(self, session: Session) -> None:
        """One is down. Where a person wanted that, there is none before the project is used again."""
        key = (session.id, session.generation)
        self._measured.pop(key, None)
        if key not in self._returned:
            self._declined[session.project] = self.desk.now()
        self._returned.discard(key)

    def _wanted(self, warm: Sequence[Project], sessions: Sequence[Session]) -> list[Wanted]:
        """What should be there, the project used last first."""
        open_ones = {session.project for session in sessions if session.state not in ENDED}
        found = []
        for project in warm:
            used = self._used(project)
            declined = self._declined.get(project.name, used)
            if project.name in open_ones or used < declined or self.desk.now() - used > KEPT_FOR:
                continue
            try:
                one = self._one(project, [session for session in sessions if session.project == project.name], used)
            except WorkbenchError:
                continue  # what is wrong is said where the person asks for it
            if one:
                found.append(one)
        return sorted(found, key=lambda one: one.used, reverse=True)

    def _used(self, project: Project) -> datetime:
        """When a person last had to do with it, as far as sessions are concerned."""
        try:
            declared = datetime.fromtimestamp(os.stat(project.path / "project.yaml").st_mtime, UTC)
        except OSError:
            declared = datetime.fromtimestamp(0, UTC)
        with self.desk.read() as connection:
            return max(declared, rows.last_use(connection, project.name) or declared)

    def _one(self, project: Project, sessions: Sequence[Session], used: datetime) -> Wanted | None:
        """With the tool that was used last, else the first of its environment; None where that has none."""
        bench = self.desk.bench
        spec = environments.for_project(bench, project)
        own = [session for session in sessions if session.ide in spec.ides]
        last = max(own, key=lambda session: session.ended or session.created, default=None)
        tool = ides.of_session(bench, last) if last else ides.fitting(spec.tools)
        if tool is None:
            return None
        file = apps.chosen(project, tool, last.file if last else "") if tool.takes_file else ""
        return Wanted(project, spec, tool.name, file, shape(bench, project, spec, tool, file), used)

    def _give_back(self, spares: Iterable[Session], wanted: Sequence[Wanted]) -> None:
        """Those that are not wanted any more, are of another shape, or are too many."""
        places = {one.name: one for one in wanted}
        left = self.desk.settings.warm_sessions
        room = self.desk.budget.room("sessions", self.desk.settings.warm_memory)
        self.desk.budget.say("sessions", sum(self._takes.get(spare.project, 0) for spare in spares))
        short = memory_left() < 0
        order = {name: place for place, name in enumerate(places)}
        for spare in sorted(spares, key=lambda one: order.get(one.name, len(order))):
            if spare.desired is Desired.DOWN:
                continue
            one = places.get(spare.name)
            takes = self._takes.get(spare.project, 0)
            if one is None:
                why = "its project does not need it now"
            elif one.shape != spare.spare:
                why = "its declaration has changed"
            elif spare.revision and spare.revision != self._revision(one):
                why = "its environment was built anew"
            elif left < 1 or takes > room:
                why = "settings allow no more"
            elif short:
                why = "the machine's memory is short"
                short = False  # one after the other: the next look measures again
                self._not_before[spare.project] = time.monotonic() + AGAIN
            else:
                left, room = left - 1, room - takes
                continue
            self._returned.add((spare.id, spare.generation))
            with self.desk.write() as connection:
                rows.give_back(connection, spare.id, at=self.desk.now(), actor=self.desk.actor, why=why)
            log.info("spare %s is given back: %s", spare.name, why)
            self.desk.wake()

    def _ask_for(self, spares: Sequence[Session], wanted: Iterable[Wanted], known: Sequence[Session]) -> None:
        """One at a time, and only while nobody waits for a session of their own."""
        coming = {S.QUEUED, S.PREPARING, S.STARTING}
        if any(session.state in coming for session in known):
            return
        there = {spare.name for spare in spares}
        left = self.desk.settings.warm_sessions - len(spares)
        room = self.desk.budget.room("sessions", self.desk.settings.warm_memory)
        room -= sum(self._takes.get(spare.project, GUESS) for spare in spares)
        for one in wanted:
            takes = self._takes.get(one.project.name, GUESS)
            if left < 1 or takes > room or takes > memory_left():
                return
            if one.name in there or time.monotonic() < self._not_before.get(one.project.name, 0.0):
                continue
            if self._revision(one) and self._engine_answers(one) and self._request(one):
                self.desk.wake()
                return

    def _revision(self, one: Wanted) -> str:
        """The revision that a session of it would have now, without asking its engine; empty where it has to be built."""
        with self.desk.read() as connection:
            return revision(connection, one.spec)

    def _engine_answers(self, one: Wanted) -> bool:
        with self.desk.read() as connection:
            chosen = environment_rows.chosen(connection, one.spec.name)
        return chosen is not None and not self.engines.problem(chosen.engine)[0]

    def _request(self, one: Wanted) -> bool:
        with self.desk.write() as connection:
            made = rows.request(
                connection, name=one.name, project=one.project.name, ide=one.ide, environment=one.spec.name,
                file=one.file, shape=one.shape, at=self.desk.now(), actor=self.desk.actor,
            )  # fmt: skip
        if made is not None:
            log.info("spare %s is started", one.name)
        return made is not None
