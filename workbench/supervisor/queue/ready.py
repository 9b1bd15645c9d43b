"""Whether an environment can be used now: built, being built, failed, or on an engine that is down."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from datetime import datetime

from workbench.engines.registry import UNLESS, automatic
from workbench.errors import EngineDown, WorkbenchError
from workbench.model.build import Build, BuildState
from workbench.model.environment import EngineName, EnvironmentSpec, Revision
from workbench.model.run import Run
from workbench.services import environments, secrets
from workbench.store import builds as build_rows
from workbench.store import contained as contained_rows
from workbench.store import environments as rows
from workbench.store import revisions
from workbench.store.environments import Chosen
from workbench.store.events import Actor
from workbench.supervisor.desk import Desk
from workbench.supervisor.engines import Engines

TRUSTED = 60.0  # seconds for which a revision that the engine has shown is believed to be there


@dataclass(frozen=True)
class Usable:
    """It is built: `revision` of `spec` on `engine`."""

    spec: EnvironmentSpec
    engine: EngineName
    revision: Revision


@dataclass(frozen=True)
class NotYet:
    """It will be: `down` where its engine has to come back first, else it is being built."""

    reason: str
    hint: str = ""
    down: bool = False


@dataclass(frozen=True)
class Never:
    """It will not be without a person."""

    reason: str
    hint: str = ""


Readiness = Usable | NotYet | Never


class Environments:
    """Answers for runs and sessions, and asks for builds where they are needed."""

    def __init__(self, desk: Desk, engines: Engines) -> None:
        self.desk = desk
        self.engines = engines
        self._seen: dict[tuple[str, str], float] = {}

    def ready(self, name: str, asked: datetime, actor: Actor) -> Readiness:
        """Whether environment `name` is there for what was asked at `asked`; a build is queued where it is not.

        A build that failed since then is the answer; one that failed before is tried again.
        """
        spec = self._spec(name)
        if isinstance(spec, Never):
            return spec
        with self.desk.read() as connection:
            chosen = rows.chosen(connection, spec.name)
            held = chosen is not None and chosen.held
            revision = (
                revisions.by_id(connection, spec.name, chosen.revision)
                if chosen and held
                else revisions.of_declaration(connection, spec.name, spec.fingerprint)
            )
            newest = build_rows.newest(connection, spec.name)
            contained = contained_rows.home_uses(connection) and not (newest and newest.engine)
        if chosen and not held and spec.engine not in (None, chosen.engine):
            chosen = None  # the person has declared another since
        if chosen is None and contained and automatic(spec, self.desk.settings):
            problem, _ = self.engines.problem(EngineName.DOCKER)
            if problem:
                return NotYet(self.engines.down(EngineName.DOCKER, problem), UNLESS, down=True)
        if chosen:
            problem, hint = self.engines.problem(chosen.engine)
            if problem:
                return NotYet(self.engines.down(chosen.engine, problem), hint, down=True)
        found = self._use(spec, chosen, revision) if chosen and revision else None
        return found or self._build(spec, asked, actor)

    def doubt(self, name: str) -> None:
        """A run in it ended before its first cell did: what was built may be gone, and is looked for before the next."""
        for key in [key for key in self._seen if key[0] == name]:
            self._seen.pop(key, None)

    def as_it_was(self, run: Run) -> Readiness:
        """Whether the revision is there in which a run is to repeat another. None is built for it."""
        spec = self._spec(run.environment)
        if isinstance(spec, Never):
            return spec
        gone = Never(
            f"revision {run.revision} of environment {spec.name}, in which run {run.exactly} ran, is gone",
            f"As things are now: workbench runs again {run.exactly}",
        )
        with self.desk.read() as connection:
            revision = revisions.by_id(connection, spec.name, run.revision)
        if revision is None:
            return gone
        problem, hint = self.engines.problem(revision.engine)
        try:
            if problem:
                raise EngineDown(problem, hint=hint)
            # Its name and tools are what an engine looks for: its declaration may have moved on.
            there = self._there(replace(spec, ides=revision.ides), revision.engine, revision)
        except EngineDown as error:
            if not problem:
                self.engines.fell(revision.engine, error)
            return NotYet(self.engines.down(revision.engine, error.message), error.hint, down=True)
        return Usable(spec, revision.engine, revision) if there else gone

    def _spec(self, name: str) -> EnvironmentSpec | Never:
        try:
            spec = environments.spec(self.desk.bench, name)
        except WorkbenchError as error:
            return Never(f"environment {name}: {error.message}", error.hint)
        if missing := secrets.missing(self.desk.bench, spec):
            return Never(secrets.not_set(missing, spec.name), secrets.how_to_set(missing))
        return spec

    def _use(self, spec: EnvironmentSpec, chosen: Chosen, revision: Revision) -> Readiness | None:
        """What was built, where the engine still has it; None where it has to be built again."""
        try:
            there = self._there(spec, chosen.engine, revision)
        except EngineDown as error:
            self.engines.fell(chosen.engine, error)
            return NotYet(self.engines.down(chosen.engine, error.message), error.hint, down=True)
        if not there and chosen.held:
            return Never(
                f"environment {spec.name} is held at revision {revision.id}, which is gone",
                f"Use what is declared now: workbench environments activate {spec.name} --newest",
            )
        if there and (chosen.held or chosen.revision == revision.id):
            return Usable(spec, chosen.engine, revision)
        with self.desk.write() as connection:
            if there:
                revisions.follow(connection, spec.name, revision.id, spec.fingerprint)
            else:
                revisions.drop(connection, spec.name, revision.id)
        return Usable(spec, chosen.engine, revision) if there else None

    def _build(self, spec: EnvironmentSpec, asked: datetime, actor: Actor) -> Readiness:
        """What the builds of this very declaration say; a new one is queued where none says anything."""
        with self.desk.read() as connection:
            past = build_rows.page(connection, spec.name, limit=20)
        for build in past:
            if build.fingerprint != spec.fingerprint or (build.ended and build.ended < asked):
                continue
            if build.state in (BuildState.QUEUED, BuildState.BUILDING):
                return _being_built(spec, build)
            if build.state is BuildState.FAILED:
                return Never(
                    f"environment {spec.name} could not be built: {build.reason}",
                    build.hint or f"See: workbench logs b{build.id}",
                )
            if build.state is BuildState.CANCELLED:
                return Never(f"the build of environment {spec.name} was cancelled", "Start it again when you want it.")
        with self.desk.write() as connection:
            number = build_rows.request(connection, spec.name, spec.fingerprint, at=self.desk.now(), actor=actor)
        self.desk.wake()
        return NotYet(f"building environment {spec.name}", f"workbench logs b{number} -f")

    def _there(self, spec: EnvironmentSpec, engine: EngineName, revision: Revision) -> bool:
        key = (spec.name, revision.id)
        if time.monotonic() - self._seen.get(key, -TRUSTED) < TRUSTED:
            return True
        if self.engines.get(engine).find(spec, revision.id) is None:
            self._seen.pop(key, None)
            return False
        self._seen[key] = time.monotonic()
        return True


def _being_built(spec: EnvironmentSpec, build: Build) -> NotYet:
    waits = f": {build.reason}" if build.reason else ""
    return NotYet(f"building environment {spec.name}{waits}", f"workbench logs b{build.id} -f")
