"""Environments: what is declared, what was built of it, and builds."""

from __future__ import annotations

import os
import sqlite3
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from workbench.errors import NotFound, Refused
from workbench.model.build import ENDED, Build, BuildProgress, BuildState
from workbench.model.environment import EngineName, EnvironmentSpec, Pull, Revision
from workbench.model.project import Project
from workbench.services import secrets
from workbench.services.bench import Bench
from workbench.services.declared import catalogue
from workbench.services.supervision import control
from workbench.store import builds as build_rows
from workbench.store import environments as rows
from workbench.store import revisions
from workbench.store.environments import Chosen

if TYPE_CHECKING:
    from workbench.declare import Problem, Reading


STATES = ("not built", "queued", "building", "ready", "held", "failed", "stale", "invalid")


@dataclass(frozen=True)
class EnvironmentView:
    """An environment for lists: its declaration, and what is so.

    `state` is one of `STATES`: stale is built, and changed since; held stays at a revision that somebody chose; with
    invalid `spec` is None and `problems` say why. `engine` is None until it is chosen. `revision` is the one in use.
    `refusal` says why one that was asked for is not.
    """

    name: str
    spec: EnvironmentSpec | None
    state: str
    engine: EngineName | None = None
    engine_reason: str = ""
    revision: Revision | None = None
    held: bool = False
    moved_on: bool = False  # held, and what is declared now is another
    refusal: str = ""
    build: Build | None = None
    problems: tuple[Problem, ...] = ()
    notices: tuple[Problem, ...] = ()
    missing_secrets: tuple[str, ...] = ()
    source: Path | None = None
    built: datetime | None = None  # the revision in use

    @property
    def behind(self) -> str:
        """Why the newest build of what is declared failed, where one before it is in use; empty where it did not."""
        failed = self.build is not None and self.build.state is BuildState.FAILED
        return self.build.reason if self.build and failed and self.state in ("ready", "held") else ""

    @property
    def lacks(self) -> tuple[str, ...]:
        """What people may look for in what was built and will not find there, a sentence each."""
        if self.revision is None or self.spec is None:
            return ()
        no_kernel = "" if self.revision.kernels else "no Jupyter kernel: notebooks cannot run in it"
        missing = [ide for ide in self.spec.ides if ide not in self.revision.ides]
        no_ide = f"no program of {', '.join(missing)}: sessions of that cannot start in it" if missing else ""
        return tuple(sentence for sentence in (no_kernel, no_ide) if sentence)


def specs(bench: Bench) -> list[EnvironmentSpec]:
    """All environments that can be read: of the home, shipped, and of projects that declare their own, by name."""
    return [reading.value for reading in catalogue.readings(bench).values() if reading.value is not None]


def problems(bench: Bench) -> list[Problem]:
    """Everything wrong or worth knowing in declarations of environments, with paths as seen from the home."""
    found = {
        problem.labelled(bench.home.root)
        for reading in catalogue.readings(bench).values()
        for problem in (*reading.problems, *reading.notices, *_of_secrets(bench, reading))
    }
    return sorted([*found, *catalogue.wrong_suffix(bench)])


def spec(bench: Bench, name: str) -> EnvironmentSpec:
    """One environment: `python`, or `<project>/<file>`. Raises `NotFound` with the nearest, `DeclarationError`."""
    reading = catalogue.reading(bench, name)
    if reading is None:
        raise catalogue.unknown(bench, name)
    return reading.get()


def for_project(bench: Bench, project: Project) -> EnvironmentSpec:
    """What a project's notebooks run in: what it declares, else its standard files, else the home's default.

    Raises `DeclarationError` where the project or the environment cannot be read: never another in its place.
    """
    from workbench.declare import load_project

    if project.problem:
        load_project(project.path, name=project.name, linked=project.linked, state=bench.home.state).get()
        raise Refused(project.problem, title=f"project {project.name}")
    name = catalogue.name_for(bench, project)
    away = catalogue.unsettled(bench, project)
    if away and not away.notice and catalogue.reading(bench, name) is None:
        raise Refused(away.message, title=f"project {project.name}", hint=away.hint)
    return spec(bench, name)


def listing(bench: Bench) -> list[EnvironmentView]:
    """All environments with what is so of each, invalid ones too, by name."""
    readings = catalogue.readings(bench)
    with bench.store.read() as connection:
        chosen = rows.all_chosen(connection)
        moments = revisions.moments(connection)
        views = []
        for name, reading in readings.items():
            fingerprint = reading.value.fingerprint if reading.value else ""
            built = revisions.of_declaration(connection, name, fingerprint) if fingerprint else None
            known = chosen.get(name)
            older = revisions.by_id(connection, name, known.revision) if known and known.revision else None
            revision = older if known and known.held else built or older
            build = build_rows.newest(connection, name)
            view = _view(bench, name, reading, known, built, revision, build)
            views.append(replace(view, built=moments.get((name, revision.id))) if revision else view)
    return views


def view(bench: Bench, name: str) -> EnvironmentView:
    """One environment with what is so of it. Raises `NotFound` with the nearest."""
    known = {one.name: one for one in listing(bench)}
    if name not in known:
        raise catalogue.unknown(bench, name)
    return known[name]


def build(bench: Bench, name: str, *, force: bool = False) -> int | None:
    """Queue a build and return its id; None where this very declaration is built and `force` is not set: it is active then.

    With `pull: always` its image may have moved: the build that asks its registry is queued in any case. An open build of
    the same declaration is returned instead of a second one.
    """
    wanted = spec(bench, name)
    with bench.store.write() as connection:
        asks = wanted.pulls(bench.settings.pull) is Pull.ALWAYS
        if not force and not asks and revisions.of_declaration(connection, wanted.name, wanted.fingerprint) is not None:
            known = rows.chosen(connection, wanted.name)
            if known and known.held:
                revisions.release(connection, wanted.name, wanted.fingerprint, at=bench.now(), actor=bench.actor)
            return None
        number = build_rows.request(
            connection, wanted.name, wanted.fingerprint, at=bench.now(), actor=bench.actor, force=force,
            engine=engine_asked_for(),
        )  # fmt: skip
    control.tell(bench)
    return number


def engine_asked_for() -> str:
    """The engine that WORKBENCH_ENGINE names for this one command; empty for none. Raises `Refused` for one there is not."""
    word = os.environ.get("WORKBENCH_ENGINE", "")
    if word in ("", "auto"):
        return ""
    if word not in set(EngineName):
        raise Refused(
            f"there is no engine {word!r}", title="WORKBENCH_ENGINE", hint="Engines are: auto, docker, process."
        )
    return word


def carry_engine(bench: Bench, connection: sqlite3.Connection, name: str) -> None:
    """Ask for the build that a run or session will need, in its transaction, where this command names an engine."""
    engine = engine_asked_for()
    if not engine:
        return
    wanted = spec(bench, name)
    known = rows.chosen(connection, wanted.name)
    if known and known.held:
        return
    if revisions.of_declaration(connection, wanted.name, wanted.fingerprint) is None:
        build_rows.request(
            connection, wanted.name, wanted.fingerprint, at=bench.now(), actor=bench.actor, engine=engine
        )


def cancel_build(bench: Bench, build_id: int) -> bool:
    """Ask for a build's end; False where it has ended or was asked before."""
    get_build(bench, build_id)
    with bench.store.write() as connection:
        asked = build_rows.ask_cancel(connection, build_id, at=bench.now(), actor=bench.actor)
    control.tell(bench)
    return asked


def get_build(bench: Bench, build_id: int) -> Build:
    """One build. Raises `NotFound`."""
    with bench.store.read() as connection:
        found = build_rows.get(connection, build_id)
    if found is None:
        raise NotFound("build", f"b{build_id}", hint="See what there is: workbench environments")
    return found


def builds(bench: Bench, name: str = "", *, limit: int = 100) -> list[Build]:
    """Builds of one environment or of all, newest first."""
    with bench.store.read() as connection:
        return build_rows.page(connection, name, limit=limit)


def build_progress(bench: Bench, name: str) -> BuildProgress | None:
    """The newest moment of the environment's open build; None where none is open or it has said nothing yet."""
    with bench.store.read() as connection:
        newest = build_rows.newest(connection, name)
        return build_rows.progress(connection, newest.id) if newest and newest.state not in ENDED else None


def usual_seconds(bench: Bench, name: str) -> float | None:
    """How long the last good build of the environment took, for an expected time; None before the first."""
    with bench.store.read() as connection:
        return build_rows.usual_seconds(connection, name)


def build_log(bench: Bench, build_id: int) -> Path:
    """The full log of a build; the file is there once it began."""
    return bench.home.build_log(build_id)


def _of_secrets(bench: Bench, reading: Reading[EnvironmentSpec]) -> tuple[Problem, ...]:
    return secrets.notice(bench, reading.value) if reading.value else ()


def _view(
    bench: Bench,
    name: str,
    reading: Reading[EnvironmentSpec],
    chosen: Chosen | None,
    built: Revision | None,
    revision: Revision | None,
    build: Build | None,
) -> EnvironmentView:
    spec = reading.value
    held = bool(chosen and chosen.held and revision)
    return EnvironmentView(
        name=name,
        spec=spec,
        state="held" if held and not _open(build) and spec else _state(spec, built is not None, revision, build),
        engine=chosen.engine if chosen else spec.engine if spec else None,
        engine_reason=chosen.engine_reason if chosen else "",
        revision=revision,
        held=held,
        moved_on=held and (not built or built.id != (revision.id if revision else "")),
        refusal=chosen.refusal if chosen else "",
        build=build,
        problems=tuple(problem.labelled(bench.home.root) for problem in reading.problems),
        notices=tuple(
            problem.labelled(bench.home.root) for problem in (*reading.notices, *_of_secrets(bench, reading))
        ),
        missing_secrets=secrets.missing(bench, spec) if spec else (),
        source=spec.source if spec else catalogue.file_of(bench, name),
    )


def _open(build: Build | None) -> bool:
    return build is not None and build.state not in ENDED


def _state(spec: EnvironmentSpec | None, built: bool, revision: Revision | None, build: Build | None) -> str:
    if spec is None:
        return "invalid"
    if build and _open(build):
        return str(build.state)
    if built:
        return "ready"
    if build and build.state is BuildState.FAILED and build.fingerprint == spec.fingerprint:
        return "failed"
    return "stale" if revision else "not built"
