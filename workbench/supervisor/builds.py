"""Builds: the oldest queued one is made in a thread of its own, its progress and its end written down."""

from __future__ import annotations

import itertools
import logging
import threading
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from workbench.engines.base import Cancelled, Engine
from workbench.engines.registry import automatic, choose
from workbench.errors import BuildFailed, EngineDown, WorkbenchError, in_words
from workbench.model.build import Build, BuildProgress, BuildState
from workbench.model.environment import EngineName, EnvironmentSpec, Pull, Revision
from workbench.services import environments
from workbench.store import builds as rows
from workbench.store import contained as contained_rows
from workbench.store import environments as environment_rows
from workbench.store import revisions as revision_rows
from workbench.store.environments import Chosen
from workbench.store.events import Actor
from workbench.supervisor.desk import Desk
from workbench.supervisor.engines import Engines
from workbench.text import one_line

log = logging.getLogger("workbench.supervisor.builds")
AT_ONCE = 1
PROGRESS = 0.4  # seconds between written moments
AGAIN = 5.0  # seconds until a build whose engine is down is looked at again


class Builds:
    """What is built now, by id, with the event that cancels it."""

    def __init__(self, desk: Desk, engines: Engines) -> None:
        self.desk = desk
        self.engines = engines
        self.running: dict[int, threading.Event] = {}
        self.held = threading.Event()  # set while things are removed from the disk
        self._tidying: threading.Thread | None = None
        self._last = 0.0

    def begin(self) -> None:
        """Remove what killed builds have left; no build starts before that is done."""
        self._tidying = self.desk.thread("tidy", self._tidy)

    def _tidy(self) -> None:
        with self.desk.read() as connection:
            used = {one.engine for one in environment_rows.all_chosen(connection).values()} | rows.engines(connection)
        for name in sorted(used):
            try:
                self.engines.get(name).tidy()
            except WorkbenchError as error:
                log.info("what builds on %s have left is not tidied: %s", name, error)

    @property
    def _room(self) -> bool:
        """Whether a build may be started."""
        tidy = self._tidying is None or not self._tidying.is_alive()
        free = len(self.running) < AT_ONCE and not self.held.is_set()
        return tidy and free and not self.desk.stopping.is_set()

    def look(self) -> float | None:
        """Cancel what shall be, start the oldest where there is room; seconds until the next look, None for none."""
        with self.desk.read() as connection:
            open_ones = rows.in_states(connection, {BuildState.QUEUED, BuildState.BUILDING})
        waits: list[float] = []
        for build in open_ones:
            self.desk.apart(f"build {build.id}", partial(self._one, build, waits.append), partial(self._say, build))
        return min(waits, default=None)

    def _one(self, build: Build, again: Callable[[float], None]) -> None:
        if build.id in self.running:
            if build.cancel_asked:
                self.running[build.id].set()
        elif build.state is BuildState.BUILDING:
            # Its supervisor died, or its end could not be written down: to build twice does no harm.
            if self._change(build, BuildState.QUEUED, reason="", started=None):
                log.info("build %d of %s was interrupted: queued again", build.id, build.environment)
                again(0.0)
        elif build.cancel_asked:
            self._change(build, BuildState.CANCELLED, reason="cancelled")
        elif self._room:
            if self._held_up(build):
                again(AGAIN)
            else:
                self._start(build)

    def stop(self) -> None:
        """The supervisor ends: builds are interrupted, and queued again by the next."""
        for cancelled in self.running.values():
            cancelled.set()

    def _held_up(self, build: Build) -> bool:
        """Whether its engine is known to be down."""
        with self.desk.read() as connection:
            chosen = environment_rows.chosen(connection, build.environment)
            contained = chosen is None and not build.engine and contained_rows.home_uses(connection)
        engine = chosen.engine if chosen else EngineName.DOCKER
        problem, _ = self.engines.problem(engine) if chosen or contained else ("", "")
        if not problem or self._declared_other(build, chosen):
            return False
        self.engines.waits()
        self._say(build, f"waits: {self.engines.down(engine, problem)}")
        return True

    def _say(self, build: Build, reason: str) -> None:
        """Say why a build does not begin yet, where that is new."""
        if build.reason != reason:
            with self.desk.write() as connection:
                rows.note_waiting(connection, build.id, reason)

    def _declared_other(self, build: Build, chosen: Chosen | None) -> bool:
        """Whether the person has declared another engine than the one that was chosen, or has the say on the choice."""
        try:
            spec = environments.spec(self.desk.bench, build.environment)
        except WorkbenchError:
            return True  # the build itself says what is wrong
        if chosen is None:
            return not automatic(spec, self.desk.settings)
        return spec.engine not in (None, chosen.engine)

    def _start(self, build: Build) -> None:
        if not self._change(build, BuildState.BUILDING, reason=""):
            return
        cancelled = self.running[build.id] = threading.Event()
        self.desk.thread(f"build-{build.id}", lambda: self._body(build, cancelled))

    def _body(self, build: Build, cancelled: threading.Event) -> None:
        begun = time.monotonic()
        try:
            end, facts = self._make(build, cancelled)
        except Exception as error:  # the outermost of this thread: the build ends in any case
            log.exception("build %d failed", build.id)
            end, facts = BuildState.FAILED, {"reason": f"workbench itself failed: {one_line(str(error), 200)}"}
        try:
            with self.desk.read() as connection:
                now = rows.get(connection, build.id)
            if now:
                self._change(now, end, **facts)
            log.info("build %d of %s: %s in %.1f s", build.id, build.environment, end, time.monotonic() - begun)
        finally:
            del self.running[build.id]

    def _make(self, build: Build, cancelled: threading.Event) -> tuple[BuildState, dict[str, Any]]:
        """The state it ends in, and what to write beside it."""
        name: EngineName | None = None
        try:
            spec = environments.spec(self.desk.bench, build.environment)
            if spec.fingerprint != build.fingerprint:
                return BuildState.CANCELLED, {"reason": "its declaration was changed before it was built"}
            name = self._engine(build, spec)
            revision = self._revision(build, spec, self.engines.get(name), cancelled)
            self._made(build, spec, name, revision)
        except Cancelled:
            if self.desk.stopping.is_set():
                return BuildState.QUEUED, {"reason": "", "started": None}
            return BuildState.CANCELLED, {"reason": "cancelled"}
        except EngineDown as error:
            if name:
                self.engines.fell(name, error)
            return BuildState.QUEUED, {"reason": f"waits: {one_line(error.message, 200)}", "started": None}
        except BuildFailed as error:
            step = f"{one_line(error.step, 80)}: " if error.step else ""
            hint = "\n".join(part for part in (error.hint, self._stays(build)) if part)
            return BuildState.FAILED, {"reason": f"{step}{one_line(error.message, 400)}", "hint": hint}
        except WorkbenchError as error:
            return BuildState.FAILED, {"reason": one_line(error.message, 400), "hint": error.hint}
        except OSError as error:
            said, hint = in_words(error)
            return BuildState.FAILED, {"reason": one_line(said, 400), "hint": hint}
        return BuildState.READY, {}

    def _revision(self, build: Build, spec: EnvironmentSpec, engine: Engine, cancelled: threading.Event) -> Revision:
        """The revision that is there already, unless a new one is forced; else the one that is made now."""
        engine.check(spec)
        revision_id = engine.revision_id(spec)
        log_path = self.desk.home.build_log(build.id)
        log_path.parent.mkdir(mode=0o700, exist_ok=True)
        with self.desk.read() as connection:
            forced = rows.forced(connection, build.id)
            before = revision_rows.before(connection, build.environment)
        found = engine.find(spec, revision_id)
        asks = engine.name is EngineName.DOCKER and spec.pulls(self.desk.settings.pull) is Pull.ALWAYS
        if found and not forced and not asks:
            with log_path.open("a", encoding="utf-8") as log_file:
                log_file.write(f"{found.reference} is there already, built before or by another home: nothing to do\n")
            return found
        if forced:
            revision_id = self._unused(spec, engine, revision_id)
        return engine.build(
            spec,
            revision_id,
            log=log_path,
            progress=lambda moment: self._tell(build, moment),
            cancelled=cancelled,
            fresh=forced,
            before=[one for one in before if one.engine is engine.name and one.agrees(before[0])],
        )

    def _stays(self, build: Build) -> str:
        """That what was built before is used on, where there is such."""
        with self.desk.read() as connection:
            before = revision_rows.of_declaration(connection, build.environment, build.fingerprint)
        return f"What was built before stays in use: {before.id}." if before else ""

    def _unused(self, spec: EnvironmentSpec, engine: Engine, revision_id: str) -> str:
        """An id beside those there are: what is built anew takes nothing away from runs and sessions of the old."""
        with self.desk.read() as connection:
            known = {row.revision.id for row in revision_rows.every(connection, spec.name)}
        ids = (f"{revision_id}-{number}" if number else revision_id for number in itertools.count())
        return next(one for one in ids if one not in known and engine.find(spec, one) is None)

    def _made(self, build: Build, spec: EnvironmentSpec, engine: EngineName, revision: Revision) -> None:
        self.desk.point()
        with self.desk.write() as connection:
            revision_rows.add(
                connection,
                spec.name,
                spec.fingerprint,
                revision,
                build=build.id,
                at=self.desk.now(),
                actor=Actor(build.by, build.account, build.origin),
            )
            rows.change(
                connection, build.id, BuildState.BUILDING, BuildState.READY, at=self.desk.now(), actor=self.desk.actor,
                engine=engine, revision=revision.id,
            )  # fmt: skip

    def _engine(self, build: Build, spec: EnvironmentSpec) -> EngineName:
        """The environment's engine: the one written down, else one chosen now and written down for good."""
        with self.desk.read() as connection:
            chosen = environment_rows.chosen(connection, spec.name)
            contained = contained_rows.home_uses(connection)
        if chosen is None or spec.engine not in (None, chosen.engine):
            name, why = choose(spec, self.desk.settings, self.desk.home, asked=build.engine, contained=contained)
            # A declaration that this engine refuses has no engine yet: the person may still change either.
            self.engines.get(name).check(spec)
            with self.desk.write() as connection:
                chosen = environment_rows.choose_engine(
                    connection, spec.name, name, why, at=self.desk.now(), actor=self.desk.actor,
                    declared=spec.engine is not None,
                )  # fmt: skip
        with self.desk.write() as connection:
            rows.set_engine(connection, build.id, chosen.engine)
        return chosen.engine

    def _tell(self, build: Build, moment: BuildProgress) -> None:
        if time.monotonic() - self._last < PROGRESS:
            return
        self._last = time.monotonic()
        with self.desk.bench.store.write() as connection:
            rows.note_progress(connection, build.id, moment)

    def _change(self, build: Build, new: BuildState, **fields: Any) -> bool:
        if build.state is new:
            return False
        with self.desk.write() as connection:
            return rows.change(
                connection, build.id, build.state, new, at=self.desk.now(), actor=self.desk.actor, **fields
            )
